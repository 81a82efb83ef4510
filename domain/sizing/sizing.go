// Package sizing says how many attempts a worker takes at once, when it finds
// that out by itself.
//
// The rule in one sentence: more while every slot is in use and the attempts in them
// do not fill the processors, fewer when memory runs short or they crowd the
// processors, and else as before. It promises:
//
//   - The size stays within its bounds.
//   - Against a load that does not change it settles, and then stays: each step
//     leads to where no further one is due. Only what memory cannot hold is tried
//     again, more and more rarely.
//   - While work waits, the processors are more than 80 % in use, unless the upper
//     bound or memory forbids it.
//   - What others do on the machine takes no slots away. Attempts that only wait are
//     let in also where others compute.
//   - Idle processors are filled within a few steps: the size at most doubles with
//     each. A shortage of memory is answered in the step in which it is seen.
package sizing

import "time"

// Interval is the time between two decisions. It is short enough to fill a machine
// within a few seconds, and long enough for the attempts that a step let in to be
// seen in the next sample.
const Interval = 500 * time.Millisecond

const (
	// target is the share of the processors that growth aims at, and goal the one
	// from which on there is none. The gap keeps small dips from counting.
	target, goal = 0.95, 0.90
	// modest is the goal at a size that was found crowded, until the processors are
	// idle: below half in use.
	modest, idle = 0.80, 0.50
	// crowded is how many tasks a core the attempts have when they crowd the
	// processors, and eased to how many a cut brings them.
	crowded, eased = 4.0, 2.0
	// fought is the share of time in which some task waited for a core, below which
	// nothing is crowded, however many tasks a glance finds.
	fought = 0.5
	// confirmed is how many samples in a row must find the processors crowded.
	confirmed = 8
	// smoothing is the weight of the newest sample of what jumps, and slow of what is
	// only glanced at.
	smoothing, slow = 0.4, 0.15
	// rising is the weight of a sample that finds more memory free than before.
	rising = 0.1

	// short and reserve are the shares of memory that must be free: below short the
	// size is cut, below reserve it does not grow.
	short, reserve = 0.05, 0.10
	// stalled is the share of time in which some task waited for memory, from which
	// on the size is cut.
	stalled = 0.10
	// firstPatience is how long a size stays below where memory ran short. Each
	// further shortage doubles it, up to the longest.
	firstPatience, longestPatience = 30 * time.Second, 10 * time.Minute

	// forgetAfter is how long less than half of the slots must have been enough for
	// the size to be halved towards where it began: it was meant for another load.
	forgetAfter = time.Minute
)

// Bounds are what an operator allows. Least is 1 or more, Most no less, and First,
// where it begins, lies between them: a slot for each core, as a rule.
type Bounds struct{ Least, Most, First int }

// Fixed reports whether there is nothing to decide.
func (b Bounds) Fixed() bool { return b.Least == b.Most }

// Clamp returns n, or the bound that it is beyond.
func (b Bounds) Clamp(n int) int { return min(max(n, b.Least), b.Most) }

// Sample is what was seen of a machine and its attempts since the sample before.
type Sample struct {
	// Known is false where the system does not tell: then nothing is decided.
	Known bool
	// Cores is how many there are to use; less than 1 under a quota.
	Cores float64
	// CPU is the share of them in use, in [0,1].
	CPU float64
	// Runnable is how many tasks of the attempts ran or waited for a core, at a glance.
	// Below 0: not known.
	Runnable float64
	// CPUPressure and MemoryPressure are the shares of time in which some task waited
	// for a core, or for memory, in [0,1]. Below 0: the kernel does not tell.
	CPUPressure, MemoryPressure float64
	// MemoryFree and MemoryTotal are in bytes. A total of 0 is not known.
	MemoryFree, MemoryTotal int64
	// Busy is how many attempts run now, and Full whether all slots were in use at
	// some time: then work may have waited.
	Busy int
	Full bool
}

// State is what a size is decided by beside the sample. Begin makes it.
type State struct {
	// Slots is the size.
	Slots int

	cpu, runnable float64 // smoothed, as is stall
	stall         float64 // how much of the time some task waited for memory
	free          float64 // bytes; falls at once, since attempts that follow one another leave gaps
	seen          bool    // anything was, so that smoothing has a beginning
	hot           int     // samples in a row that found the processors crowded
	crowd         int     // the least size that was found crowded; 0: none

	ceiling  int // below where memory ran short; 0: it did not
	patience time.Duration
	raised   time.Time // when the ceiling was set, or raised
	spare    time.Time // since when less than half of the slots is enough; zero: it is not
}

// Begin returns the state to begin with.
func Begin(b Bounds) State { return State{Slots: b.Clamp(b.First)} }

// Next returns the state that follows from a sample, and why its size is what it is.
func (s State) Next(b Bounds, m Sample, now time.Time) (State, Why) {
	s.Slots = b.Clamp(s.Slots)
	if !m.Known || m.Cores <= 0 || b.Fixed() {
		return s, Steady
	}
	s.see(m, now)
	switch {
	case s.stall >= stalled || m.shortOfMemory():
		return s.relieve(b, m, now)
	case m.Busy > s.Slots: // what is seen is of the size before: wait for its attempts to end
		return s, Steady
	case s.hot >= confirmed && s.Slots > b.Clamp(b.First):
		return s.ease(b, m)
	case m.Full && s.hasRoom(s.filled(m)):
		return s.grow(b, m, now)
	case !s.spare.IsZero() && now.Sub(s.spare) >= forgetAfter && s.Slots > b.Clamp(b.First):
		return s.forget(b, m, now)
	}
	return s, Steady
}

// see takes a sample in.
func (s *State) see(m Sample, now time.Time) {
	if !s.seen {
		s.seen, s.cpu, s.runnable, s.free = true, m.CPU, max(0, m.Runnable), float64(m.MemoryFree)
	}
	s.cpu += smoothing * (m.CPU - s.cpu)
	s.runnable += slow * (max(0, m.Runnable) - s.runnable)
	s.stall += smoothing * (max(0, m.MemoryPressure) - s.stall)
	s.free = min(float64(m.MemoryFree), s.free+rising*(float64(m.MemoryFree)-s.free))
	s.hot++
	if m.CPU < target || m.Runnable < 0 || s.runnable < crowded*m.Cores || m.CPUPressure >= 0 && m.CPUPressure < fought {
		s.hot = 0
	}
	switch {
	case m.Full || 2*m.Busy >= s.Slots:
		s.spare = time.Time{}
	case s.spare.IsZero():
		s.spare = now
	}
}

// filled returns how much of the processors the attempts fill: no more than is in
// use, and no more than they would use if they had the machine to themselves.
func (s *State) filled(m Sample) float64 {
	filled := max(m.CPU, s.cpu)
	if m.Runnable >= 0 {
		filled = min(filled, max(m.Runnable, s.runnable)/m.Cores)
	}
	return filled
}

// hasRoom reports whether more attempts would find something to run on.
func (s *State) hasRoom(filled float64) bool {
	if filled < idle {
		s.crowd = 0 // another load
	}
	if s.crowd > 0 && s.Slots+1 >= s.crowd {
		return filled < modest
	}
	return filled < goal
}

// grow takes as many more as would fill the processors if they are like those that
// run, but at most as many again, and no more than memory seems to hold.
func (s State) grow(b Bounds, m Sample, now time.Time) (State, Why) {
	most := 2 * s.Slots
	if wanted := float64(s.Slots) * target / max(s.filled(m), 0.01); wanted < float64(most) {
		most = max(int(wanted), s.Slots+1)
	}
	if s.crowd > 0 {
		most = min(most, max(s.crowd-1, s.Slots+1))
	}
	why := IdleProcessors
	if room := s.Slots + s.room(m); room < most {
		most, why = room, MemoryLow
	}
	if top := s.limit(now); top < most {
		most, why = top, MemoryLow
	}
	if most > b.Most {
		most, why = b.Most, UpperBound
	}
	if most <= s.Slots {
		return s, why
	}
	s.Slots = most
	return s, why
}

// limit returns the size at which memory is not known to run short, and raises it
// when the patience is over.
func (s *State) limit(now time.Time) int {
	if s.ceiling == 0 {
		return int(^uint(0) >> 1)
	}
	if now.Sub(s.raised) >= s.patience {
		s.ceiling, s.raised = s.ceiling+max(1, s.ceiling/8), now
	}
	return s.ceiling
}

// relieve halves what runs, and remembers that this much was too much. Once that
// is done it waits until what runs has become as little.
func (s State) relieve(b Bounds, m Sample, now time.Time) (State, Why) {
	if m.Busy > s.Slots || s.Slots == b.Least {
		return s, MemoryShort
	}
	s.Slots = b.Clamp(min(s.Slots, max(m.Busy, 1)) / 2)
	s.ceiling, s.raised = s.Slots, now
	s.patience = min(max(2*s.patience, firstPatience), longestPatience)
	s.hot, s.stall = 0, 0
	return s, MemoryShort
}

// ease takes fewer, by as many tasks as there are beyond what the cores can turn
// to, as if each attempt had one of them. At most half goes at once.
func (s State) ease(b Bounds, m Sample) (State, Why) {
	s.hot, s.crowd = 0, s.Slots
	fewer := m.Busy - int(s.runnable-eased*m.Cores)
	s.Slots = b.Clamp(min(max(fewer, s.Slots/2, b.Clamp(b.First)), s.Slots-1))
	return s, Crowded
}

// forget halves the size towards where it began.
func (s State) forget(b Bounds, m Sample, now time.Time) (State, Why) {
	s.Slots = b.Clamp(max(s.Slots/2, m.Busy, b.Clamp(b.First)))
	s.spare = now
	return s, Spare
}

func (m Sample) shortOfMemory() bool {
	return m.MemoryTotal > 0 && float64(m.MemoryFree) < short*float64(m.MemoryTotal)
}

// room returns how many more attempts memory holds if each takes what those that
// run take on average, all that is in use being theirs. That is more than they
// take, so many steps may be needed, but none is too large.
func (s *State) room(m Sample) int {
	if m.MemoryTotal <= 0 {
		return int(^uint(0) >> 2)
	}
	total := float64(m.MemoryTotal)
	left := s.free - reserve*total
	if left <= 0 {
		return 0
	}
	each := max(1, (total-s.free)/float64(max(m.Busy, 1)))
	return int(max(1, left/each))
}
