package placement

import (
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// taken is a slot that a job holds, with what it takes beside.
type taken struct {
	entry  queue.Entry // as it was in the queue, if queued
	queued bool
	avoid  []worker.ID
	member int32
	at     int32 // index in the member's held
	lane   int32 // that counts it, or absent
	share  int32
	need   resource.Amount
	note   note
	step   uint64    // that was the yard's when it took the slot
	since  time.Time // when it was placed; zero if it was held already
}

// Free gives back the slot that a job holds on a worker, and reports whether it
// held one there. How long it did is what the like are expected to take.
func (y *Yard) Free(id worker.ID, of job.ID, now time.Time) bool {
	t, holds := y.heldBy(id, of)
	if !holds {
		return false
	}
	y.learn(t, now)
	y.release(t)
	y.forget(t)
	return true
}

// Return puts a job back to its old place in the queue, because the worker that
// Next chose did not take it. The job passes that worker over like those of its
// Avoid. It reports false, and does nothing, unless the job waited here before it
// got that slot, and still holds it.
func (y *Yard) Return(id worker.ID, of job.ID) bool {
	t, holds := y.heldBy(id, of)
	if !holds || !t.queued {
		return false
	}
	y.release(t)
	y.enqueue(t.entry, lastOf(append(t.avoid, id)))
	return true
}

// Hold counts a slot for a job that a worker says it runs, without having been
// told by Next: after a failover, say. The job no longer waits. What the worker has
// may be exceeded: what runs, runs. It reports false, and does nothing, when the
// worker is not known, or the job holds a slot on another.
func (y *Yard) Hold(id worker.ID, r Request) bool {
	m, known := y.fleet.of[id]
	if !known {
		return false
	}
	if t, holds := y.taken[r.Job]; holds {
		return t.member == m
	}
	t := &taken{member: m, need: r.Resources}
	t.entry, t.avoid, t.queued = y.dequeue(r.Job)
	switch {
	case t.queued:
		t.lane = int32(t.entry.Class)
		y.fill(t)
	default:
		t.lane = y.laneOf(&r)
		t.entry = y.entry(&r, 0)
		t.note = noteOf(t.entry.Note)
	}
	t.share = y.shareOf(t.lane, r.Project)
	y.step++
	y.take(t)
	return true
}

// fill sets what follows from the lane in which a job waited.
func (y *Yard) fill(t *taken) {
	of := y.lanes.at(t.lane)
	t.share, t.need, t.note = of.share, y.demands.all[of.demand].need, noteOf(t.entry.Note)
}

// laneOf counts a job in its lane, or returns absent if there are too many demands
// for one: what runs, runs.
func (y *Yard) laneOf(r *Request) int32 {
	l, err := y.laneFor(r)
	if err != nil {
		return absent
	}
	y.count(l, 1)
	return l
}

// shareOf returns the share that a job counts for, and counts it there if no lane does.
func (y *Yard) shareOf(l int32, project string) int32 {
	if l != absent {
		return y.lanes.at(l).share
	}
	s := y.shareFor(project)
	y.shares.all[s].jobs++
	return s
}

func (y *Yard) heldBy(id worker.ID, of job.ID) (*taken, bool) {
	t, holds := y.taken[of]
	if !holds || y.fleet.members[t.member].id != id {
		return nil, false
	}
	return t, true
}

// take gives a job its slot.
func (y *Yard) take(t *taken) {
	w := &y.fleet.members[t.member]
	t.at, t.step = int32(len(w.held)), y.step
	w.held, w.holders = append(w.held, t.entry.Job), append(w.holders, t)
	y.taken[t.entry.Job] = t
	y.charge(t, 1)
}

// release takes a job's slot away. It stays counted.
func (y *Yard) release(t *taken) {
	w := &y.fleet.members[t.member]
	end := len(w.held) - 1
	w.held[t.at], w.holders[t.at] = w.held[end], w.holders[end]
	w.holders[t.at].at = t.at
	w.holders[end] = nil
	w.held, w.holders = w.held[:end], w.holders[:end]
	delete(y.taken, t.entry.Job)
	y.charge(t, -1)
}

// charge counts what a job holds, or holds no more.
func (y *Yard) charge(t *taken, n int) {
	w := &y.fleet.members[t.member]
	if n > 0 {
		w.used = w.used.Plus(t.need)
	} else {
		w.used = w.used.Minus(t.need)
	}
	if w.reserved != absent {
		y.reserved[w.reserved].charge(t, n)
	}
	if t.lane != absent {
		y.demands.all[y.lanes.at(t.lane).demand].held += n
	}
	y.shares.all[t.share].held += n
	y.settle(t.share)
	y.touch(t.member)
}

// forget counts a job no longer, that neither waits nor holds a slot.
func (y *Yard) forget(t *taken) {
	y.known.release(t.note.affinity)
	if t.lane != absent {
		y.count(t.lane, -1)
		return
	}
	s := y.shares.all[t.share]
	if s.jobs--; s.jobs == 0 {
		y.idleShare(t.share)
	}
}

// Held returns how many jobs hold a slot.
func (y *Yard) Held() int { return len(y.taken) }

// HeldBy returns the jobs that hold a slot on a worker. The slice is the yard's,
// and good until its next change.
func (y *Yard) HeldBy(id worker.ID) []job.ID {
	m, known := y.fleet.of[id]
	if !known {
		return nil
	}
	return y.fleet.members[m].held
}

// Load returns how many slots of a worker are held, how many it has, and what
// resources are held.
func (y *Yard) Load(id worker.ID) (held, slots int, used resource.Amount) {
	m, known := y.fleet.of[id]
	if !known {
		return 0, 0, resource.Amount{}
	}
	w := &y.fleet.members[m]
	return len(w.held), w.slots, w.used
}
