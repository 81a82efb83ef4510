// Package worker is the life of a worker as its owner sees it: registered, busy,
// silent, recovered, draining, gone.
//
// Decide answers a command with the events it causes, Evolve folds an event into
// the state. Both are pure. What they promise: a heartbeat of an earlier
// incarnation changes nothing; a worker that was silent for too long registers
// again before it counts as healthy; what operators say of it outlives its
// incarnations; and only a worker that is AVAILABLE or RUNNING takes attempts.
package worker

import (
	"slices"

	"yardmaster/domain/resource"
)

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
	// Said are the labels it registered with: its operator's, and those it found.
	Said []string
	// Settings are what operators want of it, whatever its incarnation.
	Settings Settings
	// Labels are its capabilities: those it said, as the settings change them. Lower
	// case, sorted, each once.
	Labels    []string
	Slots     int             // how many attempts it runs at once
	Resources resource.Amount // what they may take of its machine in all
	Pool      string          // the trust pool it belongs to; "" means the default
	Held      int             // how many attempts it runs, as it last said
	// Misses counts the leases that ran out since it was last heard of.
	Misses   int
	Draining bool // it says itself that it stops
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
	case w.drains():
		return Draining
	case w.Held > 0:
		return Running
	}
	return Available
}

// drains reports whether the worker takes nothing new, by its own wish or an
// operator's.
func (w Worker) drains() bool { return w.Draining || w.Settings.HeldBack }

// Has reports whether the worker has every label of demanded, which is sorted.
func (w Worker) Has(demanded []string) bool {
	for _, label := range demanded {
		if !has(w.Labels, label) {
			return false
		}
	}
	return true
}

// has reports whether sorted labels hold one.
func has(labels []string, label string) bool {
	_, found := slices.BinarySearch(labels, label)
	return found
}
