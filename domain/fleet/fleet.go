// Package fleet is what the journal adds up to of workers: where each stands, what
// operators want of it, and what happened to it.
//
// A Fleet is folded from changes, each of which tells all of where a worker then
// stands. What it promises: what operators want of a worker is remembered as long
// as the worker is known, whoever restarts; and however many workers come and go,
// what is kept of them is bounded. Which workers are let go of follows from the
// changes alone, their times included, so that every fold keeps the same ones.
//
// It has no lock: whoever shares it brings one. What it hands out does not change
// any more.
package fleet

import (
	"iter"
	"maps"
	"slices"
	"time"

	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// Limits of what is kept.
const (
	// MaxHistory is how many changes are kept of one worker.
	MaxHistory = 100
	// minHistory is how many are kept of one whatever the size of the fleet.
	minHistory = 5
	// maxChanges is about how many are kept in all: of many workers, fewer each.
	maxChanges = 100_000
	// MaxGone is how many workers are kept that are gone; and as many again of those
	// of which operators want something.
	MaxGone = 10_000
	// GoneLife is how long a worker is kept that is gone.
	GoneLife = 7 * 24 * time.Hour
	// SettingsLife is the same where operators want something of it.
	SettingsLife = 90 * 24 * time.Hour
)

// Change is one change in the life of a worker.
type Change struct {
	At          time.Time // by the owner's wall clock
	Principal   string    // who caused it: an operator, the worker itself, or "yardmaster"
	Incarnation worker.Incarnation
	State       worker.State // where the worker stands since
	Reason      string
	Settings    worker.Settings
	Alert       bool // worth somebody's attention
}

// Says is what a worker says of itself when it registers.
type Says struct {
	Labels    []string // its operator's and those it found: canonical
	Slots     int
	Resources resource.Amount
	Pool      string // "" means the default
}

// Record is what is kept of a worker.
type Record struct {
	ID   worker.ID
	Says Says
	// History is never empty: its changes, oldest first. Old ones are let go of.
	History []Change
}

// Last returns the newest change: where the worker stands.
func (r *Record) Last() Change { return r.History[len(r.History)-1] }

// HeldBackBy returns who holds the worker back. It returns "" when nobody does, and
// when that was so long ago that its beginning is not kept.
func (r *Record) HeldBackBy() string {
	by := ""
	for i := len(r.History) - 1; i >= 0; i-- {
		if !r.History[i].Settings.HeldBack {
			return by
		}
		by = r.History[i].Principal
	}
	if r.History[0].State == worker.Gone && r.History[0].Incarnation == "" { // since before it came
		return by
	}
	return ""
}

// Worker returns the worker as the record shows it, for an owner that has not
// heard of it yet. Of one that is gone only what operators want is left.
func (r *Record) Worker() worker.Worker {
	last := r.Last()
	w := worker.Worker{
		ID: r.ID, Said: r.Says.Labels, Settings: last.Settings, Labels: last.Settings.Apply(r.Says.Labels),
		Slots: r.Says.Slots, Resources: r.Says.Resources, Pool: r.Says.Pool,
	}
	if last.State == worker.Gone {
		return w
	}
	w.Incarnation = last.Incarnation
	if last.State == worker.Unhealthy {
		w.Misses = 1
	}
	return w
}

// Fleet is the records of workers. Make one with New.
type Fleet struct {
	by map[worker.ID]*Record
	// gone are the workers that are gone, in the order in which they went or were
	// changed last: those of which nobody wants anything, and the others.
	gone [2]line
}

// New returns a fleet without workers.
func New() *Fleet { return &Fleet{by: map[worker.ID]*Record{}} }

// Apply folds a change of a worker, and what the worker says of itself.
func (f *Fleet) Apply(id worker.ID, says Says, c Change) {
	old, known := f.by[id]
	r := &Record{ID: id, Says: says, History: []Change{c}}
	if known {
		f.leave(old)
		c.Principal, c.Incarnation = same(old.Last().Principal, c.Principal), same(old.Last().Incarnation, c.Incarnation)
		r.History = append(old.History, c)
		if over := len(r.History) - f.limit(); over > 0 {
			r.History = slices.Clone(r.History[over:])
		}
	}
	f.by[id] = r
	f.enter(r)
	f.forget(c.At)
}

// limit is how many changes are kept of one worker.
func (f *Fleet) limit() int { return min(MaxHistory, max(minHistory, maxChanges/max(1, len(f.by)))) }

// same returns is, in the memory of was if they are equal: most changes are by the
// same, and of the same incarnation.
func same[T ~string](was, is T) T {
	if was == is {
		return was
	}
	return is
}

// Restore adds a record of a snapshot, in the order of All.
func (f *Fleet) Restore(r Record) {
	f.by[r.ID] = &r
	f.enter(&r)
}

// Worker returns the record of a worker.
func (f *Fleet) Worker(id worker.ID) (Record, bool) {
	r, known := f.by[id]
	if !known {
		return Record{}, false
	}
	return *r, true
}

// Len returns how many workers are known.
func (f *Fleet) Len() int { return len(f.by) }

// All ranges over the records: first the workers that are gone, in the order in
// which they are let go of, then the others by ID.
func (f *Fleet) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range f.gone {
			for id := range f.gone[i].valid() {
				if !yield(*f.by[id]) {
					return
				}
			}
		}
		for _, id := range slices.Sorted(maps.Keys(f.by)) {
			if r := f.by[id]; r.Last().State != worker.Gone && !yield(*r) {
				return
			}
		}
	}
}
