package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/messages"
)

// Job owns one job from its first assignment to its end. While a job waits for that
// it has no actor, unless something concerns it: it is what the board shows, and
// jobEnv.queue speaks for it.
//
// Mailbox protocol
//
//	message       from         decides              answer
//	AssignJob     coordinator  job.Assign           JobWithdrawn, if it wants none
//	AttemptGone   coordinator  job.LoseAttempt      -
//	WorkerReady   coordinator  -                    the attempt is spawned, or found
//	GiveWay       coordinator  job.Preempt          -
//	AnnounceJob   partition    -                    JobQueued or JobAttached to the coordinator
//	SpawnRefused  worker       job.Refuse           -
//	StepProgress  attempt      -                    -
//	LogChunk      attempt      -                    ChunkStored or ReportRefused
//	ReportResult  attempt      job.Report           ResultStored or ReportRefused
//	cancelJob     run          job.Cancel           cancelDone
//	failJob       partition    job.Fail             -
//	pauseOver     itself       -                    -
//	cancelOver    itself       job.LoseAttempt      -, CancelAttempt again at first, or for ever
//	                                                to an attempt that gives way
//
// It tells the coordinator JobQueued, SlotFreed and JobWithdrawn, its worker
// SpawnAttempt and CancelAttempt, and its partition jobEnded.
//
// A change is stored before anyone hears of it. When it cannot be stored nothing
// has happened: the partition is replayed, and the job goes on from what is stored.
type Job struct {
	share *atomic.Pointer[jobEnv]
	env   *jobEnv // the last one loaded from share
	id    job.ID
	state *job.Job
	run   runFacts
	timer *time.Timer
	log   *logWriter // of the open attempt
}

// jobEnv is what the jobs of a partition share.
type jobEnv struct {
	log         *slog.Logger
	board       *Board
	journal     Journal
	logs        Logs
	room        *logRoom
	specs       *specCache
	secrets     *secrets
	metrics     *Metrics
	coordinator *actor.PID
	owner       *actor.PID // the partition's
}

type (
	// cancelJob asks a job to end as CANCELLED, and to say that this is stored.
	cancelJob struct {
		cause     job.Cause
		reason    string
		principal string
	}
	// failJob ends a job as FAILED.
	failJob struct {
		cause  job.Cause
		reason string
	}
	// jobEnded tells the partition that a job is over.
	jobEnded struct {
		id       job.ID
		runEnded bool
	}
	pauseOver  struct{ attempts int }
	cancelOver struct {
		token job.Token
		since time.Time
	}
)

// newJob returns the actor of the job called id, which the board must show.
func newJob(share *atomic.Pointer[jobEnv], id job.ID) *Job { return &Job{share: share, id: id} }

// Receive implements actor.Actor.
func (j *Job) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		j.refresh(ctx)
	case *actor.Restarting: // the message that it failed at is lost: it says where it stands
		j.disarm()
		ctx.Send(ctx.Self(), &messages.AnnounceJob{})
	case *actor.Stopping:
		j.disarm()
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		if j.refresh(ctx) {
			j.receive(ctx)
		}
	}
}

// refresh takes up what the newest replay of the partition says, unless that is
// what the job goes by already, and reports whether the job goes on.
func (j *Job) refresh(ctx actor.Context) bool {
	env := j.share.Load()
	if env == j.env {
		return true
	}
	j.disarm()
	j.env, j.log = env, nil
	return j.load(ctx)
}

func (j *Job) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.AssignJob:
		j.assign(ctx, m)
	case *messages.AttemptGone:
		j.lose(ctx, m.GetWorkerId(), m.GetReason())
	case *messages.GiveWay:
		j.giveWay(ctx, m)
	case *messages.WorkerReady:
		j.reach(ctx, m.GetWorkerId())
	case *messages.AnnounceJob:
		j.announce(ctx)
	case *messages.SpawnRefused:
		j.spawnRefused(ctx, m)
	case *messages.StepProgress:
		j.progress(ctx, m)
	case *messages.LogChunk:
		j.storeChunk(ctx, m)
	case *messages.ReportResult:
		j.report(ctx, m)
	case *cancelJob:
		j.cancel(ctx, m)
	case *failJob:
		_ = j.handle(ctx, job.Fail{Cause: m.cause, Reason: m.reason}, "yardmaster")
	case pauseOver:
		j.pauseOver(ctx, m)
	case cancelOver:
		j.cancelOver(ctx, m)
	default:
		j.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// load takes up the state that the board shows. It reports false for a job that is
// over, whose actor then stops: who sent for it does not know.
func (j *Job) load(ctx actor.Context) bool {
	state, facts, ok := j.env.board.jobOf(j.id)
	if !ok || state.State.Final() {
		ctx.Send(j.env.coordinator, &messages.JobWithdrawn{RunId: string(j.id.Run), JobIndex: j.id.Index})
		ctx.Stop(ctx.Self())
		return false
	}
	j.state, j.run = state, facts
	return true
}

// handle is the one way a job changes: decide, evolve a copy, store, show, tell.
// The copy comes first so that nothing can fail between storing and showing.
func (j *Job) handle(ctx actor.Context, c job.Command, principal string) error {
	now := time.Now()
	events, err := j.state.Decide(c, now)
	if err != nil || len(events) == 0 {
		return err
	}
	next, stored := new(job.Job), make([][]byte, len(events))
	*next = *j.state
	for i, e := range events {
		next.Apply(e)
		stored[i] = messages.EncodeJobEvent(j.id, e, messages.Stamp{
			At: now, Principal: principal, TraceParent: j.run.run.Trace,
		})
	}
	if !j.env.store(ctx, stored...) {
		return errStopping
	}
	held := j.state.Worker()
	j.env.metrics.jobChanged(j.run.run.Project, j.state, next, j.run.run.SubmittedAt)
	j.state = next
	ended := j.env.board.updateJob(j.run.entry, next, now)
	j.resume(ctx, held, ended)
	return nil
}

// resume tells those whom the new state concerns. held is the worker that had
// the open attempt before.
func (j *Job) resume(ctx actor.Context, held string, runEnded bool) {
	j.disarm()
	if held != "" && !j.state.Open {
		ctx.Send(j.env.coordinator, &messages.SlotFreed{
			RunId: string(j.id.Run), JobIndex: j.id.Index, WorkerId: held,
		})
	}
	_, stops := j.state.Stopping()
	switch {
	case j.state.State.Final():
		ctx.Send(j.env.coordinator, &messages.JobWithdrawn{RunId: string(j.id.Run), JobIndex: j.id.Index})
		ctx.Send(j.env.owner, jobEnded{j.id, runEnded})
		ctx.Stop(ctx.Self())
	case j.state.Open && stops:
		j.stopAttempt(ctx)
	case j.state.Open:
		j.spawn(ctx)
	case j.state.Wait > 0:
		j.arm(ctx, j.state.Wait, pauseOver{len(j.state.Attempts)})
	default:
		j.announce(ctx)
	}
}

// announce tells the coordinator where the job stands.
func (j *Job) announce(ctx actor.Context) {
	switch {
	case j.state.Open:
		ctx.Send(j.env.coordinator, &messages.JobAttached{
			RunId: string(j.id.Run), JobIndex: j.id.Index, WorkerId: j.state.Worker(), Node: j.state.Node(),
			BoundNanos: bound(j.state),
			OpenNanos:  int64(time.Since(j.state.Attempts[len(j.state.Attempts)-1].AssignedAt)),
			Demand:     demandBy(j.state, j.run), RunsOn: j.state.Spec.RunsOn, Priority: int32(j.state.Spec.Priority),
		})
		if _, stops := j.state.Stopping(); stops {
			j.stopAttempt(ctx)
		}
	case j.state.Wait > 0 && j.timer == nil:
		j.arm(ctx, j.state.Wait, pauseOver{len(j.state.Attempts)})
	case j.state.Queued() && j.timer == nil:
		ctx.Send(j.env.coordinator, queued(j.state, j.run))
	}
}

func (j *Job) assign(ctx actor.Context, m *messages.AssignJob) {
	if err := j.handle(ctx, job.Assign{Worker: m.GetWorkerId(), Node: m.GetNode()}, "yardmaster"); err != nil {
		if j.state.Open { // assigned twice: it has a slot already
			j.announce(ctx)
			return
		}
		ctx.Send(j.env.coordinator, &messages.JobWithdrawn{RunId: string(j.id.Run), JobIndex: j.id.Index})
	}
}

func (j *Job) lose(ctx actor.Context, worker, reason string) {
	if j.state.Worker() != worker || worker == "" {
		return
	}
	_ = j.handle(ctx, job.LoseAttempt{Token: j.state.Token(), Reason: reason, Jitter: rand.Float64()}, "yardmaster")
}

func (j *Job) cancel(ctx actor.Context, m *cancelJob) {
	err := j.handle(ctx, job.Cancel{Cause: m.cause, Reason: m.reason}, m.principal)
	var invalid *job.InvalidStateTransition
	if errors.As(err, &invalid) && m.cause != job.CauseRequested {
		err = nil // the run asks again for what is over
	}
	if ctx.Sender() != nil {
		ctx.Respond(cancelDone{err})
	}
}

func (j *Job) pauseOver(ctx actor.Context, m pauseOver) {
	j.disarm()
	if !j.state.Open && len(j.state.Attempts) == m.attempts {
		rested := *j.state
		rested.Wait = 0
		j.state = &rested
		j.announce(ctx)
	}
}

func (j *Job) arm(ctx actor.Context, after time.Duration, m any) {
	j.disarm()
	root, self := ctx.ActorSystem().Root, ctx.Self()
	j.timer = time.AfterFunc(after, func() { root.Send(self, m) })
}

func (j *Job) disarm() {
	if j.timer != nil {
		j.timer.Stop()
		j.timer = nil
	}
}
