package actors

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/worker"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

const (
	// sweepEvery is how often overdue attempts and jobs are looked for.
	sweepEvery = 5 * time.Second
	// sweepsOfQueue is how many sweeps pass between two of the whole queue, which
	// may be long.
	sweepsOfQueue = 60
	// queueTimeout is how long a job may wait for a worker. Then it fails, so
	// that no job waits for ever.
	queueTimeout = 24 * time.Hour
	// missingLimit is how many heartbeats in a row may lack an attempt before its
	// worker is asked for it again.
	missingLimit = 2
	// reminders is at how many heartbeats after a reunion the job is told again
	// that its worker is there: the frame that tells the attempt of its new owner
	// may be lost, and nothing else would.
	reminders = 5
)

// Coordinator queues jobs and places them on workers. All it knows is soft: jobs
// and workers announce themselves, and do so again when it is new.
//
// Mailbox protocol
//
//	message       from      does                                          answer
//	JobQueued     job       queues it; run and partition speak for most   AssignJob, some day
//	JobAttached   job       counts its slot                               WorkerReady or AttemptGone, when known
//	JobWithdrawn  job       forgets it                                    -
//	SlotFreed     job       frees the slot                                -
//	workerUp      session   adds the worker, and finds its attempts       -
//	workerState   session   changes what the worker may get               -
//	workerSilent  session   loses its attempts                            -
//	workerGone    session   loses its attempts and the worker             -
//	workerHolds   session   looks for attempts that it should have        -
//	explainJob    backend   -                                             placement.Explanation
//	couldAny      backend   -                                             []placement.Could
//	askDemand     scaler    counts what waits and runs                    demandOf
//	askHeld       scaler    -                                             workerHeld
//	setProjects   node      changes what projects may have                projectsSet
//	sweep         itself    gives up what is overdue                      -
//	placeAgain    itself    places what a limit has held up               -
//	preemptAgain  itself    asks jobs to give way to others               GiveWay to those
type Coordinator struct {
	env     *coordinatorEnv
	yard    *placement.Yard
	jobs    map[job.ID]*tracked
	workers map[worker.ID]*presence
	// expected are the attempts of workers that have not been heard of.
	expected map[worker.ID][]placement.Request
	timer    *time.Timer
	sweeps   int
	yielding map[job.ID]yielding // by the job for which another gives way
	preempts *time.Timer         // nil if no job gives way to another
	again    *time.Timer         // nil until time alone lets a job start for the first time
	againAt  time.Time
}

// coordinatorEnv is what the coordinator is given.
type coordinatorEnv struct {
	log        *slog.Logger
	roster     *Roster
	projects   project.Set
	preemption Preemption
	partitions []*actor.PID // their owners
	jobs       []*actor.PID // the supervisors of their jobs
	registry   *actor.PID
	// lives counts the coordinator's lives: from the second on, everyone is asked
	// to announce himself again.
	lives int
}

// tracked is a job that waits for a worker, or has one.
type tracked struct {
	since  time.Time     // when it was queued or assigned
	bound  time.Duration // of an attempt
	worker worker.ID     // "" while it waits
	// priority is what it had when it was queued: 0 for one that was attached.
	priority int32
	node     string
	missing  int // heartbeats of its worker without it
	remind   int // heartbeats of its worker at which to say that it is there
}

type (
	// workerUp says that a worker is there and takes attempts.
	workerUp struct {
		worker  placement.Worker
		node    string
		running map[job.ID]struct{} // attempts that it said it runs
	}
	workerState struct {
		id    worker.ID
		state worker.State
	}
	// workerSilent says that a worker's lease ran out: what it held is lost.
	workerSilent struct {
		id     worker.ID
		reason string
	}
	// workerGone says that a worker, and what it held, is no more.
	workerGone struct {
		id     worker.ID
		reason string
	}
	// workerHolds says what a worker has, and what of that has not ended.
	workerHolds struct {
		id            worker.ID
		held, running map[job.ID]struct{}
	}
	explainJob struct{ id job.ID }
	sweep      struct{}
	placeAgain struct{}
)

// Preemption is whether attempts are ended for the sake of jobs that wait.
type Preemption struct {
	// By is how much lower their priority must be. 0 means that none is.
	By int
	// After is how long a job waits first. 0 means the default of placement.Config.
	After time.Duration
}

func newCoordinator(env *coordinatorEnv) *Coordinator {
	return &Coordinator{
		env: env, yard: placement.New(placement.Config{
			Limit: math.MaxInt, Projects: env.projects,
			Preempt: env.preemption.By > 0, PreemptBy: env.preemption.By, PreemptAfter: env.preemption.After,
		}),
		yielding: map[job.ID]yielding{},
		jobs:     map[job.ID]*tracked{}, workers: map[worker.ID]*presence{}, expected: map[worker.ID][]placement.Request{},
	}
}

// Receive implements actor.Actor.
func (c *Coordinator) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.begin(ctx)
	case *actor.Stopping, *actor.Restarting:
		c.stopTimers()
	case *messages.JobQueued:
		c.queue(ctx, m)
	case *messages.JobAttached:
		c.attach(ctx, m)
	case *messages.JobWithdrawn:
		c.withdraw(ctx, job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()})
	case *messages.SlotFreed:
		c.free(ctx, job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()}, worker.ID(m.GetWorkerId()))
	case workerUp:
		c.workerUp(ctx, m)
	case workerState:
		c.yard.SetState(m.id, m.state)
		c.place(ctx)
	case workerSilent:
		c.loseAll(ctx, m.id, m.reason)
	case workerGone:
		c.workerGone(ctx, m)
	case workerHolds:
		c.compare(ctx, m)
	case explainJob:
		ctx.Respond(c.yard.Why(m.id, time.Now()))
	case couldAny:
		ctx.Respond(c.could(m))
	case askDemand:
		c.demand(ctx)
	case askHeld:
		c.tellHeld(ctx, m)
	case setProjects:
		c.setProjects(ctx, m)
	case sweep:
		c.sweep(ctx)
	case placeAgain:
		c.place(ctx)
	case preemptAgain:
		c.preempt(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		c.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

func (c *Coordinator) begin(ctx actor.Context) {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	c.timer = time.AfterFunc(sweepEvery, func() { root.Send(self, sweep{}) })
	if c.env.preemption.By > 0 {
		c.preempts = time.AfterFunc(preemptEvery, func() { root.Send(self, preemptAgain{}) })
	}
	if c.env.lives++; c.env.lives > 1 {
		for _, p := range c.env.partitions {
			ctx.Send(p, announceAll{})
		}
		ctx.Send(c.env.registry, announceAll{})
	}
}

func (c *Coordinator) stopTimers() {
	for _, t := range []*time.Timer{c.timer, c.again, c.preempts} {
		if t != nil {
			t.Stop()
		}
	}
}

func (c *Coordinator) queue(ctx actor.Context, m *messages.JobQueued) {
	id := job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()}
	t := c.jobs[id]
	if t != nil && t.worker != "" {
		if p := c.workers[t.worker]; p != nil && p.node == t.node { // this word and the assignment have crossed
			c.tell(ctx, id, &messages.AssignJob{WorkerId: string(t.worker), Node: t.node})
			return
		}
		c.yard.Free(t.worker, id, time.Now())
	}
	request := c.request(id, m.GetRunsOn(), m.GetPriority(), m.GetDemand())
	request.QueuedAt = time.Unix(0, m.GetQueuedUnixNanos())
	for _, w := range m.GetAvoid() {
		request.Avoid = append(request.Avoid, worker.ID(w))
	}
	err := c.yard.Push(request)
	if errors.Is(err, placement.ErrTooManyDemands) {
		c.tell(ctx, id, &failJob{cause: job.CauseExpired, reason: err.Error()})
		return
	}
	if err != nil { // the gateway admits fewer than the yard takes
		c.env.log.Error("job not queued", slog.String("job_id", id.String()), slog.String("error", err.Error()))
		return
	}
	if t == nil {
		t = new(tracked)
		c.jobs[id] = t
	}
	*t = tracked{since: time.Now(), bound: time.Duration(m.GetBoundNanos()), priority: m.GetPriority()}
	c.place(ctx)
}

// tell sends a message to the actor of a job, which is started if need be.
func (c *Coordinator) tell(ctx actor.Context, id job.ID, message any) {
	of := partition.Of(string(id.Run), len(c.env.jobs))
	ctx.Send(c.env.jobs[of], &supervisor.Spawn{Name: id.String(), First: message})
}

// request returns what a job asks for. Its project says to whose workers it goes.
func (c *Coordinator) request(id job.ID, labels []string, priority int32, d *messages.JobDemand) placement.Request {
	of := cmp.Or(d.GetProject(), project.Default)
	return placement.Request{
		Job: id, Labels: labels, Resources: messages.ResourcesFromProto(d.GetResources()), Project: of,
		Pool: c.env.projects.Of(of).Pool, Priority: int(priority), Affinity: d.GetAffinity(),
		GivesWay: d.GetGivesWay(),
	}
}

// place hands out free slots until there are none or nobody wants one.
func (c *Coordinator) place(ctx actor.Context) {
	now := time.Now()
	for a, ok := c.yard.Next(now); ok; a, ok = c.yard.Next(now) {
		t := c.jobs[a.Job]
		t.worker, t.node, t.since, t.missing = a.Worker, c.workers[a.Worker].node, now, 0
		c.tell(ctx, a.Job, &messages.AssignJob{WorkerId: string(t.worker), Node: t.node})
	}
	c.placeLater(ctx, now)
}

// placeLater looks again when time alone lets another job start: a rate allows it,
// or a worker is to be kept free.
func (c *Coordinator) placeLater(ctx actor.Context, now time.Time) {
	at, waits := c.yard.NextAt(now)
	switch {
	case !waits:
		return
	case c.again == nil:
		root, self := ctx.ActorSystem().Root, ctx.Self()
		c.again = time.AfterFunc(at.Sub(now), func() { root.Send(self, placeAgain{}) })
	case c.againAt.After(now) && !at.Before(c.againAt):
		return
	default:
		c.again.Reset(at.Sub(now))
	}
	c.againAt = at
}

// forget lets go of a job and of the slot that it may hold.
func (c *Coordinator) forget(id job.ID, t *tracked) {
	if t.worker != "" {
		c.yard.Free(t.worker, id, time.Now())
	} else {
		c.yard.Remove(id)
	}
	delete(c.jobs, id)
}

func (c *Coordinator) withdraw(ctx actor.Context, id job.ID) {
	if t := c.jobs[id]; t != nil {
		c.forget(id, t)
		c.place(ctx)
	}
}

func (c *Coordinator) free(ctx actor.Context, id job.ID, w worker.ID) {
	if t := c.jobs[id]; t != nil && t.worker == w {
		c.forget(id, t)
		c.place(ctx)
	}
}

// sweep ends what has taken longer than it may, whatever its worker says.
func (c *Coordinator) sweep(ctx actor.Context) {
	for w := range c.workers {
		c.giveUpOverdue(ctx, c.yard.HeldBy(w))
	}
	for w := range c.expected {
		c.giveUpOverdue(ctx, c.expectedOf(w))
	}
	if c.sweeps++; c.sweeps%sweepsOfQueue == 0 {
		c.sweepQueue(ctx)
	}
	c.timer.Reset(sweepEvery)
}

func (c *Coordinator) giveUpOverdue(ctx actor.Context, ids []job.ID) {
	for _, id := range ids {
		if t := c.jobs[id]; t != nil && t.bound > 0 && time.Since(t.since) > t.bound {
			c.tell(ctx, id, &messages.AttemptGone{
				WorkerId: string(t.worker),
				Reason:   fmt.Sprintf("it took longer than %s, and its worker did not end it", t.bound),
			})
		}
	}
}

func (c *Coordinator) sweepQueue(ctx actor.Context) {
	for id, t := range c.jobs {
		if t.worker == "" && time.Since(t.since) > queueTimeout {
			c.tell(ctx, id, &failJob{
				cause: job.CauseExpired, reason: fmt.Sprintf("no worker took it within %s", queueTimeout),
			})
		}
	}
}
