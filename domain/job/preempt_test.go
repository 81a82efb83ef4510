package job_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
)

const byOther = "preempted by job r.9"

var (
	givingWay  = job.PreemptRequested{Token: 1, Reason: byOther}
	stoppedFor = job.Result{Outcome: job.OutcomeCancelled, ExitCode: 143, Reason: "cancelled", EndedAt: epoch}
	gaveWay    = job.Result{
		Outcome: job.OutcomePreempted, Fault: job.FaultInfrastructure, ExitCode: 143, Reason: byOther, EndedAt: epoch,
	}
)

// preemptedBefore is a history of n attempts that gave way, and an open one.
func preemptedBefore(n int) (events []job.Event) {
	for i := range n {
		token := job.Token(i + 1)
		events = append(events, job.Assigned{Token: token, Worker: "w1", At: epoch},
			job.PreemptRequested{Token: token, Reason: byOther}, job.AttemptEnded{Token: token, Result: gaveWay})
	}
	return append(events, job.Assigned{Token: job.Token(n + 1), Worker: "w1", At: epoch})
}

// again returns how an idempotent job with a history answers a command.
func again(t *testing.T, c job.Command, history ...job.Event) ([]job.Event, error) {
	t.Helper()
	s := spec(1)
	s.Idempotent = true
	return job.Decide(given(t, s, history...), c, epoch)
}

func TestAnAttemptThatGivesWayIsHeldAgainstNobody(t *testing.T) {
	t.Parallel()

	for _, c := range []struct {
		name  string
		given []job.Event
		when  job.Command
		then  job.Event
	}{
		{"it is asked to", []job.Event{assigned}, job.Preempt{Token: 1, Reason: byOther}, givingWay},
		{"asked twice is asked once", []job.Event{assigned, givingWay}, job.Preempt{Token: 1, Reason: byOther}, nil},
		{"what is being cancelled ends anyway", []job.Event{assigned, cancelling}, job.Preempt{Token: 1, Reason: "x"}, nil},
		{"what has ended has ended", []job.Event{assigned, retried}, job.Preempt{Token: 1, Reason: "x"}, nil},
		{
			"stopped, it is queued again at once",
			[]job.Event{assigned, givingWay},
			job.Report{Token: 1, Result: stoppedFor, Jitter: 0.5},
			job.AttemptEnded{Token: 1, Result: gaveWay},
		},
		{
			"it was done before it heard of that",
			[]job.Event{assigned, givingWay},
			job.Report{Token: 1, Result: ok},
			success,
		},
		{
			"it had failed before it heard of that",
			[]job.Event{assigned, givingWay},
			job.Report{Token: 1, Result: userResult},
			failed,
		},
		{
			"a worker that is lost meanwhile is a loss",
			[]job.Event{assigned, givingWay},
			job.Report{Token: 1, Result: lostResult},
			retried,
		},
		{
			"cancelled meanwhile, it is cancelled",
			[]job.Event{assigned, givingWay, cancelling},
			job.Report{Token: 1, Result: stoppedFor},
			job.Ended{
				State: job.Cancelled, Cause: job.CauseRequested, Reason: "enough", At: epoch, Token: 1, Result: stoppedFor,
			},
		},
		{
			"a worker that says so unasked is not believed",
			[]job.Event{assigned},
			job.Report{Token: 1, Result: gaveWay},
			job.AttemptEnded{Token: 1, Result: job.Result{
				Outcome: job.OutcomeLost, Fault: job.FaultInfrastructure, ExitCode: 143, Reason: byOther, EndedAt: epoch,
			}},
		},
	} {
		events, err := again(t, c.when, c.given...)
		require.NoError(t, err, c.name)
		if c.then == nil {
			assert.Empty(t, events, c.name)
			continue
		}
		assert.Equal(t, []job.Event{c.then}, events, c.name)
	}
}

func TestAJobGivesWaySoManyTimesOnly(t *testing.T) {
	t.Parallel()

	events, err := again(t, job.Preempt{Token: job.MaxPreempted, Reason: "x"}, preemptedBefore(job.MaxPreempted-1)...)
	require.NoError(t, err)
	assert.Len(t, events, 1)
	_, err = again(t, job.Preempt{Token: job.MaxPreempted + 1, Reason: "x"}, preemptedBefore(job.MaxPreempted)...)
	require.ErrorIs(t, err, job.ErrKeepsSlot)
	_, err = job.Decide(given(t, spec(1), assigned), job.Preempt{Token: 1, Reason: "x"}, epoch)
	require.ErrorIs(t, err, job.ErrKeepsSlot, "it is not idempotent")
	_, err = again(t, job.Preempt{Token: 1, Reason: "x"}, preemptedBefore(1)...)
	require.ErrorIs(t, err, job.ErrStaleToken)
	_, err = again(t, job.Preempt{Reason: "x"})
	require.ErrorIs(t, err, job.ErrStaleToken)
}

func TestAPreemptionCountsAgainstNothing(t *testing.T) {
	t.Parallel()

	j := given(t, spec(2), preemptedBefore(2)...)
	_, stops := j.Stopping()
	assert.False(t, stops)
	why, stops := new(job.Evolve(j, job.PreemptRequested{Token: 3, Reason: byOther})).Stopping()
	assert.True(t, stops)
	assert.Equal(t, byOther, why)
	why, stops = new(job.Evolve(j, cancelling)).Stopping()
	assert.True(t, stops)
	assert.Equal(t, "enough", why)
	assert.Zero(t, j.Lost)
	assert.Zero(t, j.Tries)
	assert.Equal(t, 2, j.Preempted())
	assert.Equal(t, job.Token(3), j.Token())
	j = job.Evolve(j, job.AttemptEnded{Token: 3, Result: gaveWay, Wait: time.Second})
	assert.Empty(t, j.Avoid(), "no worker is to blame")
	assert.Empty(t, j.Preempting)
}
