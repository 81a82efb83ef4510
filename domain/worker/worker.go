// Package worker is the life of a worker as its owner sees it: registered, busy,
// silent, draining, gone.
//
// Decide answers a command with the events it causes, Evolve folds an event into
// the state. Both are pure. What they promise: a worker is never counted as
// running more than its slots by Take, a heartbeat of an earlier incarnation
// changes nothing, and only a worker that is AVAILABLE or RUNNING takes attempts.
package worker

import "slices"

// ID names a worker for good, across its restarts. It is one token of a NATS
// subject: see Register.
type ID string

// Incarnation names one life of a worker's process. It is another one after each
// start, and says nothing about order.
type Incarnation string

// Worker is one worker as its owner sees it. The zero value has not registered.
type Worker struct {
	ID          ID
	Incarnation Incarnation
	Labels      []string // its capabilities: lower case, sorted, each once
	Slots       int      // how many attempts it runs at once
	Held        int      // how many attempts it runs, as far as known
	// Misses counts the leases that ran out since it was last heard of.
	Misses   int
	Draining bool
	Left     bool
	// Former are the last incarnations that this one superseded, newest last.
	Former []Incarnation
}

// maxFormer is how many earlier incarnations are remembered: a message of a life
// that long ago is later than any queue between worker and owner.
const maxFormer = 4

// State returns where the worker stands. Silence hides a drain, and a drain hides
// whether it is busy; both come to light again when they end.
func (w Worker) State() State {
	switch {
	case w.Left:
		return Gone
	case w.Incarnation == "":
		return Unknown
	case w.Misses > 0:
		return Unhealthy
	case w.Draining:
		return Draining
	case w.Held > 0:
		return Running
	}
	return Available
}

// Free returns how many attempts the worker may be given now.
func (w Worker) Free() int {
	if !w.State().Takes() {
		return 0
	}
	return max(0, w.Slots-w.Held)
}

// Has reports whether the worker has every label of demanded, which is sorted.
func (w Worker) Has(demanded []string) bool {
	for _, label := range demanded {
		if _, found := slices.BinarySearch(w.Labels, label); !found {
			return false
		}
	}
	return true
}
