package placement_test

import (
	"math"
	"slices"

	"yardmaster/domain/placement"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// fits reports whether a need can be taken of what is free, where a total of 0 says
// nothing.
func fits(need, free, total resource.Amount) bool {
	return (need.CPU == 0 || total.CPU == 0 || need.CPU <= free.CPU) &&
		(need.Memory == 0 || total.Memory == 0 || need.Memory <= free.Memory)
}

func (w *modelWorker) used() (sum resource.Amount) {
	for _, j := range w.held {
		sum = sum.Plus(j.Resources)
	}
	return sum
}

func (w *modelWorker) load() float64 {
	load := 0.0
	for _, of := range [][2]int64{
		{int64(len(w.held)), int64(w.Slots)}, {w.used().CPU, w.Total.CPU}, {w.used().Memory, w.Total.Memory},
	} {
		if of[1] > 0 {
			load = max(load, float64(of[0])/float64(of[1]))
		}
	}
	return load
}

// could reports whether a worker, whatever it does now, is one for a request.
func (w *modelWorker) could(r placement.Request) bool {
	lacks := slices.ContainsFunc(r.Labels, func(l string) bool { return !slices.Contains(w.Labels, l) })
	return !lacks && w.Pool == r.Pool && w.Slots > 0 && fits(r.Resources, w.Total, w.Total)
}

func (w *modelWorker) possible(j modelJob) bool { return w.could(j.Request) && w.State.Takes() }

func (w *modelWorker) room(j modelJob) bool {
	return len(w.held) < w.Slots && fits(j.Resources, w.Total.Minus(w.used()), w.Total)
}

// passes reports whether a job must pass over a worker.
func (m *model) passes(j modelJob, id worker.ID) bool {
	for _, w := range m.workers {
		if w.possible(j) && !slices.Contains(j.Avoid, w.ID) {
			return slices.Contains(j.Avoid, id)
		}
	}
	return false
}

// spares reports whether a worker, that may be kept free for a job, can be given
// another.
func (m *model) spares(w *modelWorker, j modelJob) bool {
	if m.vacates(w.ID) {
		return m.vacated[j.Job] == w.ID
	}
	for _, k := range m.kept {
		if k.on != w.ID || m.byAge(k.modelJob, j) >= 0 {
			continue
		}
		slots, sum := 2, k.Resources.Plus(j.Resources)
		for _, h := range w.held {
			if h.told >= k.told {
				slots++
				sum = sum.Plus(h.Resources)
			}
		}
		return slots <= w.Slots && fits(sum, w.Total, w.Total)
	}
	return true
}

// excludedBy returns the number of the filter that keeps a job from a worker, or 7.
func (m *model) excludedBy(j modelJob, w *modelWorker) int {
	asks := []bool{
		!slices.ContainsFunc(j.Labels, func(l string) bool { return !slices.Contains(w.Labels, l) }),
		w.Pool == j.Pool,
		w.Slots > 0 && fits(j.Resources, w.Total, w.Total),
		w.State.Takes(),
		!m.passes(j, w.ID),
		w.room(j),
		m.spares(w, j),
	}
	if i := slices.Index(asks, false); i >= 0 {
		return i
	}
	return len(asks)
}

func (m *model) eligible(j modelJob) (all []*modelWorker) {
	for _, w := range m.workers {
		if m.excludedBy(j, w) == 7 {
			all = append(all, w)
		}
	}
	return all
}

// level is how many scarce labels of a worker a job has no use for, up to two.
func (m *model) level(j modelJob, w *modelWorker) (idle int) {
	for _, label := range w.Labels {
		if !slices.Contains(m.common[w.Pool], label) && !slices.Contains(j.Labels, label) {
			idle++
		}
	}
	return min(2, idle)
}

// weigh counts which labels are common in a pool, of whose workers one came or went,
// or became another. It does so only when an eighth of them did.
func (m *model) weigh(pool string) {
	var labels []string
	n := 0
	for _, w := range m.workers {
		if w.Pool == pool {
			n++
			labels = append(labels, w.Labels...)
		}
	}
	if 8*m.changes[pool] < n {
		return
	}
	m.changes[pool] = 0
	m.common[pool] = slices.DeleteFunc(labels, func(label string) bool {
		with := 0
		for _, w := range m.workers {
			if w.Pool == pool && slices.Contains(w.Labels, label) {
				with++
			}
		}
		return 2*with < n
	})
}

// join makes a worker known, or what is known of it another.
func (m *model) join(w placement.Worker) {
	old := m.workers[w.ID]
	if old == nil {
		m.workers[w.ID] = &modelWorker{Worker: w}
		m.changes[w.Pool]++
		m.weigh(w.Pool)
		return
	}
	was := old.Worker
	old.Worker = w
	if was.Pool != w.Pool || !slices.Equal(was.Labels, w.Labels) {
		m.changes[w.Pool]++
		m.changes[was.Pool]++
	}
	m.weigh(w.Pool)
	m.weigh(was.Pool)
}

func (m *model) leave(id worker.ID) {
	if w := m.workers[id]; w != nil {
		delete(m.workers, id)
		m.changes[w.Pool]++
		m.weigh(w.Pool)
	}
}

// best returns the workers that are equally good for a job.
func (m *model) best(j modelJob) []*modelWorker {
	all := m.eligible(j)
	least := func(measure func(w *modelWorker) float64) {
		low := math.Inf(1)
		for _, w := range all {
			low = min(low, measure(w))
		}
		all = slices.DeleteFunc(all, func(w *modelWorker) bool { return measure(w) > low })
	}
	least(func(w *modelWorker) float64 { return float64(m.level(j, w)) })
	least((*modelWorker).load)
	if j.Affinity != "" {
		least(func(w *modelWorker) float64 {
			if i := slices.Index(m.recent[j.Affinity], w.ID); i >= 0 {
				return float64(i)
			}
			return 9
		})
	}
	if len(all) != 1 {
		least(func(w *modelWorker) float64 { return float64(len(w.Labels)) })
		least(func(w *modelWorker) float64 { return float64(w.chosen) })
	}
	return all
}
