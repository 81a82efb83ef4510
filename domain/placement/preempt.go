package placement

import (
	"slices"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
)

// Preempt returns a job that holds a slot and should give it up, and the job for
// which it should. It changes nothing: the caller says GiveWay, ends the victim, and
// says Free when that is gone.
//
// A job may have another give up its slot when no worker has room for it, it has
// waited long enough, it would fit in the place of the other, and nobody whose turn
// comes before would. The priority of the other must be much lower, and it must be
// one that gives way. Of those, the one with the lowest priority is the victim, and
// then the one that was placed last. Priority does not go beyond what a project may
// have: whose turn it is depends on what all have for their weights.
//
// It looks at the first jobs in turn, and for each at every job that holds a slot.
func (y *Yard) Preempt(now time.Time) (victim Assignment, id job.ID, ok bool) {
	if !y.config.Preempt {
		return Assignment{}, job.ID{}, false
	}
	y.catchUp(now)
	var passed, demands []int32
	var before []wish
	for l := y.firstIn(ever); l != absent && len(passed) < lookAhead && !ok; l = y.firstIn(ever) {
		passed = append(passed, l)
		y.pass(l)
		e, waits := y.unserved(l)
		if !waits {
			continue
		}
		demand := y.lanes.at(l).demand
		w := wish{demand: y.demands.all[demand], place: placeOf(e), avoid: y.binding(demand, e)}
		if now.Sub(y.queuedAt(e)) >= y.config.PreemptAfter && y.choose(demand, e) == absent {
			if t := y.victim(&w, demand, noteOf(e.Note).priority, before, demands); t != nil {
				victim, id, ok = Assignment{Job: t.entry.Job, Worker: y.fleet.members[t.member].id}, e.Job, true
			}
		}
		before, demands = append(before, w), append(demands, demand)
	}
	for _, l := range passed {
		y.queueUp(l)
	}
	return victim, id, ok
}

// unserved returns the first job of a lane for which no other gives way yet.
func (y *Yard) unserved(l int32) (queue.Entry, bool) {
	for i := range lookAhead {
		e, waits := y.queue.At(queue.ClassID(l), i)
		if !waits || !y.served(e.Job) {
			return e, waits
		}
	}
	return queue.Entry{}, false
}

// served reports whether another job gives way to a job.
func (y *Yard) served(id job.ID) bool {
	return y.vacated > 0 && slices.ContainsFunc(y.reserved, func(r reservation) bool { return r.job == id && r.vacated() })
}

// victim returns the slot that should be given up for a job, or nil. before are the
// jobs whose turn comes first, with their demands.
func (y *Yard) victim(w *wish, demand, priority int32, before []wish, demands []int32) (worst *taken) {
	for _, t := range y.taken {
		switch {
		case !t.note.givesWay || int64(t.note.priority)+int64(y.config.PreemptBy) > int64(priority):
		case worst != nil && !t.givesWayBefore(worst):
		case y.fitsInPlaceOf(w, demand, t) && !y.anyFitsInPlaceOf(before, demands, t):
			worst = t
		}
	}
	return worst
}

func (t *taken) givesWayBefore(other *taken) bool {
	if t.note.priority != other.note.priority {
		return t.note.priority < other.note.priority
	}
	return t.step > other.step
}

// fitsInPlaceOf reports whether a job would have room if another gave up its slot.
func (y *Yard) fitsInPlaceOf(w *wish, demand int32, t *taken) bool {
	of := &y.fleet.members[t.member]
	return y.fleet.tree.has(t.member, columnOf(demand, levels)) && y.allows(w, t.member) &&
		len(of.held) <= of.slots && w.demand.need.Fits(of.all().Minus(of.used).Plus(t.need))
}

func (y *Yard) anyFitsInPlaceOf(all []wish, demands []int32, t *taken) bool {
	for i := range all {
		if y.fitsInPlaceOf(&all[i], demands[i], t) {
			return true
		}
	}
	return false
}

// GiveWay keeps the place that a victim gives up for the job for which it does: what
// comes free on that worker is for this job alone, until it has a slot, here or
// elsewhere. It reports false, and does nothing, unless the victim holds its slot and
// the job waits.
func (y *Yard) GiveWay(victim Assignment, to job.ID) bool {
	t, holds := y.heldBy(victim.Worker, victim.Job)
	e, waits := y.queue.Get(to)
	if !holds || !waits {
		return false
	}
	y.letGo(to)
	if at := y.fleet.members[t.member].reserved; at != absent {
		y.unreserve(int(at))
	}
	y.vacated++
	y.keep(t.member, e, victim.Job)
	return true
}

// Forgo has a job no longer wait for the place that another gives up.
func (y *Yard) Forgo(id job.ID) {
	if y.served(id) {
		y.letGo(id)
	}
}
