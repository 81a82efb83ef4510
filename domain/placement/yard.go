// Package placement chooses the worker for each waiting job, and says in words why
// a job still waits.
//
// A Yard holds the queue and what the workers have. What it promises:
//
//   - A job goes only to a worker that is AVAILABLE or RUNNING, of its pool, with
//     all its labels, a free slot and the resources it asks for. No worker ever
//     gets more than it has.
//   - Of the projects that have a job which could be placed now, the one with the
//     fewest slots for its weight goes first; within a project, the job that is due
//     first: who has waited longest, a point of priority being worth some waiting.
//     A project at one of its limits, and a job that nobody can take, hold up no
//     other.
//   - The worker is the one whose scarce labels are missed least, of these the one
//     with the least load, of these one that ran the like before. Equal workers are
//     chosen in turn, so that equal jobs spread evenly.
//   - A job that asks for much is not overtaken for ever by those that ask for
//     little: a worker is kept free for it.
//   - If that is wanted, a job of high priority that has waited has one of much lower
//     priority give way, and nobody else gets its place.
//
// A placement takes time logarithmic in the workers and the waiting jobs, and in
// proportion to the number of different demands.
//
// Everything here is soft state, told by jobs and workers, and may be told again:
// a repeated word changes nothing. Calls come from one goroutine.
package placement

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/project"
	"yardmaster/domain/queue"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// Limits of a yard.
const (
	// MaxDemands is how many different demands there may be among the jobs that
	// wait or hold a slot: a placement looks at each of them.
	MaxDemands = 1024
	// MaxAvoid is how many workers a job passes over: the last of those named.
	MaxAvoid = 8
	// maxIdle is how many demands are remembered that no job has at the moment.
	maxIdle = 256
	// defaultAgeing and defaultReserve are for a Config that says nothing.
	defaultAgeing  = 10 * time.Minute
	defaultReserve = 30 * time.Second
)

// Why a job is not queued.
var (
	// ErrFull means that as many jobs wait as may: try again later.
	ErrFull = errors.New("placement: the queue is full")
	// ErrTooManyDemands means that what a job demands would make one kind too many.
	ErrTooManyDemands = errors.New("placement: too many different demands")
)

// Config is what an operator decides about a yard.
type Config struct {
	// Limit is how many jobs may wait.
	Limit int
	// Projects has their weights and limits. Of these, how many jobs of a project
	// may wait is not looked at here: see WaitingOf.
	Projects project.Set
	// Ageing is the waiting that is worth as much as one point of priority.
	// 0 means 10 minutes.
	Ageing time.Duration
	// ReserveAfter is how long a job waits before others that are due later may no
	// longer take the room it needs. 0 means 30 seconds.
	ReserveAfter time.Duration
	// Preempt lets the method of that name find victims: jobs whose priority is at
	// least PreemptBy points lower. PreemptBy below 1 counts as 1.
	Preempt   bool
	PreemptBy int
	// PreemptAfter is how long a job waits before others are preempted for it. 0
	// means as long as ReserveAfter.
	PreemptAfter time.Duration
}

// Request is a job that wants a slot.
type Request struct {
	Job job.ID
	// Labels are the capabilities it demands; none means any worker will do.
	Labels []string
	// Resources is what it takes of its worker beside the slot.
	Resources resource.Amount
	// Project is whose share and limits it counts for.
	Project string
	// Pool is the trust pool whose workers alone run it; "" is the default pool.
	Pool     string
	Priority int // higher goes first; what lies beyond 31 bits counts as the limit
	// QueuedAt is since when it waits. A job that is told again with the same time
	// has its old place. The zero time is long ago.
	QueuedAt time.Time
	// Avoid are workers to pass over as long as another could ever take the job.
	Avoid []worker.ID
	// Affinity is what it has in common with other jobs: it rather goes where one
	// of them ran, and is expected to take as long as they did. "" is nothing.
	Affinity string
	// GivesWay is whether it may be preempted.
	GivesWay bool
}

// Worker is what the yard knows of a worker.
type Worker struct {
	ID     worker.ID
	Labels []string
	Pool   string // trust pool; "" is the default pool
	Slots  int
	// Total is what jobs may take in all. A resource that is 0 is one of which the
	// worker does not say how much it has: jobs are not kept from it.
	Total resource.Amount
	State worker.State
}

// Assignment is a decision: the job takes one slot of the worker.
type Assignment struct {
	Job    job.ID
	Worker worker.ID
}

// Yard matches waiting jobs with free slots. Make one with New.
type Yard struct {
	config Config
	queue  queue.Queue
	seq    uint64    // arrivals so far
	step   uint64    // grows with each slot that is taken or kept free
	now    time.Time // when Next was asked last

	avoid    map[job.ID][]worker.ID // of waiting jobs
	taken    map[job.ID]*taken      // jobs that hold a slot
	demands  demands
	lanes    lanes
	shares   shares
	fleet    fleet
	reserved []reservation
	vacated  int // of reserved: those for which another job gives way
	known    affinities

	scratch []byte
	ends    []ending
}

// New returns an empty yard.
func New(c Config) *Yard {
	if c.Ageing <= 0 {
		c.Ageing = defaultAgeing
	}
	if c.ReserveAfter <= 0 {
		c.ReserveAfter = defaultReserve
	}
	if c.PreemptAfter <= 0 {
		c.PreemptAfter = c.ReserveAfter
	}
	c.PreemptBy = max(1, c.PreemptBy)
	y := &Yard{config: c, avoid: map[job.ID][]worker.ID{}, taken: map[job.ID]*taken{}}
	y.demands.of = map[string]int32{}
	y.lanes.of = map[laneKey]int32{}
	y.shares.of = map[string]int32{}
	y.shares.later.moved = func(s, at int32) { y.shares.all[s].later = at }
	y.fleet = newFleet()
	y.known = newAffinities()
	return y
}

// Push queues a job in its place. A job that waits or holds a slot already stays
// as it is. The error is ErrFull or ErrTooManyDemands.
func (y *Yard) Push(r Request) error {
	if _, holds := y.taken[r.Job]; holds {
		return nil
	}
	if _, waits := y.queue.Get(r.Job); waits {
		return nil
	}
	if y.queue.Len() >= y.config.Limit {
		return fmt.Errorf("%w: %d jobs wait", ErrFull, y.config.Limit)
	}
	l, err := y.laneFor(&r)
	if err != nil {
		return err
	}
	y.count(l, 1)
	y.seq++
	y.enqueue(y.entry(&r, l), lastOf(r.Avoid))
	return nil
}

func (y *Yard) entry(r *Request, l int32) queue.Entry {
	n := note{priority: priorityOf(r.Priority), affinity: y.known.use(r.Affinity), givesWay: r.GivesWay}
	return queue.Entry{
		Job: r.Job, Class: queue.ClassID(l), Due: y.due(n.priority, r.QueuedAt), Seq: y.seq, Note: n.pack(),
	}
}

// lastOf returns the last of the workers to avoid, and leaves out those without a name.
func lastOf(avoid []worker.ID) []worker.ID {
	avoid = slices.DeleteFunc(slices.Clone(avoid), func(id worker.ID) bool { return id == "" })
	return avoid[max(0, len(avoid)-MaxAvoid):]
}

// enqueue puts a job, that is counted already, to where it waits.
func (y *Yard) enqueue(e queue.Entry, avoid []worker.ID) {
	y.queue.Push(e)
	if len(avoid) > 0 {
		y.avoid[e.Job] = avoid
	}
	l := y.lanes.at(int32(e.Class))
	y.demands.all[l.demand].waiting++
	y.waits(l.share, 1)
	y.advance(int32(e.Class))
}

// dequeue takes a job from where it waits. It stays counted.
func (y *Yard) dequeue(id job.ID) (e queue.Entry, avoid []worker.ID, waited bool) {
	e, waited = y.queue.Remove(id)
	if !waited {
		return e, nil, false
	}
	if len(y.avoid) > 0 {
		avoid = y.avoid[id]
		delete(y.avoid, id)
	}
	y.letGo(id)
	l := y.lanes.at(int32(e.Class))
	y.demands.all[l.demand].waiting--
	y.waits(l.share, -1)
	y.advance(int32(e.Class))
	return e, avoid, true
}

// Remove takes a waiting job out of the queue, and reports whether it waited.
func (y *Yard) Remove(id job.ID) bool {
	e, _, waited := y.dequeue(id)
	if waited {
		y.known.release(noteOf(e.Note).affinity)
		y.count(int32(e.Class), -1)
	}
	return waited
}

// Waiting returns how many jobs wait.
func (y *Yard) Waiting() int { return y.queue.Len() }

// WaitingOf returns how many jobs of a project wait, in constant time.
func (y *Yard) WaitingOf(project string) int {
	if s, found := y.shares.of[project]; found {
		return y.shares.all[s].waiting
	}
	return 0
}
