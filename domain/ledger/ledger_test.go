package ledger_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// workflow returns a plan of n jobs that start nothing, each needing the last.
func workflow(n int) *plan.Workflow {
	w := &plan.Workflow{Name: "load", Jobs: make([]plan.Job, n)}
	for i := range w.Jobs {
		key := "j" + strconv.Itoa(i)
		w.Jobs[i] = plan.Job{
			Key: key, Name: key, Group: plan.NoGroup, Timeout: time.Hour, Executor: plan.ExecutorNoop,
		}
		if i > 0 {
			w.Jobs[i].Needs = []int{i - 1}
		}
	}
	return w
}

func pack(e *ledger.Entry) []byte { return []byte("packed " + e.Run.ID) }

func submission(id run.ID, jobs int) run.Submission {
	return run.Submission{ID: id, Plan: workflow(jobs), At: epoch}
}

func submit(tb testing.TB, l *ledger.Ledger, s run.Submission) *ledger.Entry {
	tb.Helper()
	e, err := l.Submit(s)
	require.NoError(tb, err)
	return e
}

// finish folds an assignment and a success of each job of a run.
func finish(tb testing.TB, l *ledger.Ledger, id run.ID, jobs int, at time.Time) {
	tb.Helper()
	for i := range uint32(jobs) {
		j := job.ID{Run: id, Index: i}
		require.NoError(tb, l.JobEvent(j, job.Assigned{Token: 1, Worker: "w", At: at}, at))
		require.NoError(tb, l.JobEvent(j, job.Ended{State: job.Success, Token: 1, At: at}, at))
	}
}

func TestEventsAddUpToRuns(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 2))
	assert.Len(t, e.Jobs, 2)
	for i, j := range e.Jobs {
		assert.Equal(t, job.ID{Run: "r1", Index: uint32(i)}, j.ID)
		assert.Equal(t, job.Pending, j.State)
	}
	first, was, at := job.ID{Run: "r1"}, e.Jobs[0], epoch.Add(time.Second)
	require.NoError(t, l.JobEvent(first, job.Assigned{Token: 1, Worker: "w", At: at}, at))
	assert.Equal(t, job.Running, e.Run.State)
	assert.Equal(t, job.Running, e.Jobs[0].State)
	assert.Equal(t, job.Pending, was.State, "who held the state before still has it")
	require.NoError(t, l.JobEvent(first, job.Ended{State: job.Failed, Token: 1, At: at}, at))
	assert.Equal(t, []run.Status{run.Failed, run.Waiting}, e.Run.Jobs)
	got, ok := l.Entry("r1")
	assert.True(t, ok)
	assert.Same(t, e, got)

	require.NoError(t, l.JobEvent(job.ID{Run: "r1", Index: 1}, job.Ended{
		State: job.Cancelled, Cause: job.CauseNeeds, At: at,
	}, at))
	assert.Equal(t, job.Failed, e.Run.State)
	_, ok = l.Entry("r1")
	assert.False(t, ok, "an ended run is not live")
	ended, ok := l.Ended("r1")
	require.True(t, ok)
	assert.Equal(t, ledger.Ended{
		ID: "r1", Plan: e.Run.Plan, Project: project.Default, State: job.Failed, SubmittedAt: epoch,
		EndedAt: at, Packed: []byte("packed r1"),
	}, ended)
	assert.True(t, l.Has("r1"))
	live, kept := l.Counts()
	assert.Equal(t, []int{0, 1}, []int{live, kept})
}

func TestACancelledRunIsBeingCancelled(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 1))
	require.NoError(t, l.RunCancelled("r1", run.CancelRequested{Reason: "enough"}))
	assert.True(t, e.Run.Cancelling)
	assert.Equal(t, "enough", e.Run.Reason)
}

func TestAHistoryThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	submit(t, l, submission("r1", 1))
	submit(t, l, submission("r2", 1))
	finish(t, l, "r2", 1, epoch)
	assigned := job.Assigned{Token: 1, Worker: "w", At: epoch}

	for _, id := range []run.ID{"r1", "r2"} {
		_, err := l.Submit(submission(id, 1))
		require.ErrorIs(t, err, ledger.ErrDuplicate)
	}
	require.ErrorIs(t, l.JobEvent(job.ID{Run: "r1", Index: 1}, assigned, epoch), ledger.ErrUnknownJob)
	for _, id := range []run.ID{"r2", "r3"} {
		require.ErrorIs(t, l.JobEvent(job.ID{Run: id}, assigned, epoch), ledger.ErrUnknownRun)
		require.ErrorIs(t, l.RunCancelled(id, run.CancelRequested{}), ledger.ErrUnknownRun)
	}
	bad := submission("r4", 1)
	bad.Plan.Jobs[0].Timeout = 0
	_, err := l.Submit(bad)
	require.ErrorIs(t, err, job.ErrInvalidDefinition)
	assert.False(t, l.Has("r4"))
}

func TestAJobIsPutIntoItsRun(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 1))
	next := *e.Jobs[0]
	next.State = job.Cancelled
	assert.False(t, l.PutJob(&job.Job{ID: job.ID{Run: "r2"}}, epoch), "a run that is unknown")
	assert.False(t, l.PutJob(&job.Job{ID: job.ID{Run: "r1", Index: 1}}, epoch), "a job that is unknown")
	assert.True(t, l.PutJob(&next, epoch), "the last job ends the run")
	assert.False(t, l.PutJob(&next, epoch), "once")
	assert.Equal(t, job.Cancelled, e.Run.State)
}

func TestARunIsNotStartedByAJobThatNeverRan(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 2))
	require.NoError(t, l.JobEvent(job.ID{Run: "r1"}, job.Ended{State: job.Failed, Cause: job.CauseExpired}, epoch))
	assert.Equal(t, job.Pending, e.Run.State)
}

func TestTheOldestEndedRunsGoFirst(t *testing.T) {
	t.Parallel()

	l := ledger.New(3, pack)
	var want []run.ID
	for i := range 10 {
		id := run.ID("r" + strconv.Itoa(i))
		submit(t, l, submission(id, 1))
		if i%2 == 0 { // the others live on
			finish(t, l, id, 1, epoch)
			want = append(want, id)
		}
	}
	var got []run.ID
	for e := range l.EndedRuns() {
		got = append(got, e.ID)
	}
	assert.Equal(t, want[2:], got)
	for _, id := range want[:2] {
		assert.False(t, l.Has(id))
		_, ok := l.Ended(id)
		assert.False(t, ok)
	}
	for e := range l.EndedRuns() {
		assert.Equal(t, want[2], e.ID)
		break
	}
	live := map[run.ID]bool{}
	for e := range l.Live() {
		live[e.Run.ID] = true
	}
	assert.Equal(t, []run.ID{"r1", "r3", "r5", "r7", "r9"}, slices.Sorted(maps.Keys(live)))
	seen := 0
	for range l.Live() {
		seen++
		break
	}
	assert.Equal(t, 1, seen)
}

func TestAnEndedRunThatIsPutTwiceIsThereOnce(t *testing.T) {
	t.Parallel()

	l := ledger.New(2, pack)
	for _, id := range []run.ID{"r0", "r1", "r1", "r2"} {
		l.PutEnded(ledger.Ended{ID: id})
	}
	var got []run.ID
	for e := range l.EndedRuns() {
		got = append(got, e.ID)
	}
	assert.Equal(t, []run.ID{"r1", "r2"}, got)
}

// TestLogsGoWithTheirRuns counts the chunks of any attempt, not of the last alone.
func TestLogsGoWithTheirRuns(t *testing.T) {
	t.Parallel()

	l, at := ledger.New(1, pack), epoch
	for _, tt := range []struct {
		id   run.ID
		logs []uint64 // chunks of each attempt
	}{{"r1", []uint64{2, 0}}, {"r2", []uint64{0}}, {"r3", []uint64{0, 1}}, {"r4", []uint64{3}}} {
		submit(t, l, submission(tt.id, 1))
		id := job.ID{Run: tt.id}
		for i, chunks := range tt.logs {
			token, result := job.Token(i+1), job.Result{Outcome: job.OutcomeFailed, Log: job.LogSum{Chunks: chunks}}
			require.NoError(t, l.JobEvent(id, job.Assigned{Token: token, Worker: "w", At: at}, at))
			var e job.Event = job.AttemptEnded{Token: token, Result: result}
			if i == len(tt.logs)-1 {
				e = job.Ended{State: job.Failed, Token: token, At: at, Result: result}
			}
			require.NoError(t, l.JobEvent(id, e, at))
		}
	}
	assert.Equal(t, []run.ID{"r1", "r3"}, l.TakeGone())
	assert.Empty(t, l.TakeGone(), "once")
	kept, ok := l.Ended("r4")
	assert.True(t, ok)
	assert.True(t, kept.Logged)
}

func TestALedgerMayKeepNoEndedRun(t *testing.T) {
	t.Parallel()

	l := ledger.New(0, pack)
	submit(t, l, submission("r1", 1))
	finish(t, l, "r1", 1, epoch)
	assert.False(t, l.Has("r1"))
}

func TestWhatWasReleasedIsRemembered(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 200))
	released := map[uint32]bool{0: true, 63: true, 64: true, 130: true, 199: true}
	for i := range released {
		assert.False(t, e.Released(i))
		e.Release(i)
		e.Release(i)
	}
	clone := e.Clone()
	clone.Release(5)
	for i := range uint32(200) {
		assert.Equal(t, released[i], e.Released(i), "%d", i)
	}
	require.NoError(t, l.JobEvent(job.ID{Run: "r1", Index: 7}, job.Assigned{Token: 1, Worker: "w"}, epoch))
	assert.True(t, e.Released(7), "what runs was released")
	assert.True(t, clone.Released(5))
	assert.Equal(t, job.Pending, clone.Jobs[7].State, "a clone stays as it was")
}

func keyNamed(name string) run.Key { return run.Key{Project: project.Default, Name: name} }

func keyed(id run.ID, key string, at time.Time) run.Submission {
	s := submission(id, 1)
	s.Key, s.Digest, s.At = key, [32]byte{id[1]}, at
	return s
}

func TestAKeyLivesByTheTimeOfEvents(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	submit(t, l, keyed("r1", "a", epoch))
	submit(t, l, keyed("r2", "b", epoch.Add(time.Hour)))
	use, ok := l.Key(keyNamed("a"))
	assert.True(t, ok)
	assert.Equal(t, ledger.KeyUse{Run: "r1", Purpose: [32]byte{'1'}, At: epoch}, use)

	submit(t, l, submission("r3", 1)) // without a key, and not later
	submit(t, l, keyed("r4", "c", epoch.Add(ledger.KeyLife)))
	_, ok = l.Key(keyNamed("a"))
	assert.True(t, ok, "a key lives its whole life")

	late := submission("r5", 1)
	late.At = epoch.Add(ledger.KeyLife + 1)
	submit(t, l, late)
	_, ok = l.Key(keyNamed("a"))
	assert.False(t, ok)
	assert.Equal(t, []string{"b", "c"}, keysOf(l))
	for range l.Keys() {
		break
	}
}

func TestAKeyLivesAsLongAsIsAskedFor(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	l.KeyLife = time.Minute
	submit(t, l, keyed("r1", "a", epoch))
	submit(t, l, keyed("r2", "b", epoch.Add(time.Minute)))
	assert.Equal(t, []string{"a", "b"}, keysOf(l))
	submit(t, l, keyed("r3", "c", epoch.Add(time.Minute+1)))
	assert.Equal(t, []string{"b", "c"}, keysOf(l))
}

func keysOf(l *ledger.Ledger) []string {
	var keys []string
	for key := range l.Keys() {
		keys = append(keys, key.Name)
	}
	return keys
}

func TestAKeyOutlivesItsRun(t *testing.T) {
	t.Parallel()

	l := ledger.New(0, pack)
	submit(t, l, keyed("r1", "a", epoch))
	finish(t, l, "r1", 1, epoch)
	_, ok := l.Key(keyNamed("a"))
	assert.True(t, ok)
}

func TestAKeyUsedAgainLivesFromItsLastUse(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	submit(t, l, keyed("r1", "a", epoch))
	submit(t, l, keyed("r2", "a", epoch.Add(2*time.Hour)))
	assert.Equal(t, []string{"a"}, keysOf(l))
	submit(t, l, keyed("r3", "b", epoch.Add(ledger.KeyLife+time.Hour)))
	use, ok := l.Key(keyNamed("a"))
	assert.True(t, ok)
	assert.Equal(t, run.ID("r2"), use.Run)
	submit(t, l, keyed("r4", "c", epoch.Add(ledger.KeyLife+3*time.Hour)))
	_, ok = l.Key(keyNamed("a"))
	assert.False(t, ok)
}

func TestARestoredRunBringsNoKey(t *testing.T) {
	t.Parallel()

	from := ledger.New(10, pack)
	e := submit(t, from, keyed("r1", "a", epoch))
	l := ledger.New(10, pack)
	l.Restore(e)
	_, ok := l.Key(keyNamed("a"))
	assert.False(t, ok)
	assert.True(t, l.Has("r1"))
}
