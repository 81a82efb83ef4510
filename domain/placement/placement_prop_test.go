package placement_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/resource"
)

// Check compares what both know, and what Why and its kin say with what Next would do.
func (m *machine) Check(t *rapid.T) {
	if m.yard.Waiting() != len(m.model.waiting) {
		t.Fatalf("%d wait, want %d", m.yard.Waiting(), len(m.model.waiting))
	}
	at, ok := m.yard.NextAt(m.now)
	if want, will := m.model.nextAt(m.now); ok != will || ok && !at.Equal(want) {
		t.Fatalf("next at %v, %v; want %v, %v", at, ok, want, will)
	}
	for _, w := range m.model.workers {
		held, slots, used := m.yard.Load(w.ID)
		if held != len(w.held) || slots != w.Slots || used != w.used() {
			t.Fatalf("%s holds %d of %d and %s, want %d of %d and %s",
				w.ID, held, slots, used, len(w.held), w.Slots, w.used())
		}
	}
	for _, p := range []string{"a", "b", "c"} {
		want := 0
		for _, j := range m.model.waiting {
			if j.Project == p {
				want++
			}
		}
		if got := m.yard.WaitingOf(p); got != want {
			t.Fatalf("%d of %s wait, want %d", got, p, want)
		}
	}
	for _, a := range []string{"x", "y"} {
		if got, _ := m.yard.Typical(a); got != m.model.typical[a] {
			t.Fatalf("typical of %s is %s, want %s", a, got, m.model.typical[a])
		}
	}
	for _, j := range m.model.waiting {
		m.checkWhy(t, j)
	}
	m.checkDemands(t)
	m.checkVictim(t)
}

func (m *machine) checkWhy(t *rapid.T, j modelJob) {
	why := m.yard.Why(j.Job, m.now)
	names := []string{"labels", "pool", "resources", "state", "avoid", "room", "reservation"}
	want := make([]int, len(names)+1)
	ever := false
	for _, w := range m.model.workers {
		want[m.model.excludedBy(j, w)]++
		ever = ever || w.could(j.Request)
	}
	got := make([]int, len(names)+1)
	for _, x := range why.Excluded {
		got[slices.Index(names, x.Filter)] = x.Workers
	}
	got[len(names)] = why.Free
	if !slices.Equal(got, want) {
		t.Fatalf("%v: excluded %v, want %v\n%s", j.Job, got, want, why)
	}
	ahead, first := m.ahead(j)
	var named []job.ID
	for _, r := range why.First {
		named = append(named, r.Job)
	}
	if why.Ahead != ahead || !slices.Equal(named, first) {
		t.Fatalf("%v: %d ahead, first %v; want %d, %v", j.Job, why.Ahead, named, ahead, first)
	}
	if on := cmp.Or(m.model.kept[j.Job].on, m.model.vacated[j.Job]); why.Reserved != on {
		t.Fatalf("%v: %q is kept free, want %q", j.Job, why.Reserved, on)
	}
	if (len(why.Bounds) == 0) != m.model.may(j.Project) && m.now.Equal(m.model.asked) {
		t.Fatalf("%v: bounds are %v", j.Job, why.Bounds)
	}
	if could := m.yard.Could(j.Request); could.Ever != ever || could.Ever != (could.Reason == "") {
		t.Fatalf("%v could be taken: %v, want %v", j.Job, could, ever)
	}
}

// ahead places one competing job after the other, and no worker is ever full.
func (m *machine) ahead(j modelJob) (n int, first []job.ID) {
	rivals := slices.DeleteFunc(slices.Clone(m.model.waiting), func(o modelJob) bool { return !m.compete(j, o) })
	placed := map[string]int{}
	for {
		var next modelJob
		for _, o := range rivals {
			running := m.model.config.Projects.Of(o.Project).Running
			full := !m.model.may(o.Project) || running > 0 && m.model.held(o.Project)+placed[o.Project] >= running
			if full && o.Project != j.Project {
				continue
			}
			l, r := m.model.ratio(o.Project, placed[o.Project]), m.model.ratio(next.Project, placed[next.Project])
			if next.seq == 0 || l < r || l == r && m.model.byAge(o, next) < 0 {
				next = o
			}
		}
		if next.Job == j.Job {
			return n, first
		}
		if n++; n <= 5 {
			first = append(first, next.Job)
		}
		placed[next.Project]++
		rivals = slices.DeleteFunc(rivals, func(o modelJob) bool { return o.Job == next.Job })
	}
}

// compete reports whether some worker has the labels and the pool for both.
func (m *machine) compete(j, other modelJob) bool {
	if len(m.model.workers) == 0 || alike(j, other) {
		return true
	}
	for _, w := range m.model.workers {
		both := slices.Concat(j.Labels, other.Labels)
		lacks := slices.ContainsFunc(both, func(l string) bool { return !slices.Contains(w.Labels, l) })
		if !lacks && w.Pool == j.Pool && w.Pool == other.Pool {
			return true
		}
	}
	return false
}

func (m *machine) checkDemands(t *rapid.T) {
	waiting, held, stuck := 0, 0, 0
	for _, d := range m.yard.Demands(m.now) {
		waiting, held, stuck = waiting+d.Waiting, held+d.Held, stuck+d.Stuck
	}
	wantHeld, wantStuck := 0, 0
	for _, w := range m.model.workers {
		wantHeld += len(w.held)
	}
	for _, j := range m.model.waiting {
		ever := false
		for _, w := range m.model.workers {
			ever = ever || w.could(j.Request)
		}
		if !ever {
			wantStuck++
		}
	}
	if waiting != len(m.model.waiting) || held != wantHeld || stuck != wantStuck {
		t.Fatalf("%d wait, %d hold, %d are stuck; want %d, %d, %d",
			waiting, held, stuck, len(m.model.waiting), wantHeld, wantStuck)
	}
}

// checkVictim compares who would be preempted, when Next was asked just now: the
// question moves the clock of the limits.
func (m *machine) checkVictim(t *rapid.T) {
	if !m.now.Equal(m.model.asked) {
		return
	}
	victim, of, ok := m.yard.Preempt(m.now)
	j, want, will := m.victim()
	if ok != will || ok && (of != j.Job || victim.Job != want.Job) {
		t.Fatalf("%v for %v, %v; want %v for %v, %v", victim.Job, of, ok, want.Job, j.Job, will)
	}
}

func (m *machine) victim() (next, victim modelJob, ok bool) {
	lanes := slices.DeleteFunc(m.model.lanes(), func(lane []modelJob) bool {
		return !slices.ContainsFunc(m.workers(), func(w *modelWorker) bool { return w.possible(lane[0]) })
	})
	slices.SortFunc(lanes, func(a, b []modelJob) int { return m.model.order(a[0], b[0]) })
	var before []modelJob
	for _, lane := range lanes[:min(16, len(lanes))] {
		i := slices.IndexFunc(lane[:min(16, len(lane))], func(j modelJob) bool {
			_, served := m.model.vacated[j.Job]
			return !served
		})
		if i < 0 {
			continue
		}
		next = lane[i]
		if m.now.Sub(next.QueuedAt) >= m.model.config.ReserveAfter && len(m.model.eligible(next)) == 0 {
			if victim, ok = m.victimOf(next, before); ok {
				return next, victim, true
			}
		}
		before = append(before, next)
	}
	return next, victim, false
}

func (m *machine) victimOf(next modelJob, before []modelJob) (victim modelJob, ok bool) {
	for _, w := range m.workers() {
		for _, h := range w.held {
			rest := modelWorker{Worker: w.Worker, held: slices.DeleteFunc(slices.Clone(w.held), func(j modelJob) bool {
				return j.Job == h.Job
			})}
			would := func(j modelJob) bool {
				return w.possible(j) && rest.room(j) && !m.model.passes(j, w.ID) && m.model.spares(w, j)
			}
			if !would(next) || slices.ContainsFunc(before, would) || !h.GivesWay || h.Priority >= next.Priority {
				continue
			}
			if !ok || h.Priority < victim.Priority || h.Priority == victim.Priority && h.told > victim.told {
				victim, ok = h, true
			}
		}
	}
	return victim, ok
}

func (m *machine) workers() (all []*modelWorker) {
	for _, w := range m.model.workers {
		all = append(all, w)
	}
	return all
}

// TestTheYardAgreesWithTheModel shows that the heaps and trees decide as looking at
// everything would.
func TestTheYardAgreesWithTheModel(t *testing.T) {
	t.Parallel()

	for i := range 8 { // the more the better: some rules need several things to meet
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()

			rapid.Check(t, func(t *rapid.T) { t.Repeat(rapid.StateMachineActions(newMachine(t))) })
		})
	}
}

// TestEqualJobsSpreadEvenlyOverEqualWorkers takes the evenness at its word: the
// fullest and the emptiest worker differ by one at most, while jobs only come, with
// resources and something in common or without.
func TestEqualJobsSpreadEvenlyOverEqualWorkers(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		workers, slots := rapid.IntRange(1, 20).Draw(t, "workers"), rapid.IntRange(1, 8).Draw(t, "slots")
		total := resource.Amount{CPU: int64(rapid.IntRange(0, 16).Draw(t, "cpu"))}
		need := resource.Amount{CPU: rapid.Int64Range(0, 3).Draw(t, "need")}
		room := slots
		if total.CPU > 0 && need.CPU > 0 {
			room = min(room, int(total.CPU/need.CPU))
		}
		affinity := rapid.SampledFrom([]string{"", "x"}).Draw(t, "affinity")
		y := placement.New(placement.Config{Limit: 1000})
		for i := range workers {
			y.Join(placement.Worker{ID: wid(i), Labels: []string{"linux"}, Slots: slots, Total: total, State: 1})
		}
		for i := range rapid.IntRange(0, workers*slots+5).Draw(t, "jobs") {
			r := placement.Request{Job: id(i), Labels: []string{"linux"}, Resources: need, Affinity: affinity}
			if err := y.Push(r); err != nil {
				t.Fatal(err)
			}
			_, placed := y.Next(start.Add(time.Duration(i)))
			if placed != (i < workers*room) {
				t.Fatalf("job %d of room for %d placed: %v", i, workers*room, placed)
			}
			loads := make([]int, workers)
			for w := range loads {
				loads[w], _, _ = y.Load(wid(w))
			}
			if slices.Max(loads)-slices.Min(loads) > 1 || slices.Max(loads) > room {
				t.Fatalf("loads are %v of %d", loads, room)
			}
		}
	})
}

// TestEveryPlacableJobIsPlaced shows that Next leaves no job waiting beside room that
// it could have.
func TestEveryPlacableJobIsPlaced(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		m := emptyMachine(t)
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
			if n := len(m.model.eligible(j)); n > 0 && m.model.may(j.Project) {
				t.Fatalf("%d workers could take %v", n, j.Job)
			}
		}
	})
}
