package actors

import (
	"slices"
	"strings"
	"sync"
	"time"

	"yardmaster/domain/worker"
)

// Roster shows the workers that a node knows. Sessions write it; others read.
type Roster struct {
	mu sync.RWMutex
	by map[worker.ID]Member
}

// Member is a worker on the roster.
type Member struct {
	ID          worker.ID
	State       worker.State
	Labels      []string
	Slots       int
	Version     string
	ConnectedAt time.Time
	HeardAt     time.Time
	// Held are the attempts it said it has, as RUN.INDEX.
	Held []string
	// HeldBackBy is who wants it to take nothing new, or "".
	HeldBackBy string
}

// NewRoster returns an empty roster.
func NewRoster() *Roster { return &Roster{by: map[worker.ID]Member{}} }

func (r *Roster) put(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[m.ID] = m
}

func (r *Roster) remove(id worker.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, id)
}

func (r *Roster) has(id worker.ID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.by[id]
	return ok
}

// Members returns the workers in the order of their IDs.
func (r *Roster) Members() []Member {
	r.mu.RLock()
	defer r.mu.RUnlock()
	members := make([]Member, 0, len(r.by))
	for _, m := range r.by {
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return members
}
