package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/retry"
	"yardmaster/messages"
)

const (
	// chunkWindow is how many log chunks may be under way: 1 MiB. Beyond it the
	// job's output waits.
	chunkWindow = 16
	resendFirst = 2 * time.Second
	resendCap   = 10 * time.Second
)

// Attempt runs one attempt at a job on a worker, and tells the job's owner of it
// until the owner has stored how it ended.
//
// Mailbox protocol
//
//	message        from   does                                      answer
//	startAttempt   agent  starts it, or repeats what is not stored   AttemptAlive
//	stopAttempt    agent  stops it without telling its owner         -
//	CancelAttempt  owner  stops it                                   -
//	ChunkStored    owner  lets more output through                   -
//	ResultStored   owner  ends the actor                             -
//	ReportRefused  owner  stops it without telling its owner         -
//	step, chunk    itself StepProgress, LogChunk to the owner        -
//	ended          itself ReportResult to the owner, in the end      -
//	resend         itself repeats what is not stored                 -
//
// The steps run on a goroutine of their own, which ends before the actor does.
type Attempt struct {
	env    *agentEnv
	agent  *actor.PID
	task   attempt.Task
	owner  *actor.PID
	cancel context.CancelCauseFunc
	lost   chan struct{} // closed when nothing of it may go on, even if it was cancelled before
	credit chan struct{} // holds a token for every chunk under way

	unstored []attempt.Chunk // in the order of Seq
	result   *job.Result
	steps    map[int]attempt.Step
	orphaned bool // nobody wants its result
	tries    int
	timer    *time.Timer
}

type (
	startAttempt struct {
		task  attempt.Task
		owner *actor.PID
	}
	stopAttempt struct{ cause error }
	stepChanged struct{ step attempt.Step }
	chunkMade   struct{ chunk attempt.Chunk }
	ended       struct{ result job.Result }
	resend      struct{}
)

func newAttempt(env *agentEnv, agent *actor.PID) *Attempt { return &Attempt{env: env, agent: agent} }

// Receive implements actor.Actor.
func (a *Attempt) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *startAttempt:
		a.start(ctx, m)
	case stopAttempt:
		a.stop(ctx, m.cause)
	case *messages.CancelAttempt:
		a.stopSteps(attempt.ErrCancelled)
	case *messages.ChunkStored:
		a.chunkStored(m.GetSeq())
		if m.GetAgain() {
			a.sendChunks(ctx)
		}
		a.report(ctx)
	case *messages.ResultStored:
		a.finish(ctx)
	case *messages.ReportRefused:
		a.stop(ctx, attempt.ErrStale)
	case stepChanged:
		a.stepChanged(ctx, m.step)
	case chunkMade:
		a.chunkMade(ctx, m.chunk)
	case ended:
		a.ended(ctx, m.result)
	case resend:
		a.resend(ctx)
	case *actor.Stopping, *actor.Restarting:
		a.release(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Started, *actor.DeadLetterResponse:
	default:
		a.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// start runs the steps, the first time; later it is a new owner asking.
func (a *Attempt) start(ctx actor.Context, m *startAttempt) {
	a.owner = m.owner
	if a.cancel != nil {
		a.repeat(ctx)
		return
	}
	a.task, a.steps = m.task, map[int]attempt.Step{}
	steps, cancel := context.WithCancelCause(context.Background())
	a.cancel, a.lost, a.credit = cancel, make(chan struct{}), make(chan struct{}, chunkWindow)
	out := &observer{root: ctx.ActorSystem().Root, self: ctx.Self(), credit: a.credit, lost: a.lost}
	executor := a.env.executor
	task := a.task
	a.env.run(func() { // ends with the attempt: Execute returns once its processes are gone
		result := executor.Execute(steps, task, out)
		out.root.Send(out.self, ended{result})
	})
}

// observer hands on what the steps do, and holds their output back when the
// owner has too much of it.
type observer struct {
	root   *actor.RootContext
	self   *actor.PID
	credit chan<- struct{}
	lost   <-chan struct{}
}

var _ attempt.Leased = (*observer)(nil)

// LeaseLost implements attempt.Leased.
func (o *observer) LeaseLost() <-chan struct{} { return o.lost }

// StepChanged implements attempt.Observer.
func (o *observer) StepChanged(s attempt.Step) { o.root.Send(o.self, stepChanged{s}) }

// Output implements attempt.Observer. What an attempt still writes that nobody wants any
// more passes without credit: it is little, and nobody must wait for an owner that is
// gone.
func (o *observer) Output(c attempt.Chunk) {
	select {
	case o.credit <- struct{}{}:
	case <-o.lost:
	}
	o.root.Send(o.self, chunkMade{c})
}

func (a *Attempt) stepChanged(ctx actor.Context, s attempt.Step) {
	a.steps[s.Index] = s
	ctx.Request(a.owner, messages.StepToProto(a.task.Token, s))
}

func (a *Attempt) chunkMade(ctx actor.Context, c attempt.Chunk) {
	a.unstored = append(a.unstored, c)
	if !a.orphaned {
		ctx.Request(a.owner, messages.ChunkToProto(a.task.Token, c))
		a.arm(ctx)
	}
}

// chunkStored lets go of every chunk up to seq.
func (a *Attempt) chunkStored(seq uint64) {
	for len(a.unstored) > 0 && a.unstored[0].Seq <= seq {
		a.unstored = a.unstored[1:]
		a.tries = 0
		select {
		case <-a.credit:
		default:
		}
	}
}

func (a *Attempt) ended(ctx actor.Context, result job.Result) {
	result = result.Within(len(a.task.Spec.Steps)) // what is larger would fit no frame
	a.result = &result
	ctx.Send(a.agent, attemptState{name: a.task.Name(), ended: true})
	if a.orphaned {
		a.finish(ctx)
		return
	}
	a.report(ctx)
}

// report tells how it ended, once the whole log is stored.
func (a *Attempt) report(ctx actor.Context) {
	if a.result == nil || len(a.unstored) > 0 || a.orphaned {
		return
	}
	ctx.Request(a.owner, &messages.ReportResult{
		Token: uint64(a.task.Token), Result: messages.ResultToProto(*a.result),
	})
	a.arm(ctx)
}

// repeat tells an owner that may know nothing all that it must know.
func (a *Attempt) repeat(ctx actor.Context) {
	if a.orphaned {
		return
	}
	for _, s := range a.steps {
		ctx.Request(a.owner, messages.StepToProto(a.task.Token, s))
	}
	a.sendChunks(ctx)
	a.report(ctx)
}

// sendChunks sends what is not stored of the log.
func (a *Attempt) sendChunks(ctx actor.Context) {
	if a.orphaned {
		return
	}
	for _, c := range a.unstored {
		ctx.Request(a.owner, messages.ChunkToProto(a.task.Token, c))
	}
}

func (a *Attempt) resend(ctx actor.Context) {
	a.timer = nil
	if len(a.unstored) == 0 && a.result == nil {
		return
	}
	a.tries++
	a.sendChunks(ctx)
	a.report(ctx)
	a.arm(ctx)
}

// arm makes sure that what is not stored is sent again.
func (a *Attempt) arm(ctx actor.Context) {
	if a.timer != nil {
		return
	}
	root, self := ctx.ActorSystem().Root, ctx.Self()
	wait := retry.Backoff(resendFirst, 2, resendCap, a.tries+1, rand.Float64()/2)
	a.timer = time.AfterFunc(wait, func() { root.Send(self, resend{}) })
}

// stop ends an attempt. Unless its lease was lost, nobody wants its result any
// more; with the lease lost, its owner should hear that it is dead.
func (a *Attempt) stop(ctx actor.Context, cause error) {
	if errors.Is(cause, attempt.ErrLeaseLost) {
		a.stopSteps(cause)
		return
	}
	a.orphaned = true
	if a.cancel == nil || a.result != nil {
		a.finish(ctx)
		return
	}
	a.stopSteps(cause)
}

// stopSteps ends the steps. But for a cancel, nothing of them may go on.
func (a *Attempt) stopSteps(cause error) {
	if a.cancel == nil {
		return
	}
	a.cancel(cause)
	if errors.Is(cause, attempt.ErrCancelled) {
		return
	}
	select {
	case <-a.lost: // it was closed before
	default:
		close(a.lost)
	}
}

func (a *Attempt) finish(ctx actor.Context) {
	ctx.Stop(ctx.Self())
}

// release lets go of what outlives no actor.
func (a *Attempt) release(ctx actor.Context) {
	if a.timer != nil {
		a.timer.Stop()
	}
	if a.cancel == nil {
		return
	}
	a.stopSteps(attempt.ErrLeaseLost)
	ctx.Send(a.agent, attemptState{name: a.task.Name(), gone: true})
}
