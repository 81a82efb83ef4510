package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/messages"
)

// This file is about jobs that wait for a worker. There may be very many of them,
// and nothing happens to them: so they have no actor.

// boundMargin is what an attempt may take beyond its timeout, for stopping and for the
// steps that run all the same.
const boundMargin = attempt.TidyUp + 60*time.Second

// bound is how long an attempt at a job may take, in nanoseconds.
func bound(j *job.Job) int64 { return int64(j.Spec.Timeout + boundMargin) }

// idle reports whether a job needs no actor to go on: whatever comes next is somebody
// else's doing.
func idle(j *job.Job) bool { return j.Queued() && j.Wait == 0 }

// queue tells the coordinator of a job that waits for a worker, in the place of an
// actor. What the coordinator has to say starts one.
func (e *jobEnv) queue(ctx actor.Context, id job.ID) {
	if j, of, ok := e.board.jobOf(id); ok && idle(j) {
		ctx.Send(e.coordinator, queued(j, of))
	}
}

func queued(j *job.Job, of runFacts) *messages.JobQueued {
	return &messages.JobQueued{
		RunId: string(j.ID.Run), JobIndex: j.ID.Index, RunsOn: j.Spec.RunsOn, Priority: int32(j.Spec.Priority),
		Avoid: j.Avoid(), BoundNanos: bound(j), Demand: demandBy(j, of), QueuedUnixNanos: of.readyAt,
	}
}

// demandBy is what a job asks for, beside labels.
func demandBy(j *job.Job, of runFacts) *messages.JobDemand {
	return &messages.JobDemand{
		Resources: messages.ResourcesToProto(j.Spec.Resources), Project: of.run.Project, GivesWay: j.MayGiveWay(),
		Affinity: of.run.Project + "/" + of.run.Plan.Name + "/" + j.Spec.ID,
	}
}
