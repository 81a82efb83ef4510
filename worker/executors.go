//go:build unix

package worker

import (
	"context"
	"crypto/sha256"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

// Runner runs one attempt and returns when it is over.
type Runner interface {
	Execute(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result
}

// Noop is a Runner that starts nothing and succeeds at once, for load tests.
type Noop struct{}

// Execute implements Runner. It tells the observer nothing.
func (Noop) Execute(context.Context, attempt.Task, attempt.Observer) job.Result {
	now := time.Now()
	return job.Result{
		Outcome: job.OutcomeSucceeded, StartedAt: now, EndedAt: now,
		Log: job.LogSum{SHA256: sha256.Sum256(nil)},
	}
}

// Executors is a Runner that leaves each attempt to the one its job asks for by
// name. It must not change once it is in use.
type Executors map[string]Runner

// Execute implements Runner. A job that names no executor gets
// plan.ExecutorProcess; one this worker lacks fails as infrastructure, since
// another worker may have it.
func (e Executors) Execute(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result {
	name := task.Spec.Executor
	if name == "" {
		name = plan.ExecutorProcess
	}
	if runner, ok := e[name]; ok {
		return runner.Execute(ctx, task, out)
	}
	now := time.Now()
	return job.Result{
		Outcome: job.OutcomeFailed, Fault: job.FaultInfrastructure,
		Reason:    "this worker has no executor named " + name,
		StartedAt: now, EndedAt: now, Log: job.LogSum{SHA256: sha256.Sum256(nil)},
	}
}
