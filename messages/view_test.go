package messages_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/messages"
)

// at is n nanoseconds after the submission, as users get it.
func at(n time.Duration) *timestamppb.Timestamp { return timestamppb.New(epoch.Add(n)) }

func seen(t *testing.T, want, got proto.Message) {
	t.Helper()
	assert.True(t, proto.Equal(want, got), "want\n%s\ngot\n%s", prototext.Format(want), prototext.Format(got))
}

func lintView() *messages.Job {
	return &messages.Job{
		Key: "lint", Name: "Lint", State: messages.JobState_JOB_STATE_FAILED, Reason: "step 1: exit code 2",
		StartedAt: at(1), EndedAt: at(4), ContinueOnError: true,
		Attempts: []*messages.Attempt{{
			Number: 1, Token: 1, WorkerId: "w1", AssignedAt: at(1), StartedAt: at(2), EndedAt: at(3),
			Outcome: messages.Outcome_OUTCOME_FAILED, Fault: messages.Fault_FAULT_USER, ExitCode: 2,
			Reason: "step 1: exit code 2",
			Log:    &messages.LogSum{Chunks: 2, Bytes: 9, Sha256: append([]byte{7}, make([]byte, 31)...), Dropped: 1},
		}},
		Steps: []*messages.StepView{{
			Name: "Run", Outcome: messages.Outcome_OUTCOME_FAILED, ExitCode: 2, Reason: "no rule", StartedAt: at(2),
			EndedAt: at(3),
		}},
	}
}

func TestUsersSeeARunWithItsJobs(t *testing.T) {
	t.Parallel()

	_, e := example(t)
	asked := 0
	progress := func(id job.ID) messages.Progress {
		asked++
		assert.Equal(t, job.ID{Run: "01J", Index: 1}, id, "only of open attempts")
		return messages.Progress{
			0: {Index: 0, StartedAt: epoch.Add(7), Result: job.StepResult{
				Outcome: job.OutcomeSucceeded, EndedAt: epoch.Add(8),
			}},
			1: {Index: 1, Running: true, StartedAt: epoch.Add(8)},
		}
	}
	seen(t, &messages.Run{
		RunId: "01J", Name: "ci", State: messages.JobState_JOB_STATE_RUNNING, Principal: "ann", SubmittedAt: at(0),
		StartedAt: at(1), IdempotencyKey: "k", Project: "default",
		Jobs: []*messages.Job{
			lintView(),
			{
				Index: 1, Key: "test (linux)", Name: "Test", State: messages.JobState_JOB_STATE_RUNNING,
				Cause: messages.Cause_CAUSE_REQUESTED, Reason: "enough", Cancelling: true, Needs: []string{"lint"},
				RunsOn: []string{"linux"}, StartedAt: at(5),
				Attempts: []*messages.Attempt{
					{
						Number: 1, Token: 1, WorkerId: "w1", AssignedAt: at(5), EndedAt: at(6), Reason: "lease expired",
						Outcome: messages.Outcome_OUTCOME_LOST, Fault: messages.Fault_FAULT_INFRASTRUCTURE,
					},
					{Number: 2, Token: 2, WorkerId: "w2", AssignedAt: at(7)},
				},
				Steps: []*messages.StepView{
					{Name: "Run", Outcome: messages.Outcome_OUTCOME_SUCCEEDED, StartedAt: at(7), EndedAt: at(8)},
					{Name: "Upload", Running: true, StartedAt: at(8)},
					{Name: "Tidy"},
				},
			},
			{
				Index: 2, Key: "ship", Name: "Ship", State: messages.JobState_JOB_STATE_PENDING,
				Needs: []string{"lint", "test (linux)"}, Steps: []*messages.StepView{{Name: "Run"}},
			},
		},
	}, messages.ViewRun(e, true, progress))
	assert.Equal(t, 1, asked)
}

func TestListsShowARunWithoutItsJobs(t *testing.T) {
	t.Parallel()

	l, e := example(t)
	seen(t, &messages.Run{
		RunId: "01J", Name: "ci", State: messages.JobState_JOB_STATE_RUNNING, Principal: "ann", SubmittedAt: at(0),
		StartedAt: at(1), IdempotencyKey: "k", Project: "default",
	}, messages.ViewRun(e, false, nil))

	seen(t, &messages.Run{
		RunId: "01J", Name: "ci", State: messages.JobState_JOB_STATE_CANCELLED, SubmittedAt: at(0), EndedAt: at(9),
		Project: "default",
	}, messages.ViewEnded(end(t, l)))
}

func TestARunThatIsBeingCancelledSaysSo(t *testing.T) {
	t.Parallel()

	_, e := example(t)
	next := *e.Run
	next.Cancelling, next.Reason = true, "enough"
	e.Run = &next
	got := messages.ViewRun(e, false, nil)
	assert.True(t, got.GetCancelling())
	assert.Equal(t, "enough", got.GetReason())
}

func TestAnEndedRunIsSeenAsItWas(t *testing.T) {
	t.Parallel()

	l, live := example(t)
	ended := end(t, l)
	e, err := messages.UnpackRun(ended.Packed, ended.Plan)
	require.NoError(t, err)
	want := messages.ViewRun(live, true, nil)
	got := messages.ViewRun(e, true, func(job.ID) messages.Progress {
		t.Error("asked for the progress of a run that is over")
		return nil
	})
	seen(t, want, got)
	seen(t, lintView(), got.GetJobs()[0])
	assert.Equal(t, messages.Cause_CAUSE_NEEDS, got.GetJobs()[2].GetCause())
}

func TestUsersSeeChanges(t *testing.T) {
	t.Parallel()

	_, e := example(t)
	seen(t, &messages.RunChange{
		RunId: "01J", JobIndex: 2, State: messages.JobState_JOB_STATE_PENDING, At: at(3),
	}, messages.ViewJobChange(e.Jobs[2], epoch.Add(3)))
	seen(t, &messages.RunChange{
		RunId: "01J", JobIndex: 1, State: messages.JobState_JOB_STATE_RUNNING, At: at(3), Reason: "enough",
		Attempt: 2, WorkerId: "w2",
	}, messages.ViewJobChange(e.Jobs[1], epoch.Add(3)))
	seen(t, &messages.RunChange{
		RunId: "01J", State: messages.JobState_JOB_STATE_FAILED, At: at(4), Reason: "step 1: exit code 2",
		Attempt: 1, WorkerId: "w1", AttemptStartedAt: at(2),
	}, messages.ViewJobChange(e.Jobs[0], epoch.Add(4)))
	seen(t, &messages.RunChange{
		RunId: "01J", OfRun: true, State: messages.JobState_JOB_STATE_RUNNING, At: at(5),
	}, messages.ViewRunChange(e, epoch.Add(5)))
	seen(t, &messages.StepView{Name: "Run", Running: true, StartedAt: at(1)},
		messages.ViewStep("Run", attempt.Step{Running: true, StartedAt: epoch.Add(1)}))
}
