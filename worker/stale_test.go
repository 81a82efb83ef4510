//go:build linux

package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

// TestAnAttemptThatNoLongerCountsIsKilledAtOnce has a grace that the test would
// not outlast.
func TestAnAttemptThatNoLongerCountsIsKilledAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	tk := task(plan.Step{Run: "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.01; done"})
	h := &heard{onChunk: func(attempt.Chunk) { cancel(attempt.ErrStale) }}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: time.Hour}, tk, h)
	assert.Equal(t, job.OutcomeLost, res.Outcome)
	assert.Equal(t, job.FaultInfrastructure, res.Fault)
	assert.NotContains(t, h.output(), "tidied")
}

func TestAnAttemptThatNoLongerCountsHurriesAStopUnderWay(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	tk := task(plan.Step{Run: stubborn})
	tk.Spec.Timeout = 300 * time.Millisecond
	h := &heard{onChunk: func(c attempt.Chunk) {
		if c.Kind == attempt.Notice {
			cancel(attempt.ErrStale)
		}
	}}
	pidsFile(t, &tk)
	res, _ := executeUntil(ctx, t, worker.Config{Grace: time.Hour}, tk, h)
	assert.Contains(t, res.Reason, "job timed out after 300ms")
}
