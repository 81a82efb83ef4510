package placement

import (
	"time"

	"yardmaster/domain/queue"
)

// lookAhead is how many jobs of a lane are looked at: when the first must wait for a
// worker other than those it passes over, the ones behind it need not.
const lookAhead = 16

// candidate is a job that can be placed, and where.
type candidate struct {
	lane   int32
	turn   turn
	entry  queue.Entry
	member int32
}

// Next takes the job whose turn it is among those that some worker can take now,
// gives it the slot and returns both. It returns false when no waiting job can be
// placed.
func (y *Yard) Next(now time.Time) (Assignment, bool) {
	y.catchUp(now)
	y.letGoLimited()
	for {
		c, passed, found := y.best()
		if !found {
			return Assignment{}, false
		}
		if !y.reserve(c, passed, now) {
			return y.place(c, now), true
		}
	}
}

// place gives a job that waits its slot.
func (y *Yard) place(c candidate, now time.Time) Assignment {
	t := &taken{member: c.member, lane: c.lane, queued: true, since: now}
	t.entry, t.avoid, _ = y.dequeue(c.entry.Job)
	y.fill(t)
	y.step++
	w := &y.fleet.members[c.member]
	w.chosen = y.step
	y.shares.all[t.share].pace.start(now)
	y.take(t)
	y.known.ran(t.note.affinity, w.id)
	return Assignment{Job: c.entry.Job, Worker: w.id}
}

// best returns the job whose turn it is among those that can be placed now. passed
// are lanes whose first job comes before it and cannot be, though another of its
// kind could.
func (y *Yard) best() (found candidate, passed []int32, ok bool) {
	for l := y.firstIn(anyNow); l != absent; l = y.firstIn(anyNow) {
		if ok && !y.turnOf(l).before(found.turn) {
			break
		}
		c, ahead, can := y.look(l)
		if can && (!ok || c.turn.before(found.turn)) {
			found, ok = c, true
		}
		if can && ahead == 0 {
			break
		}
		passed = append(passed, l)
		y.pass(l)
	}
	for _, l := range passed {
		y.queueUp(l)
	}
	return found, passed, ok
}

// pass takes a lane out of turn, until it is queued up again.
func (y *Yard) pass(l int32) {
	of := y.lanes.at(l)
	y.demands.all[of.demand].turn.remove(of.turn)
	y.want(of.demand)
}

// firstIn returns the lane whose turn it is among those for which some worker has
// one of these columns, or absent.
func (y *Yard) firstIn(have uint64) int32 {
	var best *keyed[turn]
	y.each(have, 0, func(id int32) {
		if of := &y.demands.all[id].turn.items[0]; best == nil || of.key.before(best.key) {
			best = of
		}
	})
	if best == nil {
		return absent
	}
	return best.item
}

// look returns the first job of a lane that can be placed, and how many are ahead
// of it there.
func (y *Yard) look(l int32) (c candidate, ahead int, ok bool) {
	for ahead := range lookAhead {
		e, waits := y.queue.At(queue.ClassID(l), ahead)
		if !waits {
			break
		}
		if m := y.choose(y.lanes.at(l).demand, e); m != absent {
			return candidate{l, turn{y.turnOf(l).ratio, placeOf(e)}, e, m}, ahead, true
		}
	}
	return candidate{}, 0, false
}
