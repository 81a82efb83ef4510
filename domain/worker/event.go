package worker

import "slices"

// Event is a fact about a worker, named in the past tense.
//
//sumtype:decl
type Event interface{ event() }

// Registered tells what a worker is and can.
type Registered struct {
	ID          ID
	Incarnation Incarnation
	Labels      []string // lower case, sorted, each once
	Slots       int
	Held        int
}

// Superseded tells that the process of a worker was replaced by a new one. It
// comes before the Registered of the new one. The attempts of the old
// incarnation are provably gone, and may be reassigned at once.
type Superseded struct {
	Old, New Incarnation
	Attempts int // how many the old one held, as far as known
}

// HeartbeatMissed tells that a lease ran out; the worker is UNHEALTHY.
type HeartbeatMissed struct {
	Misses   int // in a row, this one included
	Attempts int // how many it holds, as far as known
}

// Recovered tells that a worker was heard of again. Its misses are forgotten.
type Recovered struct{ Held int }

// Resized tells that the worker has more slots, or fewer.
type Resized struct{ Slots int }

// DrainStarted tells that the worker takes no more attempts.
type DrainStarted struct{}

// Drained tells that a draining worker runs nothing any more, so it may leave.
type Drained struct{}

// Resumed tells that the worker takes attempts again.
type Resumed struct{}

// Left tells that the worker is gone. Its attempts are provably gone with it.
type Left struct{ Attempts int }

// Forgotten tells that a silent worker was given up. Whether its attempts are
// gone is not known: their leases decide.
type Forgotten struct{ Attempts int }

// Taken tells that the worker runs one more attempt.
type Taken struct{}

// Released tells that the worker runs one attempt less.
type Released struct{}

func (Registered) event()      {}
func (Superseded) event()      {}
func (HeartbeatMissed) event() {}
func (Recovered) event()       {}
func (Resized) event()         {}
func (DrainStarted) event()    {}
func (Drained) event()         {}
func (Resumed) event()         {}
func (Left) event()            {}
func (Forgotten) event()       {}
func (Taken) event()           {}
func (Released) event()        {}

// Evolve folds one event into the state. It never fails: an event already
// happened.
func Evolve(w Worker, e Event) Worker {
	switch e := e.(type) {
	case Registered:
		w.ID, w.Incarnation = e.ID, e.Incarnation
		w.Labels, w.Slots, w.Held, w.Misses = e.Labels, e.Slots, e.Held, 0
	case Superseded:
		former := append(slices.Clone(w.Former), e.Old)
		w.Former = former[max(0, len(former)-maxFormer):]
		w.Held, w.Misses, w.Draining = 0, 0, false
	case HeartbeatMissed:
		w.Misses = e.Misses
	case Recovered:
		w.Held, w.Misses = e.Held, 0
	case Resized:
		w.Slots = e.Slots
	case DrainStarted:
		w.Draining = true
	case Resumed:
		w.Draining = false
	case Left, Forgotten:
		w.Held, w.Left = 0, true
	case Taken:
		w.Held++
	case Released:
		w.Held--
	case Drained: // says what the state already shows
	}
	return w
}
