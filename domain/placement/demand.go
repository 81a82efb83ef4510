package placement

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"yardmaster/domain/resource"
)

// demand is one kind of demand: what jobs have to agree in for the same workers to
// be able to take them.
type demand struct {
	labels        []string
	pool          string
	need          resource.Amount
	waiting, held int
	jobs          int    // that wait or hold a slot
	used          uint64 // the arrival that asked for it last
	// could counts the connected workers that could take one at all, possible those
	// of them that take jobs.
	could, possible int
	typical         time.Duration // that a job holds its slot, or 0
	reserved        bool          // a worker is kept free for one of them
	// turn has the lanes whose projects may have another slot, the project with the
	// least for its weight first. first has all in which jobs wait, by their first.
	turn  heap[turn]
	first heap[place]
}

// demands are all of them, by number.
type demands struct {
	all  []*demand         // nil where unused
	need []resource.Amount // of each, close together
	free []int32
	of   map[string]int32 // by key
	// wanted has the columns of each demand with a lane in turn.
	wanted []uint64
}

// demandFor returns the number of what a job demands, and makes it if need be.
func (y *Yard) demandFor(r *Request) (int32, error) {
	labels := canonical(r.Labels)
	y.scratch = demandKey(y.scratch[:0], labels, r.Pool, r.Resources)
	if id, found := y.demands.of[string(y.scratch)]; found {
		y.demands.all[id].used = y.seq
		return id, nil
	}
	if !y.roomForDemand() {
		return 0, fmt.Errorf("%w: %d are in use", ErrTooManyDemands, MaxDemands)
	}
	id := unused(&y.demands.all, &y.demands.free)
	d := &demand{labels: slices.Clone(labels), pool: r.Pool, need: r.Resources, used: y.seq}
	d.turn.moved = func(l, at int32) { y.lanes.at(l).turn = at }
	d.first.moved = func(l, at int32) { y.lanes.at(l).first = at }
	y.demands.all[id] = d
	y.demands.need = slices.Grow(y.demands.need, 1)[:max(len(y.demands.need), int(id)+1)]
	y.demands.need[id] = d.need
	y.demands.of[string(y.scratch)] = id
	y.matchDemand(id)
	y.demands.wanted = slices.Grow(y.demands.wanted, y.fleet.tree.words)[:y.fleet.tree.words]
	return id, nil
}

// demandKey appends a text that no other demand has.
func demandKey(b []byte, labels []string, pool string, need resource.Amount) []byte {
	b = fmt.Appendf(b, "%d,%d,", need.CPU, need.Memory)
	return appendKey(b, pool, labels)
}

// roomForDemand forgets the demand that has been idle longest, if there are too
// many, and reports whether one more may be made.
func (y *Yard) roomForDemand() bool {
	oldest, idle := absent, 0
	for id, d := range y.demands.all {
		if d == nil || d.jobs > 0 {
			continue
		}
		idle++
		if oldest == absent || d.used < y.demands.all[oldest].used {
			oldest = int32(id)
		}
	}
	full := len(y.demands.of) >= MaxDemands
	if idle > maxIdle || full && idle > 0 {
		y.dropDemand(oldest)
		return true
	}
	return !full
}

func (y *Yard) dropDemand(id int32) {
	d := y.demands.all[id]
	delete(y.demands.of, string(demandKey(nil, d.labels, d.pool, d.need)))
	for k := range y.fleet.kinds {
		y.fleet.kinds[k].meet(id, 0)
	}
	y.demands.all[id] = nil
	y.demands.free = append(y.demands.free, id)
}

// want notes whether any lane of a demand is in turn.
func (y *Yard) want(id int32) {
	word, mask := wordOf(id), columnsOf(id)
	y.demands.wanted[word] &^= mask
	if len(y.demands.all[id].turn.items) > 0 {
		y.demands.wanted[word] |= mask
	}
}

// each calls do for every wanted demand of which a worker has a column in have and
// none a column in not. Both are columns of one demand; see column.
func (y *Yard) each(have, not uint64, do func(id int32)) {
	for word, wanted := range y.demands.wanted {
		set := y.fleet.tree.any(word) & wanted
		for set != 0 {
			i := bits.TrailingZeros64(set) / columns
			if of := set >> (i * columns); of&have != 0 && of&not == 0 {
				do(int32(word*demandsPerWord + i))
			}
			set &^= allColumns << (i * columns)
		}
	}
}
