package placement

import (
	"math"
	"time"

	"yardmaster/domain/project"
)

// maxIdleShares is how many projects without jobs are remembered, for the pace at
// which they may start some again.
const maxIdleShares = 1024

// share is what one project has, and what it may have.
type share struct {
	name          string
	limits        project.Limits
	pace          pace
	held, waiting int
	jobs          int     // that wait or hold a slot
	ratio         float64 // slots held for its weight
	may           bool    // no limit keeps it from another slot
	paced         bool    // its pace does
	later         int32   // place among those that wait for their pace, or absent
	lanes         []int32
}

// opening is when a project may go on, in nanoseconds since 1970.
type opening int64

func (o opening) before(other opening) bool { return o < other }

// shares are those of all projects that have jobs, or a pace to remember.
type shares struct {
	all   []*share // nil where unused
	free  []int32
	of    map[string]int32 // by name
	idle  int              // that have no jobs
	later heap[opening]    // in which jobs wait for their pace, first to go on first
}

// shareFor returns the number of a project's share, and makes it if need be.
func (y *Yard) shareFor(name string) int32 {
	if s, found := y.shares.of[name]; found {
		if y.shares.all[s].jobs == 0 {
			y.shares.idle--
		}
		return s
	}
	s := unused(&y.shares.all, &y.shares.free)
	limits := y.config.Projects.Of(name)
	y.shares.all[s] = &share{name: name, limits: limits, pace: paceOf(limits.StartsPerSecond), may: true, later: absent}
	y.shares.of[name] = s
	return s
}

// idleShare forgets a share that has no jobs, unless it has a pace to remember. Of
// very many that have, it forgets all.
func (y *Yard) idleShare(id int32) {
	y.shares.idle++
	if y.shares.all[id].pace.every == 0 {
		y.dropShare(id)
		return
	}
	if y.shares.idle <= maxIdleShares {
		return
	}
	every := y.shares.idle > 2*maxIdleShares
	for id, s := range y.shares.all {
		if s != nil && s.jobs == 0 && (every || !s.pace.opens().After(y.now)) {
			y.dropShare(int32(id))
		}
	}
}

func (y *Yard) dropShare(id int32) {
	y.shares.idle--
	delete(y.shares.of, y.shares.all[id].name)
	y.shares.all[id] = nil
	y.shares.free = append(y.shares.free, id)
}

// waits adds n to a project's waiting jobs.
func (y *Yard) waits(id int32, n int) {
	s := y.shares.all[id]
	s.waiting += n
	if s.waiting == 0 || s.waiting == n {
		y.settle(id)
	}
}

// settle brings all that follows from a project's slots and limits up to date.
func (y *Yard) settle(id int32) {
	s := y.shares.all[id]
	s.ratio = ratio(s.held, s.limits)
	s.paced = s.pace.opens().After(y.now)
	y.shares.later.put(id, s.later, opening(s.pace.opens().UnixNano()), s.paced && s.waiting > 0)
	s.may = !s.paced && (s.limits.Running <= 0 || s.held < s.limits.Running)
	for _, l := range s.lanes {
		y.queueUp(l)
	}
}

// room returns how many slots more the limits of the project leave to it now.
func (s *share) room(now time.Time) int {
	room := math.MaxInt
	if s.limits.Running > 0 {
		room = max(0, s.limits.Running-s.held)
	}
	return min(room, s.pace.starts(now))
}

func ratio(held int, l project.Limits) float64 { return float64(held) / l.Share() }

// NextAt returns when Next should be asked again though nothing happens, because a
// project may then start jobs again that its pace holds back. It returns false when
// time alone changes nothing.
func (y *Yard) NextAt(now time.Time) (time.Time, bool) {
	first := y.shares.later.first()
	if first == absent {
		return time.Time{}, false
	}
	at := y.shares.all[first].pace.opens()
	if at.Before(now) {
		at = now
	}
	return at, true
}

// catchUp lets projects go on whose pace allows it by now.
func (y *Yard) catchUp(now time.Time) {
	y.now = now
	for first := y.shares.later.first(); first != absent; first = y.shares.later.first() {
		if y.shares.all[first].pace.opens().After(now) {
			return
		}
		y.settle(first)
	}
}
