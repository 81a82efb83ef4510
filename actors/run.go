package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/problem"
	"yardmaster/domain/run"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// skipsAtOnce bounds one append.
const skipsAtOnce = 256

// Run decides which jobs of one workflow run may start and which must not. It is
// started when there is something to decide: a run of one job, whose end is the
// run's, needs none.
//
// Mailbox protocol
//
//	message    from       decides              answer
//	runPoked   partition  run.Next             -
//	cancelRun  gateway    run.Cancel           cancelDone
//	cancelOne  gateway    job.Cancel           cancelDone, from the job if it is released
//
// It tells the coordinator which jobs may start, and stops jobs by cancelJob. It
// writes the end of a job only while the job is not released, and so has no
// actor of its own.
type Run struct {
	share *atomic.Pointer[jobEnv]
	env   *jobEnv
	id    run.ID
	jobs  *actor.PID // supervisor of the partition's jobs
}

type (
	// runPoked says that something about the run has changed.
	runPoked struct{}
	// cancelRun asks a run to end as CANCELLED.
	cancelRun struct{ reason, principal string }
	// cancelOne asks one job of a run to end as CANCELLED.
	cancelOne struct{ key, reason, principal string }
	// cancelDone says that a cancel is stored, or why it is not.
	cancelDone struct{ err error }
)

func newRun(share *atomic.Pointer[jobEnv], id run.ID, jobs *actor.PID) *Run {
	return &Run{share: share, id: id, jobs: jobs}
}

// Receive implements actor.Actor.
func (r *Run) Receive(ctx actor.Context) {
	r.env = r.share.Load() // each message is handled by the newest replay
	switch m := ctx.Message().(type) {
	case *actor.Started, runPoked:
		r.resume(ctx)
	case *cancelRun:
		r.cancel(ctx, m)
	case *cancelOne:
		r.cancelOne(ctx, m)
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Stopping, *actor.Restarting:
	default:
		r.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// resume does what the run asks for, until skipping one job makes no other one
// impossible.
func (r *Run) resume(ctx actor.Context) {
	for {
		next, live := r.env.board.next(r.id)
		if !live {
			ctx.Stop(ctx.Self())
			return
		}
		for _, i := range next.Release {
			r.env.queue(ctx, job.ID{Run: r.id, Index: i})
		}
		for _, stop := range next.Cancel {
			r.stopJob(ctx, stop)
		}
		if len(next.Skip) == 0 {
			return
		}
		for part := range slices.Chunk(next.Skip, skipsAtOnce) {
			if !r.skip(ctx, part) {
				return
			}
		}
	}
}

// stopJob cancels a released job. It goes by Spawn, so that it finds the job's
// actor however young it is.
func (r *Run) stopJob(ctx actor.Context, stop run.Stop) {
	j, ok := r.env.board.job(job.ID{Run: r.id, Index: stop.Index})
	if !ok || j.Cancelling || j.State.Final() {
		return
	}
	ctx.Send(r.jobs, &supervisor.Spawn{
		Name:  j.ID.String(),
		First: &cancelJob{cause: stop.Cause, reason: stop.Reason, principal: "yardmaster"},
	})
}

// skip ends jobs that were never released, all in one append, and reports
// whether that could be stored.
func (r *Run) skip(ctx actor.Context, stops []run.Stop) bool {
	now := time.Now()
	var before, ended []*job.Job
	var stored [][]byte
	var facts runFacts
	for _, stop := range stops {
		j, of, ok := r.env.board.jobOf(job.ID{Run: r.id, Index: stop.Index})
		if !ok {
			continue
		}
		facts = of
		events, err := job.Decide(*j, ending(stop), now)
		if err != nil {
			continue // it ended already
		}
		next := *j
		for _, e := range events {
			next = job.Evolve(next, e)
			stored = append(stored, messages.EncodeJobEvent(j.ID, e, messages.Stamp{At: now, Principal: "yardmaster"}))
		}
		before, ended = append(before, j), append(ended, &next)
	}
	if len(stored) > 0 && !r.env.store(ctx, stored...) {
		return false
	}
	for i, j := range ended {
		r.env.metrics.jobChanged(facts.run.Project, before[i], j, now)
		if r.env.board.putJob(j, now) {
			ctx.Send(r.env.owner, jobEnded{j.ID, true})
		}
	}
	return true
}

// ending returns what ends a job that was never released.
func ending(stop run.Stop) job.Command {
	if stop.Cause == job.CauseExpression {
		return job.Fail{Cause: stop.Cause, Reason: stop.Reason}
	}
	return job.Cancel{Cause: stop.Cause, Reason: stop.Reason}
}

func (r *Run) cancel(ctx actor.Context, m *cancelRun) {
	err := r.storeCancel(ctx, m)
	if ctx.Sender() != nil {
		ctx.Respond(cancelDone{err})
	}
	if !errors.Is(err, errStopping) {
		r.resume(ctx)
	}
}

func (r *Run) storeCancel(ctx actor.Context, m *cancelRun) error {
	entry, ok := r.env.board.run(r.id)
	if !ok {
		return problem.New(problem.Refused, "run %s has ended", r.id)
	}
	event, err := entry.Run.Cancel(m.principal, m.reason)
	if err != nil || event == nil {
		return err
	}
	now := time.Now()
	stored := messages.EncodeRunCancel(r.id, *event, messages.Stamp{At: now, Principal: m.principal})
	if !r.env.store(ctx, stored) {
		return errStopping
	}
	return r.env.board.runCancelled(r.id, *event, now)
}

// cancelOne cancels a job, through its actor if it has one.
func (r *Run) cancelOne(ctx actor.Context, m *cancelOne) {
	entry, ok := r.env.board.run(r.id)
	if !ok {
		ctx.Respond(cancelDone{problem.New(problem.Refused, "run %s has ended", r.id)})
		return
	}
	for i, j := range entry.Jobs {
		if j.Spec.Key != m.key {
			continue
		}
		if j.State.Final() { // it has no actor that could answer
			_, err := job.Decide(*j, job.Cancel{Cause: job.CauseRequested}, time.Now())
			ctx.Respond(cancelDone{err})
			return
		}
		if entry.Released(uint32(i)) {
			c := &cancelJob{cause: job.CauseRequested, reason: m.reason, principal: m.principal}
			ctx.Send(r.jobs, &supervisor.Spawn{
				Name: j.ID.String(), First: &actor.MessageEnvelope{Message: c, Sender: ctx.Sender()},
			})
			return
		}
		if !r.skip(ctx, []run.Stop{{Index: uint32(i), Cause: job.CauseRequested, Reason: m.reason}}) {
			ctx.Respond(cancelDone{errStopping})
			return
		}
		ctx.Respond(cancelDone{})
		r.resume(ctx)
		return
	}
	ctx.Respond(cancelDone{problem.New(problem.NotFound, "run %s has no job %q", r.id, m.key)})
}
