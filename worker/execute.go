//go:build unix

package worker

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker/mask"
)

// errTimedOut is the cause when the attempt has used up its time.
var errTimedOut = errors.New("worker: attempt timed out")

// run is one attempt under way.
type run struct {
	*Executor
	task   *attempt.Task
	space  workspace
	tree   *tree
	pump   *pump
	masks  *mask.Set
	result job.Result
	scene
	progress
	// bound ends when nothing more may run. It is replaced once, when the attempt is
	// stopped and what remains of it may tidy up.
	bound context.Context //nolint:containedctx // see above
	// lost ends when the lease does: then nothing may run, not even to tidy up.
	lost context.Context //nolint:containedctx // it outlives bound
}

// Execute implements Runner. Cancelling ctx ends the attempt, for the reason that
// context.Cause tells: attempt.ErrLeaseLost and attempt.ErrStale at once, any
// other after SIGTERM and the grace, and after the steps whose condition holds even
// then. Processes are killed even while a call to out blocks, but Execute
// returns only after that call has.
//
// If out is attempt.Leased, it can end an attempt that was cancelled, too.
func (e *Executor) Execute(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result {
	lost, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	defer lose(nil)
	defer context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); urgent(cause) {
			lose(cause)
		}
	})()
	if leased, ok := out.(attempt.Leased); ok {
		go func() {
			select {
			case <-leased.LeaseLost():
				lose(attempt.ErrLeaseLost)
			case <-lost.Done():
			}
		}()
	}
	r := &run{Executor: e, task: &task, masks: mask.NewSet(), lost: lost}
	r.result = job.Result{
		StartedAt: time.Now(),
		Steps:     make([]job.StepResult, len(task.Spec.Steps)),
		Log:       job.LogSum{SHA256: sha256.Sum256(nil)},
	}
	f := r.hideSecrets()
	if f == nil {
		f = r.prepared(ctx, out)
	}
	if f != nil {
		r.failed(f)
	}
	r.result.EndedAt = time.Now()
	return r.result
}

// prepared runs the steps in a workspace of their own.
func (r *run) prepared(ctx context.Context, out attempt.Observer) (f *failure) {
	if r.space, f = makeWorkspace(r.cfg.WorkDir, r.task.Name()); f != nil {
		return f
	}
	defer r.cleanUp()
	reader, writer, err := os.Pipe()
	if err != nil {
		return fail(job.FaultInfrastructure, "cannot make a pipe: "+causeOf(err))
	}
	defer reader.Close()
	environ := []string{envAttemptName + "=" + r.task.Name(), envWorkspace + "=" + r.space.work}
	r.tree, err = plant(r.cfg.ShimCommand, environ, r.cfg.WorkDir, writer)
	_ = writer.Close() // the shim has its own
	if err != nil {
		return fail(job.FaultInfrastructure, "cannot start the attempt's first process: "+causeOf(err))
	}
	r.pump = newPump(reader, out, r.cfg.LogCap, r.masks)
	go r.pump.run()
	r.timed(ctx)
	r.finish()
	return nil
}

// timed runs the steps within the attempt's time and judges them.
func (r *run) timed(ctx context.Context) {
	limit := r.task.Spec.Timeout
	if limit <= 0 {
		limit = plan.DefaultTimeout
	}
	bound, cancel := context.WithTimeoutCause(ctx, limit, errTimedOut)
	defer cancel()
	r.bound = bound
	defer func() { r.unbind() }()
	f := r.prepareScene()
	if f != nil {
		r.pump.tell(event{notice: f.reason})
	} else if f = r.steps(); f == nil || f.outcome != job.OutcomeLost {
		f = first(f, r.handOn())
	}
	if f != nil {
		r.failed(f)
		return
	}
	r.result.Outcome = job.OutcomeSucceeded
}

// finish waits until nothing of the attempt is left, and then for the observer
// to have heard everything.
func (r *run) finish() {
	r.tree.kill()
	r.await(patience)
	if r.tree.ended != nil { // the orphans of a shim that was killed are ours
		if err := shims.killOrphans(r.tree.began); err != nil {
			r.cfg.Logger.Error("processes outlive their attempt",
				slog.String("attempt", r.task.Name()), slog.Any("error", err))
		}
	}
	r.pump.tell(event{last: true})
	<-r.pump.done
	r.result.Log = r.pump.log
	r.result.Annotations = r.pump.hearing.annotations()
}

func (r *run) cleanUp() {
	if r.cfg.KeepWorkspaces {
		return
	}
	if err := removeAll(r.space.root); err != nil {
		r.cfg.Logger.Warn("workspace cannot be removed",
			slog.String("attempt", r.task.Name()), slog.Any("error", err))
	}
}

func (r *run) failed(f *failure) {
	r.result.Outcome, r.result.Fault = f.outcome, f.fault
	r.result.ExitCode, r.result.Reason = f.code, r.masks.Hide(f.reason)
}
