package placement

import (
	"slices"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
	"yardmaster/domain/resource"
)

// A job that asks for much would wait for ever while jobs that ask for little take
// each bit of room as it comes free. So a job that has waited some time, and is about
// to be overtaken, has a worker kept free for it: those that are due later get from
// this worker only what it can spare. They may use the room meanwhile, as far as
// there is enough left for it once all that ran before has ended.

// reservation is a worker that is kept free for a job.
type reservation struct {
	job    job.ID
	place  place
	demand int32
	lane   int32
	member int32
	step   uint64          // of the yard, when it began
	slots  int             // taken since then
	taken  resource.Amount // likewise
	// victim is the job that gives way to this one on the worker, or the zero ID. Then
	// the worker spares nothing for others, whenever they are due: the room is made
	// for this job, and the next would have to be made at another's cost.
	victim job.ID
}

// vacated reports whether another job gives way.
func (r *reservation) vacated() bool { return r.victim != job.ID{} }

// charge counts what a job takes, or gives back, of a worker that is kept free. What
// was taken before is not counted: it is waited for.
func (r *reservation) charge(t *taken, n int) {
	if t.step < r.step {
		return
	}
	r.slots += n
	if n > 0 {
		r.taken = r.taken.Plus(t.need)
	} else {
		r.taken = r.taken.Minus(t.need)
	}
}

// spares reports whether a worker that is kept free for a job, and has room for
// another, can be given that.
func (y *Yard) spares(w *member, need resource.Amount, at place) bool {
	r := &y.reserved[w.reserved]
	if r.vacated() {
		return r.place == at
	}
	if !r.place.before(at) {
		return true // it is due before, or is the very job
	}
	all := r.taken.Plus(y.demands.all[r.demand].need).Plus(need)
	return r.slots+2 <= w.slots && all.Fits(w.all())
}

// sparesSome is spares for some job of a demand.
func (y *Yard) sparesSome(w *member, demand int32) bool {
	if r := &y.reserved[w.reserved]; r.vacated() {
		return r.demand == demand
	}
	return y.spares(w, y.demands.need[demand], firstOf(y.demands.all[demand]))
}

// reserve keeps a worker free for one of the jobs that a candidate would overtake, and
// reports whether it did: for the first of those that have waited long enough, ask for
// resources, and are the only ones of their kind.
func (y *Yard) reserve(c candidate, passed []int32, now time.Time) bool {
	if len(y.reserved)-y.vacated >= y.mostReserved() {
		return false
	}
	var lanes []int32
	consider := func(l int32) {
		if y.mayReserve(l, now) {
			lanes = append(lanes, l)
		}
	}
	for _, l := range passed {
		consider(l)
	}
	y.each(ever, anyNow, func(id int32) {
		if of := &y.demands.all[id].turn.items[0]; of.key.before(c.turn) {
			consider(of.item)
		}
	})
	slices.SortFunc(lanes, func(a, b int32) int {
		if y.turnOf(a).before(y.turnOf(b)) {
			return -1
		}
		return 1
	})
	return slices.ContainsFunc(lanes, func(l int32) bool { return y.keepFor(l, now) })
}

// mayReserve reports whether the first job of a lane may have a worker kept free.
func (y *Yard) mayReserve(l int32, now time.Time) bool {
	d := y.demands.all[y.lanes.at(l).demand]
	if d.need.IsZero() || d.reserved {
		return false
	}
	e, waits := y.queue.Head(queue.ClassID(l))
	return waits && !y.served(e.Job) && now.Sub(y.queuedAt(e)) >= y.config.ReserveAfter
}

// keepFor keeps a worker free for the first job of a lane, if there is one that could
// take it and is kept free for no other.
func (y *Yard) keepFor(l int32, now time.Time) bool {
	of := y.lanes.at(l)
	e, _ := y.queue.Head(queue.ClassID(l))
	m := y.soonest(of.demand, e, now)
	if m == absent {
		return false
	}
	y.demands.all[of.demand].reserved = true
	y.keep(m, e, job.ID{})
	return true
}

// keep keeps a worker free for a job.
func (y *Yard) keep(m int32, e queue.Entry, victim job.ID) {
	y.step++
	y.fleet.members[m].reserved = int32(len(y.reserved))
	l := int32(e.Class)
	y.reserved = append(y.reserved, reservation{
		job: e.Job, place: placeOf(e), demand: y.lanes.at(l).demand, lane: l, member: m, step: y.step, victim: victim,
	})
	y.touch(m)
}

// mostReserved is how many workers may be kept free at once: a tenth.
func (y *Yard) mostReserved() int { return max(1, len(y.fleet.of)/10) }

// weighed is how many workers are compared before one is kept free.
const weighed = 8

// soonest returns the worker on which a job is expected to fit first, of those with
// the least load, or absent. When nothing is known of how long jobs take, it is the
// one with the least load.
func (y *Yard) soonest(demand int32, e queue.Entry, now time.Time) int32 {
	d := y.demands.all[demand]
	w := wish{demand: d, place: placeOf(e), avoid: y.binding(demand, e)}
	best, seen := absent, 0
	var least time.Time
	y.fleet.tree.find(columnOf(demand, levels), func(m int32) bool {
		of := &y.fleet.members[m]
		if of.reserved != absent || !y.allows(&w, m) {
			return false
		}
		at, knows := y.fitsAt(of, d.need, now)
		if best == absent || knows && (least.IsZero() || at.Before(least)) {
			best, least = m, at
		}
		seen++
		return seen == weighed
	})
	return best
}

// yield brings the workers that are kept free up to date when the first job of some
// demand changes: one that is due before the job that a worker is kept free for may
// have it.
func (y *Yard) yield(d *demand, before, now place) {
	for i := range y.reserved {
		r := &y.reserved[i]
		w := &y.fleet.members[r.member]
		if r.place.before(before) != r.place.before(now) && w.fits(d.need) && y.fleet.kinds[w.kind].matches(d) {
			y.touch(r.member)
		}
	}
}

// letGo keeps no worker free for a job any more.
func (y *Yard) letGo(id job.ID) {
	for i := range y.reserved {
		if y.reserved[i].job == id {
			y.unreserve(i)
			return
		}
	}
}

// letGoLimited keeps no worker free for jobs of projects that may not have another
// slot.
func (y *Yard) letGoLimited() {
	for i := len(y.reserved) - 1; i >= 0; i-- {
		if !y.shares.all[y.lanes.at(y.reserved[i].lane).share].may {
			y.unreserve(i)
		}
	}
}

// keepOrLetGo lets a worker go that cannot take the job it is kept free for any more.
func (y *Yard) keepOrLetGo(m int32) {
	w := &y.fleet.members[m]
	if w.reserved == absent {
		return
	}
	d := y.demands.all[y.reserved[w.reserved].demand]
	if !w.state.Takes() || !y.fleet.kinds[w.kind].matches(d) || !w.fitsEver(d.need) {
		y.unreserve(int(w.reserved))
	}
}

func (y *Yard) unreserve(i int) {
	r := y.reserved[i]
	end := len(y.reserved) - 1
	y.reserved[i] = y.reserved[end]
	y.reserved = y.reserved[:end]
	if i < end {
		y.fleet.members[y.reserved[i].member].reserved = int32(i)
	}
	if r.vacated() {
		y.vacated--
	} else {
		y.demands.all[r.demand].reserved = false
	}
	y.fleet.members[r.member].reserved = absent
	y.touch(r.member)
}
