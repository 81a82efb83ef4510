package job_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

var (
	assigned   = job.Assigned{Token: 1, Worker: "w1", Node: "n1", At: epoch}
	reassigned = job.Assigned{Token: 2, Worker: "w2", Node: "n2", At: epoch}
	cancelling = job.CancelRequested{Cause: job.CauseRequested, Reason: "enough"}

	ok         = job.Result{Outcome: job.OutcomeSucceeded, EndedAt: epoch}
	userResult = job.Result{Outcome: job.OutcomeFailed, Fault: job.FaultUser, ExitCode: 2, Reason: "step 1: exit code 2"}
	lostResult = job.Result{Outcome: job.OutcomeLost, Fault: job.FaultInfrastructure, Reason: "lease expired"}

	retried = job.AttemptEnded{Token: 1, Result: lostResult}
	success = job.Ended{State: job.Success, At: epoch, Token: 1, Result: ok}
	failed  = job.Ended{State: job.Failed, At: epoch, Token: 1, Result: userResult, Reason: userResult.Reason}
	stopped = job.Ended{State: job.Cancelled, Cause: job.CauseRequested, Reason: "enough", At: epoch}
)

// lostBefore is a history of n attempts lost one after the other.
func lostBefore(n int) []job.Event {
	var events []job.Event
	for i := range n {
		events = append(events,
			job.Assigned{Token: job.Token(i + 1), Worker: "w1", At: epoch},
			job.AttemptEnded{Token: job.Token(i + 1), Result: lostResult})
	}
	return append(events, job.Assigned{Token: job.Token(n + 1), Worker: "w1", At: epoch})
}

type decision struct {
	name    string
	retries int // what the file allows in all
	given   []job.Event
	when    job.Command
	then    job.Event
	stale   bool
	from    job.State // of the InvalidStateTransition wanted, with to
	to      job.State
}

func TestAJobIsAssigned(t *testing.T) {
	t.Parallel()

	assign := job.Assign{Worker: "w1", Node: "n1"}
	decide(t, []decision{
		{name: "a pending job is assigned under the first token", when: assign, then: assigned},
		{
			name:  "a lost job is assigned under the next token",
			given: []job.Event{assigned, retried}, when: job.Assign{Worker: "w2", Node: "n2"}, then: reassigned,
		},
		{
			name: "a job that somebody holds is not given away", given: []job.Event{assigned}, when: assign,
			from: job.Running, to: job.Running,
		},
		{
			name: "a job that is being cancelled is not given away", given: []job.Event{assigned, cancelling}, when: assign,
			from: job.Running, to: job.Running,
		},
		{
			name: "a job that succeeded never runs again", given: []job.Event{assigned, success}, when: assign,
			from: job.Success, to: job.Running,
		},
		{
			name: "a job that failed never runs again", given: []job.Event{assigned, failed}, when: assign,
			from: job.Failed, to: job.Running,
		},
		{
			name: "a cancelled job never runs", given: []job.Event{stopped}, when: assign,
			from: job.Cancelled, to: job.Running,
		},
	})
}

func TestAReportEndsAnAttempt(t *testing.T) {
	t.Parallel()

	system := job.Result{Outcome: job.OutcomeFailed, Fault: job.FaultSystem}
	unasked := job.Result{Outcome: job.OutcomeCancelled}
	ours := job.Result{Outcome: job.OutcomeCancelled, Fault: job.FaultInfrastructure}
	unsaid := job.Result{Fault: job.FaultUser, Reason: "?"}
	unsaidLost := job.Result{Outcome: job.OutcomeLost, Fault: job.FaultInfrastructure, Reason: "?"}
	decide(t, []decision{
		{
			name: "success ends the job", given: []job.Event{assigned}, when: job.Report{Token: 1, Result: ok}, then: success,
		},
		{
			name: "a failure without retries ends the job", given: []job.Event{assigned},
			when: job.Report{Token: 1, Result: userResult}, then: failed,
		},
		{
			name: "a failure with retries is followed by another attempt", retries: 2, given: []job.Event{assigned},
			when: job.Report{Token: 1, Result: userResult, Jitter: 0.5},
			then: job.AttemptEnded{Token: 1, Result: userResult, Wait: 750 * time.Millisecond},
		},
		{
			name: "the last retry that fails ends the job", retries: 2,
			given: []job.Event{assigned, job.AttemptEnded{Token: 1, Result: userResult}, reassigned},
			when:  job.Report{Token: 2, Result: userResult},
			then:  job.Ended{State: job.Failed, At: epoch, Token: 2, Result: userResult, Reason: userResult.Reason},
		},
		{
			name: "a loss does not count against the retries", retries: 2, given: []job.Event{assigned, retried, reassigned},
			when: job.Report{Token: 2, Result: userResult},
			then: job.AttemptEnded{Token: 2, Result: userResult, Wait: time.Second},
		},
		{
			name: "a defect of ours is tried again at once", given: []job.Event{assigned},
			when: job.Report{Token: 1, Result: system}, then: job.AttemptEnded{Token: 1, Result: system},
		},
		{
			name: "an attempt that was stopped unasked is tried again", given: []job.Event{assigned},
			when: job.Report{Token: 1, Result: unasked}, then: job.AttemptEnded{Token: 1, Result: ours},
		},
		{
			name: "a report that says nothing counts as lost, whoever it blames", given: []job.Event{assigned},
			when: job.Report{Token: 1, Result: unsaid}, then: job.AttemptEnded{Token: 1, Result: unsaidLost},
		},
		{
			name: "the second loss in a row waits", given: lostBefore(1), when: job.Report{Token: 2, Result: lostResult},
			then: job.AttemptEnded{Token: 2, Result: lostResult, Wait: 250 * time.Millisecond},
		},
		{
			name: "one loss too many ends the job", given: lostBefore(job.MaxLost),
			when: job.Report{Token: job.MaxLost + 1, Result: lostResult},
			then: job.Ended{
				State: job.Failed, At: epoch, Token: job.MaxLost + 1, Result: lostResult, Reason: lostResult.Reason,
			},
		},
		{
			name:  "what is being cancelled ends as cancelled, however it ended",
			given: []job.Event{assigned, cancelling}, when: job.Report{Token: 1, Result: ok},
			then: job.Ended{
				State: job.Cancelled, Cause: job.CauseRequested, Reason: "enough", At: epoch, Token: 1, Result: ok,
			},
		},
		{
			name: "the same report again is no news", given: []job.Event{assigned, success},
			when: job.Report{Token: 1, Result: userResult},
		},
		{
			name: "a report before the first assignment is stale", when: job.Report{Result: ok}, stale: true,
		},
		{
			name: "a report under an old token is stale", given: []job.Event{assigned, retried, reassigned},
			when: job.Report{Token: 1, Result: ok}, stale: true,
		},
		{
			name: "a report under a token nobody was given is stale", given: []job.Event{assigned},
			when: job.Report{Token: 2, Result: ok}, stale: true,
		},
	})
}

func TestAnAttemptIsGivenUp(t *testing.T) {
	t.Parallel()

	result := lostResult
	result.EndedAt = epoch
	decide(t, []decision{
		{
			name: "a silent worker costs the attempt", given: []job.Event{assigned},
			when: job.LoseAttempt{Token: 1, Reason: "lease expired"}, then: job.AttemptEnded{Token: 1, Result: result},
		},
		{
			name: "an attempt lost while it is being cancelled is cancelled", given: []job.Event{assigned, cancelling},
			when: job.LoseAttempt{Token: 1, Reason: "lease expired"},
			then: job.Ended{
				State: job.Cancelled, Cause: job.CauseRequested, Reason: "enough", At: epoch, Token: 1, Result: result,
			},
		},
		{
			name: "an attempt is lost once", given: []job.Event{assigned, retried}, when: job.LoseAttempt{Token: 1},
		},
		{
			name: "another's attempt is not lost", given: []job.Event{assigned, retried, reassigned},
			when: job.LoseAttempt{Token: 1}, stale: true,
		},
	})
}

func TestAJobIsCancelled(t *testing.T) {
	t.Parallel()

	cancel := job.Cancel{Cause: job.CauseRequested, Reason: "enough"}
	decide(t, []decision{
		{name: "a pending job is cancelled at once", when: cancel, then: stopped},
		{
			name: "a job that waits for another attempt is cancelled at once",
			given: []job.Event{
				assigned, retried,
			}, when: cancel, then: stopped,
		},
		{
			name: "a running job is asked to stop", given: []job.Event{assigned}, when: cancel, then: cancelling,
		},
		{
			name: "asking twice is asking once", given: []job.Event{assigned, cancelling}, when: cancel,
		},
		{name: "a cancelled job stays as it is", given: []job.Event{stopped}, when: cancel},
		{
			name: "a success is not undone", given: []job.Event{assigned, success}, when: cancel,
			from: job.Success, to: job.Cancelled,
		},
		{
			name: "a failure is not undone", given: []job.Event{assigned, failed}, when: cancel,
			from: job.Failed, to: job.Cancelled,
		},
	})
}

func TestAJobFailsFromOutside(t *testing.T) {
	t.Parallel()

	expire := job.Fail{Cause: job.CauseExpired, Reason: "waited too long"}
	ended := job.Ended{State: job.Failed, Cause: job.CauseExpired, Reason: "waited too long", At: epoch}
	closing := ended
	closing.Token = 1
	closing.Result = job.Result{
		Outcome: job.OutcomeLost, Fault: job.FaultSystem, Reason: "waited too long", EndedAt: epoch,
	}
	decide(t, []decision{
		{name: "a pending job fails", when: expire, then: ended},
		{name: "a running job fails with its attempt", given: []job.Event{assigned}, when: expire, then: closing},
		{
			name: "a job that is being cancelled may fail", given: []job.Event{assigned, cancelling}, when: expire,
			then: closing,
		},
		{
			name: "a success is not undone", given: []job.Event{assigned, success}, when: expire,
			from: job.Success, to: job.Failed,
		},
		{
			name: "a job fails once", given: []job.Event{ended}, when: expire,
			from: job.Failed, to: job.Failed,
		},
		{
			name: "a cancel is not undone", given: []job.Event{stopped}, when: expire,
			from: job.Cancelled, to: job.Failed,
		},
	})
}

// decide runs each case: its given, its when, its then.
func decide(t *testing.T, tests []decision) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			got, err := job.Decide(given(t, spec(tt.retries), tt.given...), tt.when, epoch)
			switch {
			case tt.stale:
				require.ErrorIs(t, err, job.ErrStaleToken)
				assert.Contains(t, err.Error(), id.String())
			case tt.to != job.Unknown:
				var invalid *job.InvalidStateTransition
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, &job.InvalidStateTransition{Job: id, From: tt.from, To: tt.to}, invalid)
				assert.Equal(t, "job: 01J.7 cannot go from "+tt.from.String()+" to "+tt.to.String(), err.Error())
			default:
				require.NoError(t, err)
			}
			if tt.then == nil {
				assert.Empty(t, got)
				return
			}
			assert.Equal(t, []job.Event{tt.then}, got)
		})
	}
}

func TestAnExitCodeThatIsNotListedIsFinal(t *testing.T) {
	t.Parallel()

	s := spec(3)
	s.Retry.ExitCodes = []int{75}
	j := given(t, s, assigned)
	events, err := job.Decide(j, job.Report{Token: 1, Result: userResult}, epoch)
	require.NoError(t, err)
	assert.Equal(t, []job.Event{failed}, events)
}

func TestAJobWithoutASpecificationIsNotRetried(t *testing.T) {
	t.Parallel()

	j := job.Evolve(job.Job{ID: id, State: job.Pending}, assigned)
	events, err := job.Decide(j, job.Report{Token: 1, Result: userResult}, epoch)
	require.NoError(t, err)
	assert.Equal(t, []job.Event{failed}, events)
}

func TestWhatNobodyCreatedObeysNoCommand(t *testing.T) {
	t.Parallel()

	for _, c := range []job.Command{job.Assign{}, job.Cancel{}, job.Fail{}} {
		events, err := job.Decide(job.Job{ID: id}, c, epoch)
		var invalid *job.InvalidStateTransition
		require.ErrorAs(t, err, &invalid, "%T", c)
		assert.Equal(t, job.Unknown, invalid.From)
		assert.Empty(t, events)
	}
}

func TestWhatHasNoRuleIsADefect(t *testing.T) {
	t.Parallel()

	assert.PanicsWithValue(t, "job: command without a rule in Decide", func() {
		_, _ = job.Decide(job.Job{}, nil, epoch)
	})
	assert.PanicsWithValue(t, "job: event without a rule in Evolve", func() { job.Evolve(job.Job{}, nil) })
}

func TestEventsAddUpToAJob(t *testing.T) {
	t.Parallel()

	s, later := spec(2), epoch.Add(time.Minute)
	end := job.Ended{State: job.Success, At: later, Token: 2, Result: ok}
	j := given(t, s, assigned, job.AttemptEnded{Token: 1, Result: userResult, Wait: time.Second})
	assert.Equal(t, job.Job{
		ID: id, Spec: s, State: job.Running, Tries: 1, Wait: time.Second, StartedAt: epoch,
		Attempts: []job.Attempt{{Number: 1, Token: 1, Worker: "w1", Node: "n1", AssignedAt: epoch, Result: userResult}},
	}, j)

	second := job.Assigned{Token: 2, Worker: "w2", Node: "n2", At: later}
	j = job.Evolve(job.Evolve(j, second), end)
	assert.Equal(t, job.Job{
		ID: id, Spec: s, State: job.Success, Tries: 1, StartedAt: epoch, EndedAt: later,
		Attempts: []job.Attempt{
			{Number: 1, Token: 1, Worker: "w1", Node: "n1", AssignedAt: epoch, Result: userResult},
			{Number: 2, Token: 2, Worker: "w2", Node: "n2", AssignedAt: later, Result: ok},
		},
	}, j)
}

func TestANoopExecutorIsAJobLikeAnyOther(t *testing.T) {
	t.Parallel()

	s := &plan.Job{Key: "load", Name: "load", Timeout: time.Second, Executor: plan.ExecutorNoop}
	events, err := job.Decide(given(t, s, assigned), job.Report{Token: 1, Result: ok}, epoch)
	require.NoError(t, err)
	assert.Equal(t, []job.Event{success}, events)
}

// refusedBefore is a history of n attempts refused one after the other.
func refusedBefore(n int) []job.Event {
	var events []job.Event
	for i := range n {
		events = append(events,
			job.Assigned{Token: job.Token(i + 1), Worker: "w1", At: epoch},
			job.AttemptEnded{Token: job.Token(i + 1), Result: refusedResult})
	}
	return append(events, job.Assigned{Token: job.Token(n + 1), Worker: "w1", At: epoch})
}

var refusedResult = job.Result{
	Outcome: job.OutcomeRefused, Fault: job.FaultInfrastructure, Reason: "no free slot", EndedAt: epoch,
}

func TestARefusedAttemptIsHeldAgainstNobody(t *testing.T) {
	t.Parallel()

	refuse := func(token job.Token) job.Command { return job.Refuse{Token: token, Reason: "no free slot"} }
	decide(t, []decision{
		{
			name: "it is tried again after a pause", given: refusedBefore(0), when: refuse(1),
			then: job.AttemptEnded{Token: 1, Result: refusedResult, Wait: time.Second},
		},
		{
			name: "the pause grows", given: refusedBefore(2), when: refuse(3),
			then: job.AttemptEnded{Token: 3, Result: refusedResult, Wait: 4 * time.Second},
		},
		{
			name: "more refusals than losses are borne", given: refusedBefore(2 * job.MaxLost), when: refuse(2*job.MaxLost + 1),
			then: job.AttemptEnded{Token: 2*job.MaxLost + 1, Result: refusedResult, Wait: 30 * time.Second},
		},
		{
			name: "but not for ever", given: refusedBefore(job.MaxRefused), when: refuse(job.MaxRefused + 1),
			then: job.Ended{
				State: job.Failed, At: epoch, Token: job.MaxRefused + 1, Result: refusedResult, Reason: "no free slot",
			},
		},
		{
			name: "what was cancelled meanwhile is cancelled", given: append(refusedBefore(0), cancelling), when: refuse(1),
			then: job.Ended{
				State: job.Cancelled, Cause: job.CauseRequested, Reason: "enough", At: epoch, Token: 1, Result: refusedResult,
			},
		},
		{
			name: "under an old token it is refused itself", given: []job.Event{assigned, retried, reassigned},
			when: refuse(1), stale: true,
		},
		{name: "twice it is no news", given: refusedBefore(1)[:2], when: refuse(1)},
	})
	j := given(t, spec(3), refusedBefore(4)...)
	assert.Zero(t, j.Lost)
	assert.Zero(t, j.Tries)

	events, err := job.Decide(j, job.Report{Token: 5, Result: job.Result{Outcome: job.OutcomeRefused}}, epoch)
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, job.OutcomeLost, events[0].(job.AttemptEnded).Result.Outcome, "a worker that began cannot refuse")
}

func TestAReportIsCutToWhatCanBeStored(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("é", job.MaxReason)
	steps := []job.StepResult{{Reason: "short"}, {Reason: long}, {Reason: "of a step the job does not have"}}
	r := job.Result{Reason: long, Steps: steps}.Within(2)
	assert.LessOrEqual(t, len(r.Reason), job.MaxReason)
	assert.True(t, strings.HasSuffix(r.Reason, "é…") && utf8.ValidString(r.Reason))
	require.Len(t, r.Steps, 2)
	assert.Equal(t, "short", r.Steps[0].Reason)
	assert.LessOrEqual(t, len(r.Steps[1].Reason), job.MaxStepReason)
	assert.Equal(t, long, steps[1].Reason, "what was given stays as it was")

	small := job.Result{Reason: "r", Steps: []job.StepResult{{Reason: "s"}}}
	assert.Equal(t, small, small.Within(5))
}
