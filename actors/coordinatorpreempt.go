package actors

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/messages"
)

// This file is how the coordinator has attempts end for the sake of jobs of much
// higher priority. The slot of one is free when its owner says SlotFreed, as ever.

const (
	// preemptEvery is how often jobs are looked for that should give way, and those
	// asked before are asked again.
	preemptEvery = time.Second
	// preemptMost is how many jobs are asked to give way at once.
	preemptMost = 16
	// preemptPatience is how long a job waits for the place that another gives up:
	// longer than the grace that a worker gives its processes, in most yards. Then
	// another job may be asked.
	preemptPatience = 10 * time.Minute
)

// yielding is an attempt that was asked to end for the sake of a job.
type yielding struct {
	victim placement.Assignment
	placed time.Time // when the attempt was: another one is not meant
	asked  time.Time
}

type preemptAgain struct{}

// preempt has jobs give way to those that wait, and asks again those that have not.
func (c *Coordinator) preempt(ctx actor.Context) {
	now := time.Now()
	for id, of := range c.yielding {
		if c.yields(id, of, now) {
			c.askToGiveWay(ctx, id, of)
		} else {
			c.yard.Forgo(id)
			delete(c.yielding, id)
		}
	}
	c.place(ctx)
	for range preemptMost {
		victim, id, found := c.yard.Preempt(now)
		if !found || !c.yard.GiveWay(victim, id) {
			break
		}
		of := yielding{victim: victim, placed: c.jobs[victim.Job].since, asked: now}
		c.yielding[id] = of
		c.env.log.Info("job gives way", slog.String("job_id", victim.Job.String()),
			slog.String("worker_id", string(victim.Worker)), slog.String("to", id.String()))
		c.askToGiveWay(ctx, id, of)
	}
	c.preempts.Reset(preemptEvery)
}

// yields reports whether a job still waits for the place that another gives up.
func (c *Coordinator) yields(id job.ID, of yielding, now time.Time) bool {
	waits, holds := c.jobs[id], c.jobs[of.victim.Job]
	return waits != nil && waits.worker == "" && holds != nil && holds.worker == of.victim.Worker &&
		holds.since.Equal(of.placed) && now.Sub(of.asked) < preemptPatience
}

func (c *Coordinator) askToGiveWay(ctx actor.Context, id job.ID, of yielding) {
	c.tell(ctx, of.victim.Job, &messages.GiveWay{
		WorkerId: string(of.victim.Worker),
		Reason:   fmt.Sprintf("preempted by job %s, of priority %d", id, c.jobs[id].priority),
	})
}
