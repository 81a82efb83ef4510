package worker

import "fmt"

// State is where a worker stands.
type State uint8

// The states of a worker.
const (
	Unknown   State = iota // has never registered
	Available              // healthy, and runs nothing
	Running                // healthy, and runs at least one attempt
	Unhealthy              // its lease ran out; its attempts may be given away
	Draining               // finishes what it runs, and takes no more
	Gone                   // has left, and never comes back under this incarnation
)

// String returns the state's name in capitals, as people and the API know it.
func (s State) String() string {
	switch s {
	case Unknown:
		return "UNKNOWN"
	case Available:
		return "AVAILABLE"
	case Running:
		return "RUNNING"
	case Unhealthy:
		return "UNHEALTHY"
	case Draining:
		return "DRAINING"
	case Gone:
		return "GONE"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Takes reports whether a worker in this state is given attempts while it has a
// free slot.
func (s State) Takes() bool { return s == Available || s == Running }

// May reports whether a worker may go from s to another state next.
func (s State) May(next State) bool {
	if s == next {
		return false
	}
	switch s {
	case Unknown:
		return next.Takes() || next == Draining // held back since before it registered
	case Available, Running, Unhealthy, Draining:
		return next != Unknown
	case Gone:
		return false
	}
	return false
}

// InvalidStateTransition means that a command asked for a change that the
// worker's state does not allow. The worker is as it was.
type InvalidStateTransition struct {
	Worker   ID
	From, To State
}

// Error names the worker and both states.
func (e *InvalidStateTransition) Error() string {
	return fmt.Sprintf("worker: %q cannot go from %s to %s", e.Worker, e.From, e.To)
}
