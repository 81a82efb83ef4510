package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// This file is what the coordinator knows of workers, and how attempts and the
// workers that hold them find each other again.

// attach counts the slot of an attempt that is open already.
func (c *Coordinator) attach(ctx actor.Context, m *messages.JobAttached) {
	id := job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()}
	t := c.jobs[id]
	if t == nil || t.worker != worker.ID(m.GetWorkerId()) || t.node != m.GetNode() {
		if t != nil {
			c.forget(id, t)
		}
		t = &tracked{
			since: time.Now().Add(-max(0, time.Duration(m.GetOpenNanos()))), bound: time.Duration(m.GetBoundNanos()),
			worker: worker.ID(m.GetWorkerId()), node: m.GetNode(),
		}
		c.jobs[id] = t
	}
	request := c.request(id, m.GetRunsOn(), m.GetPriority(), m.GetDemand())
	if p := c.workers[t.worker]; p != nil {
		c.meet(ctx, t, p, request)
		c.place(ctx) // it may have held another slot
		return
	}
	if slices.ContainsFunc(c.expected[t.worker], func(r placement.Request) bool { return r.Job == id }) {
		return
	}
	c.expected[t.worker] = append(c.expected[t.worker], request)
	ctx.Send(c.env.registry, expectWorker{id: t.worker, node: t.node})
}

// meet brings an attempt and its worker together, or loses the attempt when the
// worker was started anew since.
func (c *Coordinator) meet(ctx actor.Context, t *tracked, p *presence, r placement.Request) {
	if t.node != p.node {
		c.tell(ctx, r.Job, &messages.AttemptGone{
			WorkerId: string(t.worker), Reason: "worker " + string(t.worker) + " was started anew without it",
		})
		return
	}
	c.yard.Hold(t.worker, r)
	if p.settled(r.Job) {
		c.yard.Join(p.slots())
	}
	t.remind = reminders
	c.tell(ctx, r.Job, &messages.WorkerReady{WorkerId: string(t.worker)})
}

func (c *Coordinator) workerUp(ctx actor.Context, m workerUp) {
	if p := c.workers[m.worker.ID]; p != nil && p.node != m.node { // its session did not know
		c.workerGone(ctx, workerGone{m.worker.ID, "worker " + string(m.worker.ID) + " was started anew without it"})
	}
	p := &presence{node: m.node, worker: m.worker, strange: m.running}
	p.runs(m.running, c.holds(m.worker.ID))
	c.workers[m.worker.ID] = p
	c.yard.Join(p.slots())
	for _, r := range c.expected[m.worker.ID] {
		if t := c.jobs[r.Job]; t != nil && t.worker == m.worker.ID {
			c.meet(ctx, t, p, r)
		}
	}
	delete(c.expected, m.worker.ID)
	c.place(ctx)
}

func (c *Coordinator) workerGone(ctx actor.Context, m workerGone) {
	c.loseAll(ctx, m.id, m.reason)
	c.yard.Leave(m.id)
	delete(c.workers, m.id)
}

// holds returns what tells whether a job has a slot of a worker.
func (c *Coordinator) holds(w worker.ID) func(job.ID) bool {
	return func(id job.ID) bool {
		t := c.jobs[id]
		return t != nil && t.worker == w
	}
}

// loseAll tells the jobs whose attempts a worker has that these are lost.
func (c *Coordinator) loseAll(ctx actor.Context, w worker.ID, reason string) {
	for _, id := range slices.Concat(c.yard.HeldBy(w), c.expectedOf(w)) {
		if t := c.jobs[id]; t != nil && t.worker == w {
			c.tell(ctx, id, &messages.AttemptGone{WorkerId: string(w), Reason: reason})
		}
	}
	delete(c.expected, w)
}

func (c *Coordinator) expectedOf(w worker.ID) (ids []job.ID) {
	for _, r := range c.expected[w] {
		ids = append(ids, r.Job)
	}
	return ids
}

// compare asks again for attempts that a worker should have and does not: the
// frame that carried them was lost.
func (c *Coordinator) compare(ctx actor.Context, m workerHolds) {
	if p := c.workers[m.id]; p != nil && p.runs(m.running, c.holds(m.id)) {
		c.yard.Join(p.slots())
		c.place(ctx)
	}
	for _, id := range c.yard.HeldBy(m.id) {
		t := c.jobs[id]
		if _, has := m.held[id]; has || time.Since(t.since) < sweepEvery {
			t.missing = 0
			if has && t.remind > 0 {
				t.remind--
				c.tell(ctx, id, &messages.WorkerReady{WorkerId: string(m.id)})
			}
		} else if t.missing++; t.missing >= missingLimit {
			t.missing = 0
			c.tell(ctx, id, &messages.WorkerReady{WorkerId: string(m.id)})
		}
	}
}
