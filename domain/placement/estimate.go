package placement

import (
	"slices"
	"time"

	"yardmaster/domain/resource"
)

// ending is when a job that holds a slot is expected to give it back.
type ending struct {
	at   time.Time
	need resource.Amount
}

// fitsAt returns when a worker is expected to have room for a job, going by how long
// the like of what it runs take. It returns false when that is not known. What runs
// longer than it should is expected to end at once.
func (y *Yard) fitsAt(w *member, need resource.Amount, now time.Time) (time.Time, bool) {
	ends := y.ends[:0]
	for _, t := range w.holders {
		if typical := y.typicalOf(t); typical > 0 && !t.since.IsZero() {
			ends = append(ends, ending{t.since.Add(typical), t.need})
		}
	}
	y.ends = ends
	slices.SortFunc(ends, func(a, b ending) int { return a.at.Compare(b.at) })
	held, free, at := len(w.held), w.all().Minus(w.used), now
	for i := 0; ; i++ {
		if held < w.slots && need.Fits(free) {
			return at, true
		}
		if i == len(ends) {
			return time.Time{}, false
		}
		held--
		free = free.Plus(ends[i].need)
		if ends[i].at.After(at) {
			at = ends[i].at
		}
	}
}

// typicalOf returns how long a job is expected to hold its slot, or 0.
func (y *Yard) typicalOf(t *taken) time.Duration {
	if typical := y.known.all[t.note.affinity].typical; typical > 0 {
		return typical
	}
	if t.lane == absent {
		return 0
	}
	return y.demands.all[y.lanes.at(t.lane).demand].typical
}
