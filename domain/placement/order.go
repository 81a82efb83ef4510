package placement

import (
	"math"
	"time"

	"yardmaster/domain/queue"
)

// note is what the yard wants to know of a job again, as the queue keeps it.
type note struct {
	priority int32
	affinity uint32 // below maxAffinities
	givesWay bool
}

func (n note) pack() uint64 {
	packed := uint64(uint32(n.priority))<<32 | uint64(n.affinity)<<1
	if n.givesWay {
		packed |= 1
	}
	return packed
}

func noteOf(packed uint64) note {
	return note{priority: int32(packed >> 32), affinity: uint32(packed) >> 1, givesWay: packed&1 == 1}
}

// priorityOf keeps a priority within 31 bits and its sign.
func priorityOf(p int) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, p))) }

// farthest bounds the two parts of what orders jobs, so that their sum is a number.
const farthest = 1<<62 - 1

// due returns a job's place in the order, in nanoseconds: since when it waits, less
// the waiting that its priority is worth. It never changes, so that a queue needs
// no sorting as jobs grow older: all grow older alike.
func (y *Yard) due(priority int32, queued time.Time) int64 {
	return nanosOf(queued) - y.worth(priority)
}

func (y *Yard) worth(priority int32) int64 {
	most := int64(farthest / y.config.Ageing)
	return max(-most, min(most, int64(priority))) * int64(y.config.Ageing)
}

// queuedAt returns since when a job waits, or the zero time for long ago.
func (y *Yard) queuedAt(e queue.Entry) time.Time {
	if at := e.Due + y.worth(noteOf(e.Note).priority); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// nanosOf returns nanoseconds since 1970. The zero time is 0.
func nanosOf(t time.Time) int64 {
	switch sec := t.Unix(); {
	case t.IsZero():
		return 0
	case sec < -farthest/int64(time.Second):
		return -farthest
	case sec >= farthest/int64(time.Second):
		return farthest
	}
	return t.UnixNano()
}

// place is where a job stands among those of its project.
type place struct {
	due int64
	seq uint64
}

// last is a place that no job has.
var last = place{math.MaxInt64, math.MaxUint64}

func placeOf(e queue.Entry) place { return place{e.Due, e.Seq} }

func (p place) before(other place) bool {
	if p.due != other.due {
		return p.due < other.due
	}
	return p.seq < other.seq
}

// turn is when it is the turn of the first job of a lane: when its project has the
// fewest slots for its weight; between equals, when it is due first.
type turn struct {
	ratio float64
	place place
}

func (t turn) before(other turn) bool {
	if t.ratio != other.ratio {
		return t.ratio < other.ratio
	}
	return t.place.before(other.place)
}
