// Package placement chooses the worker for each waiting job, and says in words why
// a job still waits.
//
// A Yard holds the queue and the workers' slots. What it promises: Next gives out
// the job that is due first among those for which an eligible worker has a free
// slot; to the eligible worker with the least load; no worker ever gets more than
// its slots, and one that is not AVAILABLE or RUNNING gets nothing. Equal workers
// are chosen in turn, so that equal jobs spread evenly.
//
// Everything here is soft state, told by jobs and workers, and may be told again:
// a repeated word changes nothing. Calls come from one goroutine.
package placement

import (
	"errors"
	"fmt"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
	"yardmaster/domain/worker"
)

// Limits of a yard.
const (
	// MaxClasses is how many different demands there may be among the jobs that
	// wait or hold a slot: Next looks at each of them.
	MaxClasses = 1024
	// maxIdle is how many demands are remembered that no job has at the moment.
	maxIdle = 64
)

// Why a job is not queued.
var (
	// ErrFull means that as many jobs wait as may: try again later.
	ErrFull = errors.New("placement: the queue is full")
	// ErrTooManyDemands means that a job's labels would make one class too many.
	ErrTooManyDemands = errors.New("placement: too many different demands")
)

// Request is a job that wants a slot.
type Request struct {
	Job job.ID
	// Labels are the capabilities it demands; none means any worker will do.
	Labels   []string
	Priority int // higher goes first
	// Avoid is a worker to pass over while another has a free slot, or "".
	Avoid worker.ID
}

// Worker is what the yard knows of a worker.
type Worker struct {
	ID     worker.ID
	Labels []string
	Slots  int
	State  worker.State
}

// Assignment is a decision: the job takes one slot of the worker.
type Assignment struct {
	Job    job.ID
	Worker worker.ID
}

// Yard matches waiting jobs with free slots. Make one with New.
type Yard struct {
	limit  int // jobs waiting
	queue  queue.Queue
	seq    uint64                   // arrivals so far
	turn   uint64                   // choices so far
	avoid  map[job.ID]worker.ID     // of waiting jobs
	taken  map[job.ID]taken         // jobs that hold a slot
	known  map[worker.ID]int32      // index in members
	kindOf map[string]int32         // index in kinds, by canonical labels
	demand map[string]queue.ClassID // index in classes, by canonical labels

	members []member
	kinds   []kind
	classes []*class // nil where unused

	freeMembers []int32
	freeKinds   []int32
	freeClasses []queue.ClassID

	scratch []byte
}

// taken is a slot that a job holds.
type taken struct {
	member int32
	at     int32 // index in the member's held
	queued bool  // entry is what it was in the queue
	entry  queue.Entry
}

// New returns an empty yard in which at most limit jobs may wait.
func New(limit int) *Yard {
	return &Yard{
		limit: limit,
		avoid: map[job.ID]worker.ID{}, taken: map[job.ID]taken{},
		known: map[worker.ID]int32{}, kindOf: map[string]int32{}, demand: map[string]queue.ClassID{},
	}
}

// Push queues a job behind those of its priority. A job that waits or holds a slot
// already stays as it is. The error is ErrFull or ErrTooManyDemands.
func (y *Yard) Push(r Request) error {
	if _, holds := y.taken[r.Job]; holds {
		return nil
	}
	if _, waits := y.queue.Get(r.Job); waits {
		return nil
	}
	if y.queue.Len() >= y.limit {
		return fmt.Errorf("%w: %d jobs wait", ErrFull, y.limit)
	}
	c, err := y.classFor(r.Labels)
	if err != nil {
		return err
	}
	y.seq++
	y.enqueue(queue.Entry{Job: r.Job, Class: c, Priority: r.Priority, Seq: y.seq}, r.Avoid)
	y.classes[c].jobs++
	return nil
}

func (y *Yard) enqueue(e queue.Entry, avoid worker.ID) {
	y.queue.Push(e)
	if avoid != "" {
		y.avoid[e.Job] = avoid
	}
}

// Remove takes a waiting job out of the queue, and reports whether it waited.
func (y *Yard) Remove(id job.ID) bool {
	e, waits := y.dequeue(id)
	if waits {
		y.classes[e.Class].jobs--
	}
	return waits
}

func (y *Yard) dequeue(id job.ID) (queue.Entry, bool) {
	e, waits := y.queue.Remove(id)
	if len(y.avoid) > 0 {
		delete(y.avoid, id)
	}
	return e, waits
}

// Next takes the job that is due first among those for which an eligible worker
// has a free slot, gives it the slot and returns both. It returns false when no
// waiting job can be placed.
func (y *Yard) Next() (Assignment, bool) {
	var due queue.Entry
	found := false
	for id, c := range y.classes {
		if c == nil || len(c.ready.items) == 0 {
			continue
		}
		if e, waits := y.queue.Head(queue.ClassID(id)); waits && (!found || e.Before(due)) {
			due, found = e, true
		}
	}
	if !found {
		return Assignment{}, false
	}
	m := y.choose(y.classes[due.Class], y.avoid[due.Job])
	y.dequeue(due.Job)
	y.turn++
	y.members[m].chosen = y.turn
	y.take(m, taken{queued: true, entry: due})
	return Assignment{Job: due.Job, Worker: y.members[m].id}, true
}

// Free gives back the slot that a job holds on a worker, and reports whether it
// held one there.
func (y *Yard) Free(id worker.ID, of job.ID) bool {
	t, holds := y.heldBy(id, of)
	if !holds {
		return false
	}
	y.release(t)
	if t.queued {
		y.classes[t.entry.Class].jobs--
	}
	return true
}

// Return puts a job back to its old place in the queue, because the worker that
// Next chose did not take it. The job passes that worker over while another has a
// free slot. It reports false, and does nothing, unless the job waited here before
// it got that slot, and still holds it.
func (y *Yard) Return(id worker.ID, of job.ID) bool {
	t, holds := y.heldBy(id, of)
	if !holds || !t.queued {
		return false
	}
	y.release(t)
	y.enqueue(t.entry, id)
	return true
}

// Hold counts a slot for a job that a worker says it runs, without having been
// told by Next: after a failover, say. The job no longer waits. Slots may be
// exceeded: what runs, runs. It reports false, and does nothing, when the worker
// is not known, or the job holds a slot on another.
func (y *Yard) Hold(id worker.ID, of job.ID) bool {
	m, known := y.known[id]
	if !known {
		return false
	}
	if t, holds := y.taken[of]; holds {
		return t.member == m
	}
	e, waited := y.dequeue(of)
	if !waited {
		e.Job = of
	}
	y.take(m, taken{queued: waited, entry: e})
	return true
}

func (y *Yard) heldBy(id worker.ID, of job.ID) (taken, bool) {
	t, holds := y.taken[of]
	if !holds || y.members[t.member].id != id {
		return taken{}, false
	}
	return t, true
}

func (y *Yard) take(m int32, t taken) {
	held := &y.members[m].held
	t.member, t.at = m, int32(len(*held))
	*held = append(*held, t.entry.Job)
	y.taken[t.entry.Job] = t
	y.touch(m)
}

func (y *Yard) release(t taken) {
	m := &y.members[t.member]
	last := m.held[len(m.held)-1]
	if last != t.entry.Job {
		m.held[t.at] = last
		moved := y.taken[last]
		moved.at = t.at
		y.taken[last] = moved
	}
	m.held = m.held[:len(m.held)-1]
	delete(y.taken, t.entry.Job)
	y.touch(t.member)
}

// Waiting returns how many jobs wait.
func (y *Yard) Waiting() int { return y.queue.Len() }

// Held returns how many jobs hold a slot.
func (y *Yard) Held() int { return len(y.taken) }

// HeldBy returns the jobs that hold a slot on a worker. The slice is the yard's,
// and good until its next change.
func (y *Yard) HeldBy(id worker.ID) []job.ID {
	m, known := y.known[id]
	if !known {
		return nil
	}
	return y.members[m].held
}

// Load returns how many slots of a worker are held, and how many it has.
func (y *Yard) Load(id worker.ID) (held, slots int) {
	m, known := y.known[id]
	if !known {
		return 0, 0
	}
	return len(y.members[m].held), y.members[m].slots
}
