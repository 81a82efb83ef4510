package placement_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
)

// model says what a yard should do, the slow way: it looks at every job and every
// worker for each decision.
type model struct {
	seq, turn uint64
	waiting   []modelJob
	workers   map[worker.ID]*modelWorker
}

type modelJob struct {
	placement.Request
	seq uint64
}

type modelWorker struct {
	placement.Worker
	chosen uint64
	held   []modelJob
}

func (m *model) push(r placement.Request) {
	same := func(j modelJob) bool { return j.Job == r.Job }
	for _, w := range m.workers {
		if slices.ContainsFunc(w.held, same) {
			return
		}
	}
	if slices.ContainsFunc(m.waiting, same) {
		return
	}
	m.seq++
	m.waiting = append(m.waiting, modelJob{r, m.seq})
}

func (m *model) remove(of job.ID) bool {
	before := len(m.waiting)
	m.waiting = slices.DeleteFunc(m.waiting, func(j modelJob) bool { return j.Job == of })
	return len(m.waiting) < before
}

func (m *model) eligible(j modelJob) (best []*modelWorker) {
	for _, w := range m.workers {
		lacks := slices.ContainsFunc(j.Labels, func(l string) bool { return !slices.Contains(w.Labels, l) })
		if !lacks && w.State.Takes() && len(w.held) < w.Slots {
			best = append(best, w)
		}
	}
	slices.SortFunc(best, func(a, b *modelWorker) int {
		return cmp.Or(
			cmp.Compare(len(a.held)*b.Slots, len(b.held)*a.Slots),
			cmp.Compare(len(a.Labels), len(b.Labels)),
			cmp.Compare(a.chosen, b.chosen),
		)
	})
	return best
}

// next returns the job that is due and the workers that are equally good for it,
// or none.
func (m *model) next() (modelJob, []*modelWorker) {
	slices.SortFunc(m.waiting, func(a, b modelJob) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.seq, b.seq))
	})
	for _, j := range m.waiting {
		best := m.eligible(j)
		if len(best) > 1 {
			best = slices.DeleteFunc(best, func(w *modelWorker) bool { return w.ID == j.Avoid })
		}
		for i, w := range best {
			l := best[0]
			if len(w.held)*l.Slots != len(l.held)*w.Slots || len(w.Labels) != len(l.Labels) || w.chosen != l.chosen {
				best = best[:i]
				break
			}
		}
		if len(best) > 0 {
			return j, best
		}
	}
	return modelJob{}, nil
}

func (m *model) release(id worker.ID, of job.ID) (modelJob, bool) {
	w := m.workers[id]
	if w == nil {
		return modelJob{}, false
	}
	i := slices.IndexFunc(w.held, func(j modelJob) bool { return j.Job == of })
	if i < 0 {
		return modelJob{}, false
	}
	j := w.held[i]
	w.held = slices.Delete(w.held, i, i+1)
	return j, true
}

// machine drives a yard and the model side by side.
type machine struct {
	yard  *placement.Yard
	model model
}

func drawLabels(t *rapid.T) []string {
	return worker.CanonicalLabels(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "labels"))
}

func drawWorker(t *rapid.T) worker.ID { return wid(rapid.IntRange(0, 5).Draw(t, "worker")) }

func drawJob(t *rapid.T) job.ID { return id(rapid.IntRange(0, 20).Draw(t, "job")) }

func (m *machine) Push(t *rapid.T) {
	r := placement.Request{Job: drawJob(t), Labels: drawLabels(t), Priority: rapid.IntRange(-1, 1).Draw(t, "priority")}
	if rapid.Bool().Draw(t, "avoids") {
		r.Avoid = drawWorker(t)
	}
	if err := m.yard.Push(r); err != nil {
		t.Fatal(err)
	}
	m.model.push(r)
}

func (m *machine) PushAgain(t *rapid.T) { m.Push(t) } // makes pushing likelier

func (m *machine) Join(t *rapid.T) {
	state := rapid.SampledFrom([]worker.State{
		worker.Available, worker.Running, worker.Running, worker.Unhealthy, worker.Draining,
	}).Draw(t, "state")
	slots := rapid.IntRange(0, 4).Draw(t, "slots")
	w := placement.Worker{ID: drawWorker(t), Labels: drawLabels(t), Slots: slots, State: state}
	m.yard.Join(w)
	if old := m.model.workers[w.ID]; old != nil {
		old.Worker = w
		return
	}
	m.model.workers[w.ID] = &modelWorker{Worker: w}
}

func (m *machine) Leave(t *rapid.T) {
	w := drawWorker(t)
	var want []job.ID
	if of := m.model.workers[w]; of != nil {
		for _, j := range of.held {
			want = append(want, j.Job)
		}
	}
	delete(m.model.workers, w)
	got := slices.SortedFunc(slices.Values(m.yard.Leave(w)), byIndex)
	slices.SortFunc(want, byIndex)
	if !slices.Equal(got, want) {
		t.Fatalf("%s held %v, want %v", w, got, want)
	}
}

func byIndex(a, b job.ID) int { return cmp.Compare(a.Index, b.Index) }

func (m *machine) Remove(t *rapid.T) {
	of := drawJob(t)
	if got, want := m.yard.Remove(of), m.model.remove(of); got != want {
		t.Fatalf("removed %v, want %v", got, want)
	}
}

func (m *machine) Free(t *rapid.T) {
	w, of := drawWorker(t), drawJob(t)
	_, want := m.model.release(w, of)
	if got := m.yard.Free(w, of); got != want {
		t.Fatalf("freed %v, want %v", got, want)
	}
}

func (m *machine) Return(t *rapid.T) {
	w, of := drawWorker(t), drawJob(t)
	j, want := m.model.release(w, of)
	if got := m.yard.Return(w, of); got != want {
		t.Fatalf("returned %v, want %v", got, want)
	}
	if want {
		j.Avoid = w
		m.model.waiting = append(m.model.waiting, j)
	}
}

func (m *machine) Next(t *rapid.T) {
	j, best := m.model.next()
	a, ok := m.yard.Next()
	if ok != (best != nil) || ok && a.Job != j.Job {
		t.Fatalf("placed %v, %v; want %v", a, ok, j.Job)
	}
	if !ok {
		return
	}
	i := slices.IndexFunc(best, func(w *modelWorker) bool { return w.ID == a.Worker })
	if i < 0 {
		t.Fatalf("%v went to %s, want one of %d others", a.Job, a.Worker, len(best))
	}
	m.model.turn++
	best[i].chosen = m.model.turn
	m.model.remove(j.Job)
	best[i].held = append(best[i].held, j)
}

func (m *machine) NextAgain(t *rapid.T) { m.Next(t) } // makes placing likelier

// Check compares what both know, and what Why says with what Next would do.
func (m *machine) Check(t *rapid.T) {
	if m.yard.Waiting() != len(m.model.waiting) {
		t.Fatalf("%d wait, want %d", m.yard.Waiting(), len(m.model.waiting))
	}
	for _, w := range m.model.workers {
		if held, slots := m.yard.Load(w.ID); held != len(w.held) || slots != w.Slots {
			t.Fatalf("%s holds %d of %d, want %d of %d", w.ID, held, slots, len(w.held), w.Slots)
		}
	}
	for _, j := range m.model.waiting {
		why := m.yard.Why(j.Job)
		excluded := 0
		for _, x := range why.Excluded {
			excluded += x.Workers
		}
		if free := len(m.model.eligible(j)); why.Free != free || excluded+free != len(m.model.workers) {
			t.Fatalf("%v: %d free, want %d; %d excluded of %d\n%s", j.Job, why.Free, free, excluded, len(m.model.workers), why)
		}
		if ahead := m.ahead(j); why.Ahead != ahead {
			t.Fatalf("%v: %d ahead, want %d", j.Job, why.Ahead, ahead)
		}
	}
}

func (m *machine) ahead(j modelJob) (n int) {
	for _, other := range m.model.waiting {
		before := cmp.Or(cmp.Compare(other.Priority, j.Priority), cmp.Compare(j.seq, other.seq)) > 0
		rival := len(m.model.workers) == 0 || slices.Equal(j.Labels, other.Labels)
		for _, w := range m.model.workers {
			both := slices.Concat(j.Labels, other.Labels)
			rival = rival || !slices.ContainsFunc(both, func(l string) bool { return !slices.Contains(w.Labels, l) })
		}
		if before && rival {
			n++
		}
	}
	return n
}

// TestTheYardAgreesWithTheModel shows that the heaps and trees decide as looking at
// everything would.
func TestTheYardAgreesWithTheModel(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		m := &machine{placement.New(1000), model{workers: map[worker.ID]*modelWorker{}}}
		t.Repeat(rapid.StateMachineActions(m))
	})
}

// TestEqualJobsSpreadEvenlyOverEqualWorkers takes the evenness at its word: the
// fullest and the emptiest worker differ by one at most, while jobs only come.
func TestEqualJobsSpreadEvenlyOverEqualWorkers(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		workers, slots := rapid.IntRange(1, 20).Draw(t, "workers"), rapid.IntRange(1, 8).Draw(t, "slots")
		y := yard(workers, slots, "linux")
		jobs := rapid.IntRange(0, workers*slots+5).Draw(t, "jobs")
		for i := range jobs {
			if err := y.Push(placement.Request{Job: id(i), Labels: []string{"linux"}}); err != nil {
				t.Fatal(err)
			}
			_, placed := y.Next()
			if placed != (i < workers*slots) {
				t.Fatalf("job %d of %d slots placed: %v", i, workers*slots, placed)
			}
			loads := make([]int, workers)
			for w := range loads {
				loads[w], _ = y.Load(wid(w))
			}
			if slices.Max(loads)-slices.Min(loads) > 1 || slices.Max(loads) > slots {
				t.Fatalf("loads are %v of %d", loads, slots)
			}
		}
	})
}

// TestEveryPlacableJobIsPlaced shows that Next leaves no job waiting beside a free
// slot that it could have.
func TestEveryPlacableJobIsPlaced(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		m := &machine{placement.New(1000), model{workers: map[worker.ID]*modelWorker{}}}
		for range rapid.IntRange(0, 6).Draw(t, "joins") {
			m.Join(t)
		}
		for range rapid.IntRange(0, 30).Draw(t, "pushes") {
			m.Push(t)
		}
		for range m.yard.Waiting() + 1 {
			m.Next(t)
		}
		for _, j := range m.model.waiting {
			if n := len(m.model.eligible(j)); n > 0 {
				t.Fatalf("%d workers could take %v", n, j.Job)
			}
		}
	})
}
