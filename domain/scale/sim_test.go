package scale_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/scale"
)

// world is a yard in steps of a second: jobs of one or two kinds arrive, the least
// loaded worker that can takes each, and what Decide says is done.
type world struct {
	t        require.TestingT
	classes  []scale.Class
	memories map[string]scale.Memory
	now      time.Time
	workers  []*machine
	queue    []task
	next     int

	steps     []int // the number of workers that there should be, whenever it changed
	launches  int
	drained   int
	started   int
	longest   time.Duration // wait
	stillborn bool          // no launch ever registers
}

type machine struct {
	scale.Worker
	up   time.Time
	ends []time.Time // of its attempts
}

type task struct {
	labels  []string
	takes   time.Duration
	arrived time.Time
}

func newWorld(t require.TestingT, classes ...scale.Class) *world {
	return &world{t: t, classes: classes, memories: map[string]scale.Memory{}, now: noon}
}

// arrive queues n jobs.
func (w *world) arrive(n int, takes time.Duration, labels ...string) {
	for range n {
		w.queue = append(w.queue, task{labels, takes, w.now})
	}
}

// tick lets a second pass.
func (w *world) tick() {
	w.now = w.now.Add(time.Second)
	for _, m := range w.workers {
		m.run(w)
	}
	w.place()
	w.decide()
}

func (m *machine) run(w *world) {
	if m.Phase == scale.Booting && !w.stillborn && !w.now.Before(m.up) {
		w.memories[m.Class] = w.memories[m.Class].Registered(w.now.Sub(m.Since))
		m.Phase, m.Since = scale.Ready, w.now
	}
	before := len(m.ends)
	m.ends = slices.DeleteFunc(m.ends, func(end time.Time) bool { return !w.now.Before(end) })
	if m.Held = len(m.ends); m.Held == 0 && before > 0 {
		m.Since = w.now
	}
}

// place gives every job that waits to the least loaded worker that can take it.
func (w *world) place() {
	w.queue = slices.DeleteFunc(w.queue, func(j task) bool {
		var best *machine
		for _, m := range w.workers {
			can := m.Phase == scale.Ready && m.Held < m.Slots && hasAll(m.Labels, j.labels)
			if can && (best == nil || m.Held*best.Slots < best.Held*m.Slots) {
				best = m
			}
		}
		if best == nil {
			return false
		}
		best.ends = append(best.ends, w.now.Add(j.takes))
		best.Held++
		w.started++
		w.longest = max(w.longest, w.now.Sub(j.arrived))
		return true
	})
}

func hasAll(labels, demanded []string) bool {
	return !slices.ContainsFunc(demanded, func(l string) bool { return !slices.Contains(labels, l) })
}

// demands returns what waits and runs, by labels.
func (w *world) demands() (all []scale.Demand) {
	at := map[string]int{}
	for _, j := range w.queue {
		key := fmt.Sprint(j.labels)
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, scale.Demand{Labels: j.labels, Typical: j.takes, OldestWait: w.now.Sub(j.arrived)})
		}
		all[i].Waiting++
	}
	return all
}

// decide does what is decided, and checks what must hold.
func (w *world) decide() {
	s := scale.Situation{Now: w.now, Demands: w.demands()}
	for _, m := range w.workers {
		s.Workers = append(s.Workers, m.Worker)
	}
	verdicts, memories := scale.Decide(w.classes, w.memories, s)
	w.memories = memories
	total := 0
	for i, v := range verdicts {
		c := w.classes[i]
		total += v.Desired
		w.remove(v, c)
		for range v.Launch {
			w.launch(c)
		}
		// Plain conditions: these are checked a million times.
		if v.Desired > c.Most || v.Desired < c.Least || w.count(c) > c.Most || len(v.Why) == 0 {
			require.Fail(w.t, "beyond the limits, or unexplained", "%d of %v: %+v", w.count(c), c, v)
		}
	}
	if len(w.steps) == 0 || w.steps[len(w.steps)-1] != total {
		w.steps = append(w.steps, total)
	}
}

func (w *world) remove(v scale.Verdict, c scale.Class) {
	for _, name := range slices.Concat(v.Drain, v.GiveUp) {
		i := slices.IndexFunc(w.workers, func(m *machine) bool { return m.Name == name })
		require.GreaterOrEqual(w.t, i, 0, "%s is not there", name)
		require.Zero(w.t, w.workers[i].Held, "a worker that holds something is never drained")
		require.Equal(w.t, c.Name, w.workers[i].Class)
		w.workers = slices.Delete(w.workers, i, i+1)
	}
	w.drained += len(v.Drain)
	if len(v.Drain) > 0 {
		require.GreaterOrEqual(w.t, v.Connected-len(v.Drain), c.Least)
	}
}

func (w *world) launch(c scale.Class) {
	w.next++
	w.launches++
	w.workers = append(w.workers, &machine{
		Worker: scale.Worker{
			Name: fmt.Sprintf("%s-%03d", c.Name, w.next), Class: c.Name, Labels: c.Labels, Slots: c.Slots, Since: w.now,
		},
		up: w.now.Add(c.Boot),
	})
}

func (w *world) count(c scale.Class) (n int) {
	for _, m := range w.workers {
		if m.Class == c.Name {
			n++
		}
	}
	return n
}

// turns is how often the number of workers changed its direction.
func (w *world) turns() (n int) {
	for i := 2; i < len(w.steps); i++ {
		if (w.steps[i] > w.steps[i-1]) != (w.steps[i-1] > w.steps[i-2]) {
			n++
		}
	}
	return n
}

// anyClasses returns a class for everything and a dearer one for special work.
func anyClasses(t *rapid.T) (small, big scale.Class) {
	second := func(name string, low, high int) time.Duration {
		return time.Duration(rapid.IntRange(low, high).Draw(t, name)) * time.Second
	}
	small, big = class("small", "linux"), class("big", "gpu", "linux")
	small.Slots, small.Boot = rapid.IntRange(1, 8).Draw(t, "slots"), second("boot", 1, 40)
	small.CooldownUp, small.Idle = second("cooldown up", 0, 30), second("idle", 30, 120)
	small.CooldownDown = second("cooldown down", 0, 60)
	small.Least = rapid.IntRange(0, 2).Draw(t, "least")
	big.Boot, big.Idle, big.Cost = small.Boot, small.Idle, 4
	return small, big
}

// settle lets the load end, and requires that everything has run and that no more
// than the least is left.
func (w *world) settle() {
	idle := time.Duration(0)
	for _, c := range w.classes {
		idle = max(idle, c.Idle+c.CooldownDown)
	}
	for limit := 0; len(w.queue) > 0; limit++ {
		if limit > 20_000 {
			require.Fail(w.t, "jobs wait for ever", "%d of them", len(w.queue))
		}
		w.tick()
	}
	for range int((3*idle + 3*time.Minute) / time.Second) {
		w.tick()
	}
	for _, c := range w.classes {
		require.Equal(w.t, c.Least, w.count(c), "of class %s", c.Name)
	}
}

func TestAConstantLoadNeedsAConstantNumber(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		small, big := anyClasses(t)
		w := newWorld(t, small, big)
		takes := time.Duration(rapid.IntRange(5, 60).Draw(t, "takes")) * time.Second
		every := rapid.IntRange(1, 10).Draw(t, "every")
		passed := 0
		run := func(seconds int) {
			for range seconds {
				if passed%every == 0 {
					w.arrive(1, takes, "linux")
				}
				passed++
				w.tick()
			}
		}
		run(1500)
		drained, launched := w.drained, w.launches
		run(1500)
		require.Equal(t, launched, w.launches, "%v", w.steps)
		require.Equal(t, drained, w.drained, "%v", w.steps)
		w.settle()
	})
}

func TestALoadThatComesAndGoesFasterThanTheIdleTimeStopsNothing(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		small, big := anyClasses(t)
		w := newWorld(t, small, big)
		n := rapid.IntRange(1, 40).Draw(t, "jobs")
		period := int(small.Idle/time.Second) - rapid.IntRange(1, 20).Draw(t, "less")
		for i := range 8 * period {
			if i%period == 0 {
				w.arrive(n, 5*time.Second, "linux")
			}
			w.tick()
		}
		require.LessOrEqual(t, w.turns(), 2, "%v", w.steps)
		w.settle()
	})
}

func TestASlowSquareWaveTurnsOnceEachWay(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		small, big := anyClasses(t)
		small.CooldownDown = min(small.CooldownDown, small.Idle)
		w := newWorld(t, small, big)
		n := rapid.IntRange(1, 20).Draw(t, "jobs")
		const waves = 3
		half := 3*int((small.Idle+small.Boot)/time.Second) + 60
		for i := range 2 * waves * half {
			if i/half%2 == 0 && i%10 == 0 {
				w.arrive(n, 10*time.Second, "linux")
			}
			w.tick()
		}
		require.LessOrEqual(t, w.turns(), 2*waves+2, "%v", w.steps)
		w.settle()
	})
}

func TestABurstGrowsThePoolOnceAndShrinksItOnce(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		small, big := anyClasses(t)
		w := newWorld(t, small, big)
		n, special := rapid.IntRange(1, 200).Draw(t, "jobs"), rapid.IntRange(0, 50).Draw(t, "special")
		takes := time.Duration(rapid.IntRange(1, 60).Draw(t, "takes")) * time.Second
		w.arrive(n, takes, "linux")
		w.arrive(special, takes, "gpu")
		w.settle()
		require.Equal(t, n+special, w.started)
		require.LessOrEqual(t, w.turns(), 1, "%v", w.steps)
		require.LessOrEqual(t, w.launches, small.Most+big.Most+small.Least)
	})
}

func TestARampIsFollowedUpAndDown(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		small, big := anyClasses(t)
		small.Least, small.Idle = 0, 2*time.Minute // one step of the ramp does not look like its end
		w := newWorld(t, small, big)
		slope := rapid.IntRange(40, 60).Draw(t, "slope")
		for i := range 1200 {
			rate := min(i, 1200-i) / slope
			if i%10 == 0 {
				w.arrive(rate, 8*time.Second, "linux")
			}
			w.tick()
		}
		require.LessOrEqual(t, w.turns(), 1, "%v", w.steps)
		w.settle()
	})
}

func TestAClassWhoseWorkersNeverComeDoesNotKeepJobsFromAnother(t *testing.T) {
	t.Parallel()

	small, big := class("small", "linux"), class("big", "gpu", "linux")
	big.Cost = 9
	w := newWorld(t, small, big)
	w.stillborn = true
	w.arrive(3, time.Minute, "linux")
	for range 600 {
		w.tick()
		for _, m := range w.workers {
			m.up = m.up.Add(map[bool]time.Duration{true: time.Second}[m.Class == "small"])
		}
		if w.now.Sub(noon) > 4*time.Minute {
			w.stillborn = false // for the others, whose time has come
		}
	}
	require.Equal(t, 3, w.started)
	require.Positive(t, w.memories["small"].Failures)
}
