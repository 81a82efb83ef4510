package worker

import (
	"slices"

	"yardmaster/domain/resource"
)

// Event is a fact about a worker, named in the past tense.
//
//sumtype:decl
type Event interface{ event() }

// Registered tells what a worker is and can.
type Registered struct {
	ID          ID
	Incarnation Incarnation
	Labels      []string // its operator's and found ones: lower case, sorted, each once
	Slots       int
	Resources   resource.Amount
	Pool        string
	Held        int
}

// Superseded tells that the process of a worker was replaced by a new one. It
// comes before the Registered of the new one. The attempts of the old
// incarnation are provably gone, and may be reassigned at once.
type Superseded struct {
	Old, New Incarnation
	Attempts int // how many the old one held, as far as known
}

// Counted tells how many attempts a worker runs, when that has changed.
type Counted struct{ Held int }

// HeartbeatMissed tells that a lease ran out; the worker is UNHEALTHY.
type HeartbeatMissed struct {
	Misses   int // in a row, this one included
	Attempts int // how many it holds, as far as known
}

// Recovered tells that a worker registered again after a silence, as the one it
// was. Its misses are forgotten.
type Recovered struct{ Held int }

// Resized tells that the worker has more slots, or fewer.
type Resized struct{ Slots int }

// DrainStarted tells that the worker stops, and takes no more attempts.
type DrainStarted struct{}

// Drained tells that a draining worker runs nothing any more, so it may leave. It
// may come again, since an assignment may have been under way.
type Drained struct{}

// Adjusted tells what operators want of the worker from now on.
type Adjusted struct{ Settings Settings }

// Left tells that the worker is gone. Its attempts are provably gone with it.
type Left struct{ Attempts int }

// Forgotten tells that a silent worker was given up. Whether its attempts are
// gone is not known: their leases decide.
type Forgotten struct {
	Attempts int
	// Alert means that somebody should look into it: the worker had not said that
	// it would leave, or still had attempts.
	Alert bool
}

func (Registered) event()      {}
func (Superseded) event()      {}
func (Counted) event()         {}
func (HeartbeatMissed) event() {}
func (Recovered) event()       {}
func (Resized) event()         {}
func (DrainStarted) event()    {}
func (Drained) event()         {}
func (Adjusted) event()        {}
func (Left) event()            {}
func (Forgotten) event()       {}

// Evolve folds one event into the state. It never fails: an event already
// happened.
func Evolve(w Worker, e Event) Worker {
	switch e := e.(type) {
	case Registered:
		w.ID, w.Incarnation = e.ID, e.Incarnation
		w.Said, w.Slots, w.Resources, w.Pool = e.Labels, e.Slots, e.Resources, e.Pool
		w.Labels, w.Held, w.Misses = w.Settings.Apply(e.Labels), e.Held, 0
	case Superseded:
		former := append(slices.Clone(w.Former), e.Old)
		w.Former = former[max(0, len(former)-maxFormer):]
		w.Held, w.Misses, w.Draining = 0, 0, false
	case Counted:
		w.Held = e.Held
	case HeartbeatMissed:
		w.Misses = e.Misses
	case Recovered:
		w.Held, w.Misses = e.Held, 0
	case Resized:
		w.Slots = e.Slots
	case DrainStarted:
		w.Draining = true
	case Adjusted:
		w.Settings = e.Settings
		w.Labels = w.Settings.Apply(w.Said)
	case Left, Forgotten:
		w.Held, w.Left = 0, true
	case Drained: // says what the state already shows
	}
	return w
}
