package actors

import (
	"slices"
	"sync"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// Roster shows the workers that a node knows. Sessions write it; others read.
type Roster struct {
	assignments *Assignments

	mu      sync.RWMutex
	by      map[worker.ID]Member
	version uint64 // grows with each change of what the workers could take
}

// Member is a worker on the roster.
type Member struct {
	ID    worker.ID
	State worker.State
	// Labels are its capabilities; Found are those of them that it found by itself.
	Labels, Found []string
	Slots         int
	// SlotsMin and SlotsMax are between what it sizes its slots by itself; equal or 0
	// when they are fixed.
	SlotsMin, SlotsMax int
	Load               *messages.MachineLoad // of its machine; nil when it did not say
	Resources          resource.Amount
	Pool               string // "" means the default
	Settings           worker.Settings
	HeldBackBy         string // who wants it to get nothing new, "" means nobody, or that it is not known
	Reason             string // why it stands where it stands
	Version            string
	ConnectedAt        time.Time
	HeardAt            time.Time
	// Held are the jobs whose attempts it has, and Taken what these take of its
	// resources, by what is stored.
	Held  []job.ID
	Taken resource.Amount
}

// NewRoster returns an empty roster of workers to which attempts are assigned.
func NewRoster(a *Assignments) *Roster { return &Roster{assignments: a, by: map[worker.ID]Member{}} }

func (r *Roster) put(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.by[m.ID]; !ok || before.State != m.State || !slices.Equal(before.Labels, m.Labels) ||
		before.Resources != m.Resources || before.Pool != m.Pool {
		r.version++
	}
	r.by[m.ID] = m
}

func (r *Roster) remove(id worker.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, id)
	r.assignments.forget(id)
	r.version++
}

// Version returns a number that differs whenever what the workers could take does.
func (r *Roster) Version() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.version
}

// holds returns how many attempts a worker has by what is stored, whether it is on
// the roster or not.
func (r *Roster) holds(id worker.ID) int { return r.assignments.count(id) }

func (r *Roster) has(id worker.ID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.by[id]
	return ok
}

// Len returns how many workers there are.
func (r *Roster) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.by)
}

// IDs returns the names of the workers, in no order.
func (r *Roster) IDs() []worker.ID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ids := make([]worker.ID, 0, len(r.by))
	for id := range r.by {
		ids = append(ids, id)
	}
	return ids
}

// States returns how many workers stand where.
func (r *Roster) States() map[worker.State]int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	states := map[worker.State]int{}
	for id, m := range r.by {
		states[stateOf(m.State, r.assignments.busy(id))]++
	}
	return states
}

// stateOf is the state of a worker as soon as an assignment is stored: it says only
// with its next heartbeat what it runs.
func stateOf(s worker.State, busy bool) worker.State {
	switch {
	case !s.Takes():
		return s
	case busy:
		return worker.Running
	default:
		return worker.Available
	}
}

// Member returns a worker.
func (r *Roster) Member(id worker.ID) (Member, bool) {
	r.mu.RLock()
	m, ok := r.by[id]
	r.mu.RUnlock()
	if ok {
		m.Held, m.Taken = r.assignments.Of(id)
		m.State = stateOf(m.State, len(m.Held) > 0)
	}
	return m, ok
}

// Members returns the workers in the order of their IDs.
func (r *Roster) Members() []Member {
	ids := r.IDs()
	slices.Sort(ids)
	members := make([]Member, 0, len(ids))
	for _, id := range ids {
		if m, ok := r.Member(id); ok {
			members = append(members, m)
		}
	}
	return members
}
