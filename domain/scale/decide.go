package scale

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Decide says, for each class in their order, how many workers there should be and
// what to do about it. It returns what to remember until the next time, by class,
// and changes nothing that it was given.
func Decide(classes []Class, was map[string]Memory, s Situation) ([]Verdict, map[string]Memory) {
	d := newDecision(classes, was, s)
	d.forecast()
	verdicts, next := make([]Verdict, len(classes)), make(map[string]Memory, len(classes))
	for i := range d.tallies {
		t := &d.tallies[i]
		verdicts[i] = t.conclude(s.Now)
		next[t.class.Name] = t.memory
	}
	return verdicts, next
}

// decision is a decision that is being made.
type decision struct {
	Situation
	tallies  []tally
	supplies []supply  // existing workers that could take jobs, in the order they are asked
	kinds    []*Worker // one of each kind of these, for all others like it
}

// tally is what is found out about one class.
type tally struct {
	class  *Class
	memory Memory

	ready, booting, leaving, silent int

	held    int
	idle    []*Worker // longest first
	waiting int       // jobs that could run here
	bound   int       // of these, what an idle worker does not take: a limit holds them
	share   float64   // of a worker that a job here takes
	wanted  float64   // new workers
	given   int       // jobs that these are for
	blocked int       // jobs for which no class may start a worker now
	urgent  time.Duration
	giveUp  []string
	why     []string
}

func newDecision(classes []Class, was map[string]Memory, s Situation) *decision {
	d := &decision{Situation: s, tallies: make([]tally, len(classes))}
	at := make(map[string]*tally, len(classes))
	for i := range classes {
		c := &classes[i]
		d.tallies[i] = tally{class: c, memory: was[c.Name]}
		at[c.Name] = &d.tallies[i]
	}
	kinds := map[string]int{}
	workers := slices.Clone(s.Workers)
	slices.SortFunc(workers, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	for i := range workers {
		w := &workers[i]
		t := at[w.Class]
		if t != nil {
			t.count(w, s.Now)
		}
		if w.Phase == Ready || w.Phase == Booting && t != nil {
			d.supplies = append(d.supplies, supply{worker: w, of: t, kind: d.kindOf(w, kinds), room: 1})
		}
	}
	for i := range d.tallies {
		t := &d.tallies[i]
		slices.SortStableFunc(t.idle, func(a, b *Worker) int { return a.Since.Compare(b.Since) })
		t.share = t.shareOf(s.Demands)
	}
	d.sortSupplies()
	return d
}

// count takes in one worker of the class.
func (t *tally) count(w *Worker, now time.Time) {
	switch w.Phase {
	case Booting:
		t.booting++
		if now.Sub(w.Since) > t.memory.overdue(t.class) {
			t.giveUp = append(t.giveUp, w.Name)
			t.memory = t.memory.Failed(now, w.Name+" did not register within "+brief(t.memory.overdue(t.class)))
		}
	case Ready:
		t.ready++
		t.held += w.Held
		if w.idle() {
			t.idle = append(t.idle, w)
		}
	case Leaving:
		t.leaving++
	case Silent:
		t.silent++
		if now.Sub(w.Since) > t.memory.overdue(t.class) {
			t.giveUp = append(t.giveUp, w.Name)
		}
	}
}

// shareOf returns how much of a worker one of the jobs takes that hold workers of
// the class, as far as what they asked for tells.
func (t *tally) shareOf(demands []Demand) float64 {
	share, held := 0.0, 0
	for i := range demands {
		if per := demands[i].onClass(t.class); per > 0 {
			share += float64(demands[i].Held) / float64(per)
			held += demands[i].Held
		}
	}
	if held == 0 {
		return 1 / float64(max(1, t.class.Slots))
	}
	return share / float64(held)
}

// have is how many workers take jobs, or soon will.
func (t *tally) have() int { return t.ready + t.booting }

// room is how many more may be asked for.
func (t *tally) room() int { return max(0, t.class.Most-t.have()-t.leaving-t.silent) }

// need is how many workers the load needs now.
func (t *tally) need() int {
	var n int
	switch {
	case t.wanted > 0:
		n = t.have() + whole(t.wanted)
	case t.waiting > t.bound: // existing ones will do it, and all of them shall
		n = t.have()
	default:
		n = whole(float64(t.held) * t.share)
	}
	return min(max(n, t.class.Least), t.class.Most)
}

// whole rounds up, and forgives what adding fractions loses.
func whole(x float64) int { return int(math.Ceil(x - 1e-9)) }

// conclude moves the target and says what to do to reach it.
func (t *tally) conclude(now time.Time) Verdict {
	need := t.need()
	if !t.memory.Settled {
		t.memory.Target, t.memory.Settled = min(max(t.have(), t.class.Least), t.class.Most), true
	}
	t.memory.Target = min(max(t.memory.Target, t.class.Least), t.class.Most) // the limits may be others than before
	before := t.memory
	var raised bool
	t.memory, raised = t.memory.aim(t.class, now, need)
	v := Verdict{
		Class: t.class.Name, Connected: t.ready, Booting: t.booting, Leaving: t.leaving + t.silent,
		Waiting: t.waiting, Desired: t.memory.Target,
	}
	if t.class.External() {
		v.Booting = max(0, v.Desired-t.ready)
	} else {
		v.GiveUp = t.giveUp
		v.Launch = t.launches(now, need, raised)
		v.Drain = t.drains(need)
	}
	if raised || v.Launch > 0 {
		t.memory.LastUp = now
	}
	if t.memory.Failures >= alertAfter {
		v.Alert = t.alert()
	}
	v.Why = t.explain(now, need, before, v)
	return v
}

// launches returns how many workers to ask for now.
func (t *tally) launches(now time.Time, need int, raised bool) int {
	if !t.memory.mayLaunch(now) || !raised && !t.memory.mayRise(t.class, now) {
		return 0
	}
	return min(max(0, min(need, t.memory.Target)-t.have()), t.room())
}

// drains returns the workers to drain now.
func (t *tally) drains(need int) []string {
	excess := t.have() - max(need, t.memory.Target)
	n := min(excess, t.ready-t.class.Least, len(t.idle))
	if n <= 0 {
		return nil
	}
	names := make([]string, n)
	for i := range names {
		names[i] = t.idle[i].Name
	}
	return names
}
