package actors

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/messages"
)

// This file is what passes between a Job and the attempt that a worker runs for
// it: its start, its stop, and what it reports.

const (
	// cancelBound is how long a worker may take to stop an attempt: its grace, what the
	// steps may take that run all the same, and some more. Then the job ends without its
	// word.
	cancelBound = attempt.TidyUp + 45*time.Second
	// cancelRepeat is when to ask again: the frame may be lost, or have overtaken
	// the attempt's start.
	cancelRepeat = time.Second
)

// activatorID is the local ID of the actor that starts others' actors on a node.
const activatorID = "activator"

var spawnType = typeName(&messages.SpawnAttempt{})

// typeName returns the full name of a message's type.
func typeName(m proto.Message) string { return string(m.ProtoReflect().Descriptor().FullName()) }

// spawn asks the worker's node for the attempt. The name makes it safe to repeat.
func (j *Job) spawn(ctx actor.Context) {
	task := attempt.Task{
		Job: j.id, Token: j.state.Token(), Attempt: len(j.state.Attempts), Workflow: j.run.run.Plan.Name,
		Trace: j.run.run.Trace,
	}
	var err error
	if task.Context, err = j.env.board.context(j.run.entry, j.id.Index); err != nil {
		_ = j.handle(ctx, job.Fail{Cause: job.CauseExpression, Reason: err.Error()}, "yardmaster")
		return
	}
	switch task.Secrets, err = j.env.secrets.of(j.run.run.Project, j.state.Spec); {
	case errors.Is(err, errStopping): // the coordinator asks again for what its worker does not have
		return
	case err != nil:
		_ = j.handle(ctx, job.Fail{Cause: job.CauseExpression, Reason: err.Error()}, "yardmaster")
		return
	}
	m := messages.TaskToProto(task, j.env.specs.of(j.state.Spec))
	m.Owner, m.OwnerAddress = ctx.Self().GetId(), ctx.Self().GetAddress()
	argument, err := proto.Marshal(m)
	if err != nil {
		panic(err) // what was stored could be marshalled
	}
	ctx.Send(actor.NewPID(j.state.Node(), activatorID), &messages.Spawn{
		Kind: AttemptKind, Name: task.Name(), ArgumentType: spawnType, Argument: argument,
	})
}

func (j *Job) stopAttempt(ctx actor.Context) {
	j.stopAgain(ctx, cancelOver{j.state.Token(), time.Now()})
}

func (j *Job) stopAgain(ctx actor.Context, m cancelOver) {
	j.arm(ctx, cancelRepeat, m)
	reason, _ := j.state.Stopping()
	j.toAttempt(ctx, &messages.CancelAttempt{Token: uint64(j.state.Token()), Reason: reason})
}

func (j *Job) toAttempt(ctx actor.Context, m proto.Message) {
	name := attempt.Name(j.id, j.state.Token())
	ctx.Request(actor.NewPID(j.state.Node(), attemptID(name)), m)
}

// reach finds the open attempt again, or starts it if its worker never heard of
// it: the same worker under the same incarnation cannot have forgotten it.
func (j *Job) reach(ctx actor.Context, worker string) {
	if j.state.Worker() != worker {
		return
	}
	j.spawn(ctx)
	if _, stops := j.state.Stopping(); stops {
		j.stopAttempt(ctx)
	}
}

// giveWay has the open attempt end for the sake of another job.
func (j *Job) giveWay(ctx actor.Context, m *messages.GiveWay) {
	if j.state.Worker() != m.GetWorkerId() || m.GetWorkerId() == "" {
		return
	}
	err := j.handle(ctx, job.Preempt{Token: j.state.Token(), Reason: m.GetReason()}, "yardmaster")
	if errors.Is(err, job.ErrKeepsSlot) { // the coordinator went by old news
		j.env.log.Info("job does not give way", slog.String("job_id", j.id.String()), slog.String("error", err.Error()))
	}
}

func (j *Job) spawnRefused(ctx actor.Context, m *messages.SpawnRefused) {
	if !j.holds(ctx, job.Token(m.GetToken())) {
		return
	}
	var c job.Command = job.Refuse{Token: job.Token(m.GetToken()), Reason: m.GetReason(), Jitter: rand.Float64()}
	if !m.GetUntouched() {
		c = job.LoseAttempt{Token: job.Token(m.GetToken()), Reason: m.GetReason(), Jitter: rand.Float64()}
	}
	_ = j.handle(ctx, c, j.state.Worker())
}

// holds reports whether what ctx brings comes from the holder of the open
// attempt: under its token, and from the node that it was assigned to.
func (j *Job) holds(ctx actor.Context, token job.Token) bool {
	return j.state.Open && token == j.state.Token() &&
		ctx.Sender() != nil && ctx.Sender().GetAddress() == j.state.Node()
}

func (j *Job) progress(ctx actor.Context, m *messages.StepProgress) {
	if j.holds(ctx, job.Token(m.GetToken())) {
		j.env.board.putStep(j.state, messages.StepFromProto(m), time.Now())
	}
}

func (j *Job) storeChunk(ctx actor.Context, m *messages.LogChunk) {
	token := job.Token(m.GetToken())
	chunk, err := messages.ChunkFromProto(m)
	if err != nil || !j.holds(ctx, token) {
		j.refuse(ctx, token, "the attempt is not open")
		return
	}
	if j.log == nil || j.log.token != token {
		j.log = &logWriter{
			logs: j.env.logs, room: j.env.room, root: ctx.ActorSystem().Root, id: j.id, token: token,
		}
	}
	j.log.put(chunk, ctx.Sender())
}

func (j *Job) report(ctx actor.Context, m *messages.ReportResult) {
	token := job.Token(m.GetToken())
	if j.state.Open && token == j.state.Token() && !j.holds(ctx, token) {
		j.refuse(ctx, token, "the attempt is another worker's")
		return
	}
	result := messages.ResultFromProto(m.GetResult()).Within(len(j.state.Spec.Steps))
	c := job.Report{Token: token, Result: result, Jitter: rand.Float64()}
	err := j.handle(ctx, c, j.state.Worker())
	switch {
	case errors.Is(err, errStopping): // the attempt tells it again
		return
	case err != nil:
		j.refuse(ctx, token, err.Error())
		return
	}
	if ctx.Sender() != nil {
		ctx.Send(ctx.Sender(), &messages.ResultStored{Token: uint64(token)})
	}
}

// refuse tells an attempt that it no longer counts.
func (j *Job) refuse(ctx actor.Context, token job.Token, reason string) {
	j.env.metrics.reportRefused()
	j.env.log.Info("report refused", slog.String("job_id", j.id.String()), slog.Uint64("token", uint64(token)),
		slog.Uint64("holder", uint64(j.state.Token())))
	if ctx.Sender() != nil {
		ctx.Send(ctx.Sender(), &messages.ReportRefused{Token: uint64(token), Reason: reason})
	}
}

// cancelOver asks the worker again, or goes on without it: not for the sake of another
// job, which must not have the place of an attempt that may still run.
func (j *Job) cancelOver(ctx actor.Context, m cancelOver) {
	switch {
	case !j.state.Open || m.token != j.state.Token():
	case time.Since(m.since) < cancelBound || !j.state.Cancelling:
		j.stopAgain(ctx, m)
	default:
		_ = j.handle(ctx, job.LoseAttempt{Token: m.token, Reason: "the worker did not stop it in time"}, "yardmaster")
	}
}
