package placement

import (
	"slices"
	"strings"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// Why explains why a job waits. It looks at every worker.
func (y *Yard) Why(id job.ID, now time.Time) Explanation {
	e := Explanation{Job: id, At: now}
	if t, holds := y.taken[id]; holds {
		e.Worker = y.fleet.members[t.member].id
		return e
	}
	entry, waits := y.queue.Get(id)
	if !waits {
		return e
	}
	l := y.lanes.at(int32(entry.Class))
	e.Waiting, e.Priority, e.QueuedAt = true, int(noteOf(entry.Note).priority), y.queuedAt(entry)
	e.Project, e.Avoid = y.shares.all[l.share].name, slices.Clone(y.avoid[id])
	y.explainShare(&e, l.share)
	y.explainBounds(&e, l.share)
	y.explainPlace(&e, entry)
	d := y.demands.all[l.demand]
	y.explainWorkers(&e, &wish{d, placeOf(entry), y.binding(l.demand, entry)}, filters[:])
	for i := range y.reserved {
		if y.reserved[i].job == id {
			e.Reserved, e.Victim = y.fleet.members[y.reserved[i].member].id, y.reserved[i].victim
		}
	}
	return e
}

// explainShare says what the project has, if it is not alone.
func (y *Yard) explainShare(e *Explanation, own int32) {
	weights, active := 0.0, 0
	for _, s := range y.shares.all {
		if s != nil && s.jobs > 0 {
			active++
			weights += s.limits.Share()
		}
	}
	if active < 2 {
		return
	}
	slots := 0
	for _, m := range y.fleet.of {
		slots += y.fleet.members[m].slots
	}
	s := y.shares.all[own]
	e.Share = &Share{Held: s.held, Slots: slots, Fair: float64(slots) * s.limits.Share() / weights}
}

// explainBounds says which limits of the project bind.
func (y *Yard) explainBounds(e *Explanation, own int32) {
	s := y.shares.all[own]
	if most := s.limits.Running; most > 0 && s.held >= most {
		e.bind(Bound{Limit: "running", Most: float64(most)}, s.held)
	}
	if opens := s.pace.opens(); opens.After(e.At) {
		e.bind(Bound{Limit: "rate", Most: s.limits.StartsPerSecond, Until: opens}, 0)
	}
}

// explainWorkers says what the filters do. It looks at every worker.
func (y *Yard) explainWorkers(e *Explanation, w *wish, ask []filter) {
	e.Demand, e.Pool, e.Resources = slices.Clone(w.demand.labels), w.demand.pool, w.demand.need
	excluded := make([]int, len(ask))
	count := counting{lacks: map[string]int{}, only: map[string]int{}, states: map[worker.State]int{}}
	for _, m := range y.fleet.of {
		of := &y.fleet.members[m]
		e.Workers++
		out := slices.IndexFunc(ask, func(f filter) bool { return !f.admits(y, w, of) })
		if out >= 0 {
			excluded[out]++
		} else {
			e.Free++
			out = len(ask)
		}
		count.labels(e.Demand, y.fleet.kinds[of.kind].labels)
		y.explainWorker(e, w, of, out, &count)
	}
	count.into(e)
	left := e.Workers
	for i, n := range excluded {
		if n > 0 {
			e.Excluded = append(e.Excluded, Exclusion{ask[i].name, n, ask[i].reason(e, n, left)})
		}
		left -= n
	}
}

// explainWorker counts a worker that passed the filters before number out.
func (y *Yard) explainWorker(e *Explanation, w *wish, m *member, out int, count *counting) {
	passed := func(name string) bool {
		return out > slices.IndexFunc(filters[:], func(f filter) bool { return f.name == name })
	}
	if passed("labels") {
		e.Matching++
	}
	if passed("pool") && !passed("resources") {
		e.TooSmall.add(m, w.demand.need, m.all())
	}
	if passed("resources") {
		e.Fitting++
	}
	if passed("resources") && !passed("state") {
		count.states[m.state]++
	}
	if !passed("avoid") {
		return
	}
	e.Ready++
	e.Used += len(m.held)
	e.Slots += m.slots
	if !passed("room") {
		if len(m.held) < m.slots {
			e.Full.add(m, w.demand.need, m.all().Minus(m.used))
		}
		if at, known := y.fitsAt(m, w.demand.need, e.At); known && (e.FreeAt.IsZero() || at.Before(e.FreeAt)) {
			e.FreeAt = at
		}
	} else if !passed("reservation") {
		r := &y.reserved[m.reserved]
		e.Kept = append(e.Kept, Keeping{m.id, r.job})
	}
}

// counting is what is counted by label and state.
type counting struct {
	lacks, only map[string]int
	states      map[worker.State]int
}

func (c *counting) labels(demand, labels []string) {
	lack := lacking(demand, labels)
	for _, label := range lack {
		c.lacks[label]++
	}
	if len(lack) == 1 {
		c.only[lack[0]]++
	}
}

func (c *counting) into(e *Explanation) {
	for _, label := range e.Demand {
		e.Labels = append(e.Labels, LabelCount{label, e.Workers - c.lacks[label], c.only[label]})
	}
	for s := worker.Unknown; s <= worker.Gone; s++ {
		if c.states[s] > 0 {
			e.States = append(e.States, StateCount{s, c.states[s]})
		}
	}
	slices.SortFunc(e.Kept, func(a, b Keeping) int { return strings.Compare(string(a.Worker), string(b.Worker)) })
}

// add counts a worker that has too little: it has this much.
func (s *Shortage) add(m *member, need, has resource.Amount) {
	s.Workers++
	if m.slots == 0 {
		s.NoSlots++
		return
	}
	cpu := resource.Amount{CPU: need.CPU}.Fits(has)
	memory := resource.Amount{Memory: need.Memory}.Fits(has)
	if memory && !cpu {
		s.OnlyCPU++
	}
	if cpu && !memory {
		s.OnlyMemory++
	}
	s.Most.CPU, s.Most.Memory = max(s.Most.CPU, has.CPU), max(s.Most.Memory, has.Memory)
}
