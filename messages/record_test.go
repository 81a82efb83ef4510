package messages_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

// example is a run with a job that failed, one that runs and one that waits.
func example(t testing.TB) (*ledger.Ledger, *ledger.Entry) {
	t.Helper()
	step := plan.Step{Name: "Run", Run: "make"}
	w := &plan.Workflow{Name: "ci", Jobs: []plan.Job{
		{Key: "lint", Name: "Lint", Group: plan.NoGroup, Timeout: 1, Steps: []plan.Step{step}, ContinueOnError: true},
		{
			Key: "test (linux)", Name: "Test", Group: plan.NoGroup, Timeout: 1, Needs: []int{0},
			RunsOn: []string{"linux"}, Steps: []plan.Step{step, {Name: "Upload", Run: "up"}, {Name: "Tidy", Run: "rm"}},
		},
		{Key: "ship", Name: "Ship", Group: plan.NoGroup, Timeout: 1, Needs: []int{0, 1}, Steps: []plan.Step{step}},
	}}
	l := ledger.New(10, messages.PackRun)
	e, err := l.Submit(run.Submission{
		ID: "01J", Plan: w, Key: "k", Digest: [32]byte{1}, Principal: "ann", Trace: "00-1-2-01", At: epoch,
	})
	require.NoError(t, err)
	log := job.LogSum{Chunks: 2, Bytes: 9, SHA256: [32]byte{7}, Dropped: 1}
	result := job.Result{
		Outcome: job.OutcomeFailed, Fault: job.FaultUser, ExitCode: 2, Reason: "step 1: exit code 2", Log: log,
		StartedAt: epoch.Add(2), EndedAt: epoch.Add(3),
		Steps: []job.StepResult{{
			Outcome: job.OutcomeFailed, ExitCode: 2, Reason: "no rule", StartedAt: epoch.Add(2), EndedAt: epoch.Add(3),
		}},
	}
	lint, test := job.ID{Run: "01J"}, job.ID{Run: "01J", Index: 1}
	for i, ev := range []job.Event{
		job.Assigned{Token: 1, Worker: "w1", Node: "n1", At: epoch.Add(1)},
		job.Ended{State: job.Failed, Reason: result.Reason, At: epoch.Add(4), Token: 1, Result: result},
		job.Assigned{Token: 1, Worker: "w1", Node: "n1", At: epoch.Add(5)},
		job.AttemptEnded{Token: 1, Wait: 6, Result: job.Result{
			Outcome: job.OutcomeLost, Fault: job.FaultInfrastructure, Reason: "lease expired", EndedAt: epoch.Add(6),
		}},
		job.Assigned{Token: 2, Worker: "w2", Node: "n2", At: epoch.Add(7)},
		job.CancelRequested{Cause: job.CauseRequested, Reason: "enough"},
	} {
		id := lint
		if i > 1 {
			id = test
		}
		require.NoError(t, l.JobEvent(id, ev, epoch.Add(1)))
	}
	return l, e
}

// end takes the example to its end.
func end(t testing.TB, l *ledger.Ledger) ledger.Ended {
	t.Helper()
	at := epoch.Add(9)
	stopped := job.Ended{State: job.Cancelled, Cause: job.CauseRequested, Reason: "enough", At: at, Token: 2}
	stopped.Result = job.Result{Outcome: job.OutcomeCancelled, StartedAt: epoch.Add(8), EndedAt: at}
	require.NoError(t, l.RunCancelled("01J", run.CancelRequested{By: "bob", Reason: "enough"}))
	require.NoError(t, l.JobEvent(job.ID{Run: "01J", Index: 1}, stopped, at))
	skipped := job.Ended{State: job.Cancelled, Cause: job.CauseNeeds, Reason: "needs test (linux)", At: at}
	require.NoError(t, l.JobEvent(job.ID{Run: "01J", Index: 2}, skipped, at))
	e, ok := l.Ended("01J")
	require.True(t, ok)
	return e
}

func TestAPackedRunIsUnpackedAsItWas(t *testing.T) {
	t.Parallel()

	l, e := example(t)
	for range 2 { // on its way, and at its end
		got, err := messages.UnpackRun(messages.PackRun(e), e.Run.Plan)
		require.NoError(t, err)
		assert.Equal(t, e.Run, got.Run)
		assert.Equal(t, e.Jobs, got.Jobs)
		if !e.Run.State.Final() {
			ended := end(t, l)
			assert.Equal(t, job.Cancelled, ended.State)
			assert.Equal(t, ended.Packed, messages.PackRun(e))
		}
	}
	assert.Equal(t, job.Cancelled, e.Run.State)
}

func TestASnapshotKnowsWhichRunsHaveLogs(t *testing.T) {
	t.Parallel()

	from, _ := example(t)
	assert.True(t, end(t, from).Logged)
	l := ledger.New(10, messages.PackRun)
	require.NoError(t, messages.DecodeLedger(messages.EncodeLedger(from), l, messages.NewPlans()))
	got, ok := l.Ended("01J")
	require.True(t, ok)
	assert.True(t, got.Logged)
}

func TestARunThatDoesNotFitItsPlanIsRefused(t *testing.T) {
	t.Parallel()

	_, e := example(t)
	packed := messages.PackRun(e)
	_, err := messages.UnpackRun(packed, &plan.Workflow{})
	require.ErrorIs(t, err, messages.ErrMalformed)
	_, err = messages.UnpackRun(packed[1:], e.Run.Plan)
	require.ErrorIs(t, err, messages.ErrMalformed)
	_, err = messages.UnpackRun(nil, &plan.Workflow{})
	require.ErrorIs(t, err, messages.ErrMalformed, "a run without a digest")
}

func TestARunThatNoOwnerCanHaveStoredIsRefused(t *testing.T) {
	t.Parallel()

	w := &plan.Workflow{Jobs: []plan.Job{{Key: "a", Group: plan.NoGroup}}}
	pending := []*messages.JobRecord{{State: messages.JobState_JOB_STATE_PENDING}}
	for name, m := range map[string]*messages.RunRecord{
		"a job in no state":     {Jobs: []*messages.JobRecord{{}}},
		"a job in a newer one":  {Jobs: []*messages.JobRecord{{State: 99}}},
		"open without attempts": {Jobs: []*messages.JobRecord{{State: messages.JobState_JOB_STATE_RUNNING, Open: true}}},
		"ended without an end":  {Jobs: pending, EndedUnixNanos: 1, State: messages.JobState_JOB_STATE_RUNNING},
	} {
		m.Digest = make([]byte, 32)
		data, err := proto.Marshal(m)
		require.NoError(t, err)
		_, err = messages.UnpackRun(data, w)
		require.ErrorIs(t, err, messages.ErrMalformed, name)
	}
}

func TestASnapshotThatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()

	w := named("a")
	record := &messages.RunRecord{RunId: "01J", Digest: make([]byte, 32)}
	for name, m := range map[string]*messages.LedgerSnapshot{
		"a broken plan":             {Plans: [][]byte{{0xff}}},
		"a live run of no plan":     {Plans: [][]byte{w}, Live: []*messages.LiveRun{{Plan: 1, Run: record}}},
		"a live run without a run":  {Plans: [][]byte{w}, Live: []*messages.LiveRun{{}}},
		"an ended run of no plan":   {Ended: []*messages.EndedRun{{RunId: "01J"}}},
		"an ended run in no packet": {Plans: [][]byte{w}, Ended: []*messages.EndedRun{{Packed: []byte{0xff}}}},
		"an ended run without end":  {Plans: [][]byte{w}, Ended: []*messages.EndedRun{{RunId: "01J"}}},
	} {
		data, err := proto.Marshal(m)
		require.NoError(t, err)
		l := ledger.New(10, messages.PackRun)
		require.ErrorIs(t, messages.DecodeLedger(data, l, messages.NewPlans()), messages.ErrMalformed, name)
	}
	l := ledger.New(10, messages.PackRun)
	require.ErrorIs(t, messages.DecodeLedger([]byte{0xff}, l, messages.NewPlans()), messages.ErrMalformed)
}

// Snapshots of releases that knew no projects have keys of no project.
func TestAKeyWithoutAProjectIsTheDefaultOnes(t *testing.T) {
	t.Parallel()

	old, err := proto.Marshal(&messages.LedgerSnapshot{Keys: []*messages.KeyUse{
		{Key: "k", RunId: "r1", Digest: bytes.Repeat([]byte{1}, 32), UnixNanos: epoch.UnixNano()},
		{Key: "k", RunId: "r2", UnixNanos: epoch.UnixNano(), Project: "web"},
	}})
	require.NoError(t, err)
	l := ledger.New(10, messages.PackRun)
	require.NoError(t, messages.DecodeLedger(old, l, messages.NewPlans()))
	use, ok := l.Key(run.Key{Project: project.Default, Name: "k"})
	require.True(t, ok)
	assert.Equal(t, run.ID("r1"), use.Run)
	assert.Equal(t, [32]byte(bytes.Repeat([]byte{1}, 32)), use.Purpose)
	use, ok = l.Key(run.Key{Project: "web", Name: "k"})
	require.True(t, ok)
	assert.Equal(t, run.ID("r2"), use.Run)
}

func TestASnapshotHoldsEachPlanOnce(t *testing.T) {
	t.Parallel()

	w := &plan.Workflow{Name: "load", Jobs: []plan.Job{{
		Key: "a", Name: "a", Group: plan.NoGroup, Timeout: 1, Executor: plan.ExecutorNoop,
	}}}
	from := ledger.New(10, messages.PackRun)
	for _, id := range []run.ID{"r1", "r2", "r3"} {
		_, err := from.Submit(run.Submission{ID: id, Plan: w, Key: string(id), At: epoch})
		require.NoError(t, err)
	}
	at := job.ID{Run: "r3"}
	require.NoError(t, from.JobEvent(at, job.Ended{State: job.Cancelled, At: epoch}, epoch))
	var m messages.LedgerSnapshot
	require.NoError(t, proto.Unmarshal(messages.EncodeLedger(from), &m))
	assert.Len(t, m.GetPlans(), 1)

	l, plans := ledger.New(10, messages.PackRun), messages.NewPlans()
	require.NoError(t, messages.DecodeLedger(messages.EncodeLedger(from), l, plans))
	one, _ := l.Entry("r1")
	two, _ := l.Entry("r2")
	ended, _ := l.Ended("r3")
	assert.Same(t, one.Run.Plan, two.Run.Plan)
	assert.Same(t, one.Run.Plan, ended.Plan)
	assert.Same(t, &one.Run.Plan.Jobs[0], two.Jobs[0].Spec)
	assert.False(t, ended.Logged)
	use, ok := l.Key(run.Key{Project: project.Default, Name: "r3"})
	assert.True(t, ok)
	assert.Equal(t, ledger.KeyUse{Run: "r3", At: epoch}, use)
	assert.False(t, one.Released(0), "what was released is chosen anew")
}
