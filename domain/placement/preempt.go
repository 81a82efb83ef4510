package placement

import (
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
)

// Preempt returns a job that holds a slot and should give it up, and the job for
// which it should. It changes nothing: the caller ends the victim, and asks again
// when that slot is free.
//
// A job may have another give up its slot when it would be the next, no worker has
// room for it, it has waited long enough, and it would fit in the place of the other,
// whose priority must be much lower and which must be idempotent. Of those, the one
// with the lowest priority is the victim, and then the one that was placed last.
// It looks at every job that holds a slot.
func (y *Yard) Preempt(now time.Time) (victim Assignment, id job.ID, ok bool) {
	if !y.config.Preempt {
		return Assignment{}, job.ID{}, false
	}
	y.catchUp(now)
	l := y.firstIn(ever)
	if l == absent {
		return Assignment{}, job.ID{}, false
	}
	e, _ := y.queue.Head(queue.ClassID(l))
	demand := y.lanes.at(l).demand
	if now.Sub(y.queuedAt(e)) < y.config.ReserveAfter || y.choose(demand, e) != absent {
		return Assignment{}, job.ID{}, false
	}
	t := y.victim(demand, e)
	if t == nil {
		return Assignment{}, job.ID{}, false
	}
	return Assignment{Job: t.entry.Job, Worker: y.fleet.members[t.member].id}, e.Job, true
}

// victim returns the slot that should be given up for a job, or nil.
func (y *Yard) victim(demand int32, e queue.Entry) (worst *taken) {
	w := wish{demand: y.demands.all[demand], place: placeOf(e), avoid: y.binding(demand, e)}
	priority := int64(noteOf(e.Note).priority)
	for _, t := range y.taken {
		switch {
		case !t.note.givesWay || int64(t.note.priority)+int64(y.config.PreemptBy) > priority:
		case worst != nil && !t.givesWayBefore(worst):
		case y.fitsInPlaceOf(&w, demand, t):
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
