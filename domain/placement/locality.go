package placement

import (
	"slices"
	"time"

	"yardmaster/domain/worker"
)

const (
	// maxRecent is how many workers are remembered to have run jobs of an affinity.
	maxRecent = 4
	// maxIdleAffinities is how many affinities are remembered that no job has that
	// waits or holds a slot.
	maxIdleAffinities = 4096
	// newest is the part of a new duration in what is typical: a quarter.
	newest = 4
)

// affinity is what jobs have in common: where they ran, and how long.
type affinity struct {
	name    string
	jobs    int           // that wait or hold a slot
	recent  []worker.ID   // that ran one, the last first
	typical time.Duration // or 0
	// Its neighbours in the ring of those without jobs, if it is in it.
	before, after uint32
}

// affinities are all that are known. The first is that of jobs that have none, and
// the beginning and end of the ring, in which the one idle longest comes first.
type affinities struct {
	all  []affinity
	free []int32
	of   map[string]uint32
	idle int
}

func newAffinities() affinities {
	return affinities{all: make([]affinity, 1), of: map[string]uint32{}}
}

// use returns the number of an affinity that one more job has.
func (a *affinities) use(name string) uint32 {
	if name == "" {
		return 0
	}
	id, found := a.of[name]
	switch {
	case !found:
		id = uint32(unused(&a.all, &a.free))
		a.all[id].name = name
		a.of[name] = id
	case a.all[id].jobs == 0:
		a.unlink(id)
	}
	a.all[id].jobs++
	return id
}

// release says that one job fewer has an affinity.
func (a *affinities) release(id uint32) {
	if id == 0 {
		return
	}
	of := &a.all[id]
	if of.jobs--; of.jobs > 0 {
		return
	}
	if of.typical == 0 && len(of.recent) == 0 {
		a.drop(id)
		return
	}
	end := a.all[0].before
	of.before, of.after = end, 0
	a.all[end].after, a.all[0].before = id, id
	if a.idle++; a.idle > maxIdleAffinities {
		oldest := a.all[0].after
		a.unlink(oldest)
		a.drop(oldest)
	}
}

func (a *affinities) unlink(id uint32) {
	of := &a.all[id]
	a.all[of.before].after, a.all[of.after].before = of.after, of.before
	a.idle--
}

func (a *affinities) drop(id uint32) {
	delete(a.of, a.all[id].name)
	a.all[id] = affinity{}
	a.free = append(a.free, int32(id))
}

// recent returns the workers that ran jobs of an affinity, the last first.
func (a *affinities) recent(id uint32) []worker.ID { return a.all[id].recent }

// ran remembers that a job of an affinity went to a worker.
func (a *affinities) ran(id uint32, w worker.ID) {
	if id == 0 {
		return
	}
	of := &a.all[id]
	at := slices.Index(of.recent, w)
	switch {
	case at >= 0:
	case len(of.recent) < maxRecent:
		at = len(of.recent)
		of.recent = append(of.recent, w)
	default:
		at = maxRecent - 1
	}
	copy(of.recent[1:at+1], of.recent[:at])
	of.recent[0] = w
}

// Typical returns how long jobs of an affinity hold their slot, by those that did:
// the later ones count for more. It returns false when none is known.
func (y *Yard) Typical(affinity string) (time.Duration, bool) {
	id, found := y.known.of[affinity]
	if !found {
		return 0, false
	}
	typical := y.known.all[id].typical
	return typical, typical > 0
}

// learn remembers how long a job held its slot.
func (y *Yard) learn(t *taken, now time.Time) {
	took := now.Sub(t.since)
	if t.since.IsZero() || took <= 0 {
		return
	}
	if t.note.affinity != 0 {
		blend(&y.known.all[t.note.affinity].typical, took)
	}
	if t.lane != absent {
		blend(&y.demands.all[y.lanes.at(t.lane).demand].typical, took)
	}
}

func blend(typical *time.Duration, took time.Duration) {
	if *typical == 0 {
		*typical = took
		return
	}
	*typical += (took - *typical) / newest
}
