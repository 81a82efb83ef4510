//go:build unix

package worker_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

// whenSaid cancels an attempt once its log holds a text.
func whenSaid(text string, cause error) (context.Context, *heard) {
	ctx, cancel := context.WithCancelCause(context.Background())
	h := &heard{}
	h.onChunk = func(attempt.Chunk) {
		if strings.Contains(h.output(), text) {
			cancel(cause)
		}
	}
	return ctx, h
}

// said is the output without what a shell says of a command that was stopped with it.
func said(h *heard) string { return strings.ReplaceAll(h.output(), "Terminated\n", "") }

const waits = "echo ready; while :; do sleep 0.01; done"

func TestAfterACancellationStepsRunThatWantTo(t *testing.T) {
	t.Parallel()
	ctx, h := whenSaid("ready", attempt.ErrCancelled)
	tk := task(
		plan.Step{ID: "one", Run: waits},
		plan.Step{Run: "echo never"},
		plan.Step{If: "failure()", Run: "echo never"},
		plan.Step{
			If: "cancelled()", Run: "echo cancelled ${{ job.status }} ${{ steps.one.outcome }}; echo A=b >>$GITHUB_ENV",
		},
		plan.Step{If: "always()", Run: "echo always $A; exit 3"},
		plan.Step{If: "!success()", Run: "echo not"},
	)
	tk.Spec.Outputs = []plan.Var{{Name: "status", Value: "${{ job.status }}"}}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: deadline}, tk, h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, job.FaultNone, res.Fault)
	assert.Equal(t, "cancelled", res.Reason)
	assert.Equal(t, 143, res.ExitCode)
	assert.Equal(t, []string{"cancelled", "skipped", "skipped", "ok", "failed", "ok"}, names(res))
	assert.Equal(t, "ready\ncancelled cancelled cancelled\nalways b\nnot\n", said(h))
	assert.Equal(t, 1, strings.Count(h.text(attempt.Notice), "cancelled"))
	assert.Equal(t, []plan.Var{{Name: "status", Value: "cancelled"}}, res.Outputs)
}

func TestARunningStepGoesOnIfItsConditionStillHolds(t *testing.T) {
	t.Parallel()
	ctx, h := whenSaid("ready", attempt.ErrCancelled)
	told, cancelling := filepath.Join(t.TempDir(), "told"), h.onChunk
	h.onChunk = func(c attempt.Chunk) {
		cancelling(c)
		if c.Kind == attempt.Notice { // of the cancellation
			_ = os.WriteFile(told, nil, 0o600)
		}
	}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: deadline}, task(
		plan.Step{Run: "true"}, plan.Step{Run: "false", ContinueOnError: true},
		plan.Step{
			If:  "always()",
			Run: "trap 'echo interrupted' TERM; echo ready; while ! [ -e " + told + " ]; do sleep 0.01; done; echo done",
		},
		plan.Step{If: "failure()", Run: "echo never"},
	), h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, []string{"ok", "failed", "ok", "skipped"}, names(res))
	assert.Equal(t, "ready\ndone\n", said(h))
}

func TestARunningStepIsStoppedIfItsConditionHoldsNoLonger(t *testing.T) {
	t.Parallel()
	ctx, h := whenSaid("ready", attempt.ErrCancelled)
	res, _ := executeUntil(ctx, t, worker.Config{Grace: deadline}, task(
		plan.Step{Run: "false"}, plan.Step{If: "failure()", Run: waits}, plan.Step{If: "success()", Run: "echo never"},
	), h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, []string{"failed", "cancelled", "skipped"}, names(res))
}

func TestTidyingUpHasItsTime(t *testing.T) {
	t.Parallel()
	ctx, h := whenSaid("ready", attempt.ErrCancelled)
	res, _ := executeUntil(ctx, t, worker.Config{Grace: 50 * time.Millisecond, TidyUp: 300 * time.Millisecond}, task(
		plan.Step{Run: waits}, plan.Step{If: "always()", Run: "echo tidying; sleep 1000"},
		plan.Step{If: "always()", Run: "echo never"},
	), h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, []string{"cancelled", "cancelled", "skipped"}, names(res))
	assert.Contains(t, h.text(attempt.Notice), "its last steps took longer than 300ms\n")
	assert.Equal(t, "ready\ntidying\n", said(h))
}

func TestAJobThatTimedOutMayTidyUp(t *testing.T) {
	t.Parallel()
	tk := task(
		plan.Step{ID: "one", Run: waits, ContinueOnError: true},
		plan.Step{If: "always()", Run: "echo tidied ${{ job.status }} ${{ steps.one.conclusion }}"},
	)
	tk.Spec.Timeout = 300 * time.Millisecond
	res, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.OutcomeFailed, res.Outcome)
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Equal(t, "job timed out after 300ms", res.Reason)
	assert.Equal(t, "ready\ntidied cancelled failure\n", said(h))
	assert.Equal(t, []string{"failed", "ok"}, names(res))
}

func TestALostLeaseRunsNothingMore(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{attempt.ErrLeaseLost, attempt.ErrStale} {
		ctx, h := whenSaid("ready", cause)
		res, _ := executeUntil(ctx, t, worker.Config{Grace: time.Hour}, task(
			plan.Step{Run: "trap 'echo tidied; exit 0' TERM; " + waits, If: "always()"},
			plan.Step{If: "always()", Run: "echo never"},
		), h)
		assert.Equal(t, job.OutcomeLost, res.Outcome)
		assert.Equal(t, []string{"lost", "unknown"}, names(res))
		assert.Equal(t, "ready\n", said(h))
	}
}

// leased is an observer that tells of the lease.
type leased struct {
	*heard
	lost chan struct{}
}

func (l leased) LeaseLost() <-chan struct{} { return l.lost }

func TestALeaseMayBeLostAfterTheCancellation(t *testing.T) {
	t.Parallel()
	ctx, h := whenSaid("ready", attempt.ErrCancelled)
	l := leased{h, make(chan struct{})}
	cancelling := h.onChunk
	once := false
	h.onChunk = func(c attempt.Chunk) {
		cancelling(c)
		if strings.Contains(h.output(), "tidying") && !once {
			once = true
			close(l.lost)
		}
	}
	res := open(t, worker.Config{Grace: 50 * time.Millisecond}).Execute(ctx, task(
		plan.Step{Run: waits}, plan.Step{If: "always()", Run: "trap '' TERM; echo tidying; sleep 1000"},
		plan.Step{If: "always()", Run: "echo never"},
	), l)
	h.check(t, res)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, "ready\ntidying\n", said(h))
}

func TestCancellingBetweenStepsRunsWhatWantsTo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	h := &heard{onStep: func(s attempt.Step) {
		if s.Index == 0 && !s.Running {
			cancel(attempt.ErrCancelled)
		}
	}}
	res, _ := executeUntil(ctx, t, worker.Config{}, task(
		plan.Step{Run: "true"}, plan.Step{Run: "echo never"}, plan.Step{If: "always()", Run: "echo tidied"},
	), h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, "tidied\n", said(h))
	assert.Equal(t, job.OutcomeSucceeded, res.Steps[0].Outcome)
	assert.Equal(t, job.OutcomeSucceeded, res.Steps[2].Outcome)
}

func TestALeaseThatIsLostEndsAnAttemptHoweverItIsTold(t *testing.T) {
	t.Parallel()
	h := &heard{}
	l := leased{h, make(chan struct{})}
	told := false
	h.onChunk = func(attempt.Chunk) {
		if !told {
			told = true
			close(l.lost)
		}
	}
	res := open(t, worker.Config{Grace: time.Hour}).Execute(context.Background(), task(
		plan.Step{Run: "trap '' TERM; " + waits}, plan.Step{If: "always()", Run: "echo never"},
	), l)
	assert.Equal(t, job.OutcomeLost, res.Outcome)
	assert.Equal(t, "ready\n", said(h))
}

func TestALeaseLostBetweenStepsRunsNothingMore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	h := &heard{onStep: func(s attempt.Step) {
		if !s.Running {
			cancel(attempt.ErrStale)
		}
	}}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: time.Hour}, task(
		plan.Step{Run: "sleep 1000 &"}, plan.Step{If: "always()", Run: "echo never"},
	), h)
	assert.Equal(t, job.OutcomeLost, res.Outcome)
	assert.Equal(t, []string{"ok", "unknown"}, names(res))
	assert.Empty(t, h.output())
}

func TestACancellationMayComeWhileAStepIsStopped(t *testing.T) {
	t.Parallel()
	ctx, h := whenSaid("stopping", attempt.ErrCancelled)
	told, cancelling := filepath.Join(t.TempDir(), "told"), h.onChunk
	h.onChunk = func(c attempt.Chunk) {
		cancelling(c)
		if c.Kind == attempt.Notice && string(c.Data) == "cancelled\n" {
			_ = os.WriteFile(told, nil, 0o600)
		}
	}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: deadline}, task(
		plan.Step{
			Timeout: 100 * time.Millisecond, ContinueOnError: true,
			Run: "trap 'echo stopping; while ! [ -e " + told + " ]; do sleep 0.01; done; exit 5' TERM; " +
				"while :; do sleep 0.01; done",
		},
		plan.Step{Run: "echo never"}, plan.Step{If: "cancelled()", Run: "echo tidied"},
	), h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, "stopping\ntidied\n", said(h))
	assert.Equal(t, "step timed out after 100ms", res.Steps[0].Reason)
	assert.Equal(t, 5, res.Steps[0].ExitCode)
}
