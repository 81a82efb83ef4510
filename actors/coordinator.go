package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
	"yardmaster/messages"
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
//	JobQueued     job       queues it                                     AssignJob, some day
//	JobAttached   job       counts its slot                               WorkerReady or AttemptGone, when known
//	JobWithdrawn  job       forgets it                                    -
//	SlotFreed     job       frees the slot                                -
//	workerUp      session   adds the worker, and finds its attempts       -
//	workerState   session   changes what the worker may get               -
//	workerSilent  session   loses its attempts                            -
//	workerGone    session   loses its attempts and the worker             -
//	workerHolds   session   looks for attempts that it should have        -
//	explainJob    backend   -                                             placement.Explanation
//	askDemand     scaler    counts what waits and runs                    demandOf
//	askHeld       session   -                                             workerHeld, to the scaler
//	sweep         itself    gives up what is overdue                      -
type Coordinator struct {
	env   *coordinatorEnv
	yard  *placement.Yard
	jobs  map[job.ID]*tracked
	nodes map[worker.ID]string // address of each worker that is there
	// expected are the attempts of workers that have not been heard of.
	expected map[worker.ID][]job.ID
	kinds    map[string]*kindOfJob
	timer    *time.Timer
	sweeps   int
}

// coordinatorEnv is what the coordinator is given.
type coordinatorEnv struct {
	log        *slog.Logger
	roster     *Roster
	queueLimit int
	partitions []*actor.PID
	registry   *actor.PID
	// lives counts the coordinator's lives: from the second on, everyone is asked
	// to announce himself again.
	lives int
}

// tracked is a job that waits for a worker, or has one.
type tracked struct {
	pid     *actor.PID
	kind    *kindOfJob
	since   time.Time     // when it was queued or assigned
	bound   time.Duration // of an attempt
	worker  worker.ID     // "" while it waits
	node    string
	missing int // heartbeats of its worker without it
	remind  int // heartbeats of its worker at which to say that it is there
}

type (
	// workerUp says that a worker is there and takes attempts.
	workerUp struct {
		worker placement.Worker
		node   string
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
	// workerHolds says what a worker has.
	workerHolds struct {
		id   worker.ID
		held map[job.ID]struct{}
	}
	explainJob struct{ id job.ID }
	sweep      struct{}
)

func newCoordinator(env *coordinatorEnv) *Coordinator {
	return &Coordinator{
		env: env, yard: placement.New(2 * env.queueLimit),
		jobs: map[job.ID]*tracked{}, nodes: map[worker.ID]string{}, expected: map[worker.ID][]job.ID{},
		kinds: map[string]*kindOfJob{},
	}
}

// Receive implements actor.Actor.
func (c *Coordinator) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.begin(ctx)
	case *actor.Stopping, *actor.Restarting:
		c.timer.Stop()
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
		ctx.Respond(c.yard.Why(m.id))
	case askDemand:
		c.demand(ctx)
	case askHeld:
		c.tellHeld(ctx, m)
	case sweep:
		c.sweep(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		c.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

func (c *Coordinator) begin(ctx actor.Context) {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	c.timer = time.AfterFunc(sweepEvery, func() { root.Send(self, sweep{}) })
	if c.env.lives++; c.env.lives > 1 {
		for _, p := range c.env.partitions {
			ctx.Send(p, announceAll{})
		}
		ctx.Send(c.env.registry, announceAll{})
	}
}

func (c *Coordinator) queue(ctx actor.Context, m *messages.JobQueued) {
	id := job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()}
	t := c.jobs[id]
	if t != nil && t.worker != "" {
		c.yard.Free(t.worker, id)
	}
	err := c.yard.Push(placement.Request{
		Job: id, Labels: m.GetRunsOn(), Priority: int(m.GetPriority()), Avoid: lastOf(m.GetAvoid()),
	})
	if errors.Is(err, placement.ErrTooManyDemands) {
		ctx.Send(ctx.Sender(), &failJob{cause: job.CauseExpired, reason: err.Error()})
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
	*t = tracked{
		pid: ctx.Sender(), kind: c.kindOf(m.GetRunsOn(), m.GetDemand()), since: time.Now(),
		bound: time.Duration(m.GetBoundNanos()),
	}
	c.place(ctx)
}

func lastOf(avoid []string) worker.ID {
	if len(avoid) == 0 {
		return ""
	}
	return worker.ID(avoid[len(avoid)-1])
}

// place hands out free slots until there are none or nobody wants one.
func (c *Coordinator) place(ctx actor.Context) {
	for a, ok := c.yard.Next(); ok; a, ok = c.yard.Next() {
		t := c.jobs[a.Job]
		t.worker, t.node, t.since, t.missing = a.Worker, c.nodes[a.Worker], time.Now(), 0
		ctx.Send(t.pid, &messages.AssignJob{WorkerId: string(t.worker), Node: t.node})
	}
}

// attach counts the slot of an attempt that is open already.
func (c *Coordinator) attach(ctx actor.Context, m *messages.JobAttached) {
	id := job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()}
	if t := c.jobs[id]; t != nil {
		c.forget(id, t)
	}
	t := &tracked{
		pid: ctx.Sender(), kind: c.kindOf(m.GetRunsOn(), m.GetDemand()), since: time.Now(),
		bound: time.Duration(m.GetBoundNanos()), worker: worker.ID(m.GetWorkerId()), node: m.GetNode(),
	}
	c.jobs[id] = t
	if node, there := c.nodes[t.worker]; there {
		c.meet(ctx, id, t, node)
		return
	}
	c.expected[t.worker] = append(c.expected[t.worker], id)
	ctx.Send(c.env.registry, expectWorker{id: t.worker, node: t.node})
}

// meet brings an attempt and its worker together, or loses the attempt when the
// worker was started anew since.
func (c *Coordinator) meet(ctx actor.Context, id job.ID, t *tracked, node string) {
	if t.node != node {
		ctx.Send(t.pid, &messages.AttemptGone{
			WorkerId: string(t.worker), Reason: "worker " + string(t.worker) + " was started anew without it",
		})
		return
	}
	c.yard.Hold(t.worker, id)
	t.remind = reminders
	ctx.Send(t.pid, &messages.WorkerReady{WorkerId: string(t.worker)})
}

// forget lets go of a job and of the slot that it may hold.
func (c *Coordinator) forget(id job.ID, t *tracked) {
	if t.worker != "" {
		c.yard.Free(t.worker, id)
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
		t.kind.took(time.Since(t.since))
		c.forget(id, t)
		c.place(ctx)
	}
}

func (c *Coordinator) workerUp(ctx actor.Context, m workerUp) {
	c.nodes[m.worker.ID] = m.node
	c.yard.Join(m.worker)
	for _, id := range c.expected[m.worker.ID] {
		if t := c.jobs[id]; t != nil && t.worker == m.worker.ID {
			c.meet(ctx, id, t, m.node)
		}
	}
	delete(c.expected, m.worker.ID)
	c.place(ctx)
}

func (c *Coordinator) workerGone(ctx actor.Context, m workerGone) {
	c.loseAll(ctx, m.id, m.reason)
	c.yard.Leave(m.id)
	delete(c.nodes, m.id)
}

// loseAll tells the jobs whose attempts a worker has that these are lost.
func (c *Coordinator) loseAll(ctx actor.Context, w worker.ID, reason string) {
	for _, id := range slices.Concat(c.yard.HeldBy(w), c.expected[w]) {
		if t := c.jobs[id]; t != nil && t.worker == w {
			ctx.Send(t.pid, &messages.AttemptGone{WorkerId: string(w), Reason: reason})
		}
	}
	delete(c.expected, w)
}

// compare asks again for attempts that a worker should have and does not: the
// frame that carried them was lost.
func (c *Coordinator) compare(ctx actor.Context, m workerHolds) {
	for _, id := range c.yard.HeldBy(m.id) {
		t := c.jobs[id]
		if _, has := m.held[id]; has || time.Since(t.since) < sweepEvery {
			t.missing = 0
			if has && t.remind > 0 {
				t.remind--
				ctx.Send(t.pid, &messages.WorkerReady{WorkerId: string(m.id)})
			}
		} else if t.missing++; t.missing >= missingLimit {
			t.missing = 0
			ctx.Send(t.pid, &messages.WorkerReady{WorkerId: string(m.id)})
		}
	}
}

// sweep ends what has taken longer than it may, whatever its worker says.
func (c *Coordinator) sweep(ctx actor.Context) {
	for w := range c.nodes {
		for _, id := range c.yard.HeldBy(w) {
			if t := c.jobs[id]; t.bound > 0 && time.Since(t.since) > t.bound {
				ctx.Send(t.pid, &messages.AttemptGone{
					WorkerId: string(t.worker),
					Reason:   fmt.Sprintf("it took longer than %s, and its worker did not end it", t.bound),
				})
			}
		}
	}
	if c.sweeps++; c.sweeps%sweepsOfQueue == 0 {
		c.sweepQueue(ctx)
	}
	c.timer.Reset(sweepEvery)
}

func (c *Coordinator) sweepQueue(ctx actor.Context) {
	for _, t := range c.jobs {
		if t.worker == "" && time.Since(t.since) > queueTimeout {
			ctx.Send(t.pid, &failJob{
				cause: job.CauseExpired, reason: fmt.Sprintf("no worker took it within %s", queueTimeout),
			})
		}
	}
}
