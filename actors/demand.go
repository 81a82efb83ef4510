package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
)

// This file is what the coordinator tells the scaler.

type (
	// askDemand asks the coordinator what waits and runs.
	askDemand struct{}
	// demandOf answers it.
	demandOf struct {
		demands []scale.Demand
		// held is how many attempts each worker has been given, those under way to
		// it included.
		held map[worker.ID]int
	}
	// askHeld asks the coordinator how much a worker holds that takes no more. What
	// its session said before has been heard by then.
	askHeld struct {
		id    worker.ID
		asked time.Time // comes back with the answer
	}
	// workerHeld answers it.
	workerHeld struct {
		id         worker.ID
		asked      time.Time
		registered bool // it is there
		held       int
	}
)

// demand answers the scaler.
func (c *Coordinator) demand(ctx actor.Context) {
	if ctx.Sender() == nil {
		return
	}
	m := demandOf{held: make(map[worker.ID]int, len(c.workers))}
	for _, d := range c.yard.Demands(time.Now()) {
		m.demands = append(m.demands, scale.Demand{
			Labels: d.Labels, Pool: d.Pool, Resources: d.Resources, Waiting: d.Waiting - d.Limited, Held: d.Held,
			OldestWait: d.OldestWait, Typical: d.Typical,
		})
	}
	for _, requests := range c.expected {
		for i := range requests {
			m.expects(&requests[i])
		}
	}
	for w := range c.workers {
		m.held[w] = len(c.yard.HeldBy(w))
	}
	ctx.Respond(m)
}

// expects adds an attempt whose worker has not been heard of yet: the yard does not
// know it, and it needs a slot all the same.
func (m *demandOf) expects(r *placement.Request) {
	labels := worker.CanonicalLabels(r.Labels)
	i := slices.IndexFunc(m.demands, func(d scale.Demand) bool {
		return d.Pool == r.Pool && d.Resources == r.Resources && slices.Equal(d.Labels, labels)
	})
	if i < 0 {
		i = len(m.demands)
		m.demands = append(m.demands, scale.Demand{Labels: labels, Pool: r.Pool, Resources: r.Resources})
	}
	m.demands[i].Held++
}

// tellHeld tells the scaler what a worker holds: what is stored, or what it has been
// given and may not be stored yet, whichever is more.
func (c *Coordinator) tellHeld(ctx actor.Context, m askHeld) {
	if ctx.Sender() == nil {
		return
	}
	given := slices.DeleteFunc(slices.Concat(c.yard.HeldBy(m.id), c.expectedOf(m.id)), func(id job.ID) bool {
		t := c.jobs[id]
		return t == nil || t.worker != m.id
	})
	ctx.Respond(workerHeld{
		id: m.id, asked: m.asked, registered: c.workers[m.id] != nil, held: max(len(given), c.env.roster.holds(m.id)),
	})
}
