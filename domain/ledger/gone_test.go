package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/run"
)

// finishLogged ends a run of one job whose attempt wrote chunks of a log.
func finishLogged(tb testing.TB, l *ledger.Ledger, id run.ID, chunks uint64) {
	tb.Helper()
	j := job.ID{Run: id}
	require.NoError(tb, l.JobEvent(j, job.Assigned{Token: 1, Worker: "w", At: epoch}, epoch))
	require.NoError(tb, l.JobEvent(j, job.Ended{
		State: job.Success, Token: 1, At: epoch, Result: job.Result{Log: job.LogSum{Chunks: chunks}},
	}, epoch))
}

func TestNothingIsGoneWhileAllIsKept(t *testing.T) {
	t.Parallel()

	l := ledger.New(2, pack)
	assert.Empty(t, l.TakeGone())
	for _, id := range []run.ID{"r1", "r2"} {
		submit(t, l, submission(id, 1))
		finishLogged(t, l, id, 1)
	}
	assert.Empty(t, l.TakeGone())
}

func TestALedgerThatKeepsNothingLetsGoAtOnce(t *testing.T) {
	t.Parallel()

	l := ledger.New(0, pack)
	submit(t, l, submission("r1", 1))
	finishLogged(t, l, "r1", 1)
	assert.False(t, l.Has("r1"))
	assert.Equal(t, []run.ID{"r1"}, l.TakeGone())
	submit(t, l, submission("r2", 1))
	finishLogged(t, l, "r2", 0)
	assert.Empty(t, l.TakeGone(), "a run without a log has none to remove")
}

func TestALogOfAnyAttemptOfAnyJobCounts(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	submit(t, l, submission("r1", 2))
	first, second := job.ID{Run: "r1"}, job.ID{Run: "r1", Index: 1}
	for _, e := range []job.Event{
		job.Assigned{Token: 1, Worker: "w", At: epoch},
		job.Ended{State: job.Success, Token: 1, At: epoch, Result: job.Result{Log: job.LogSum{Chunks: 3}}},
	} {
		require.NoError(t, l.JobEvent(first, e, epoch))
	}
	require.NoError(t, l.JobEvent(second, job.Assigned{Token: 1, Worker: "w", At: epoch}, epoch))
	require.NoError(t, l.JobEvent(second, job.Ended{State: job.Success, Token: 1, At: epoch}, epoch))
	ended, ok := l.Ended("r1")
	require.True(t, ok)
	assert.True(t, ended.Logged)
}

func TestARunThatIsReplacedIsNotLetGoOfTwice(t *testing.T) {
	t.Parallel()

	l := ledger.New(1, pack)
	for range 3 {
		l.PutEnded(ledger.Ended{ID: "r1", Logged: true})
	}
	assert.Empty(t, l.TakeGone())
	l.PutEnded(ledger.Ended{ID: "r2", Logged: true})
	assert.Equal(t, []run.ID{"r1"}, l.TakeGone())
}

func TestUpdateSaysWhenTheRunEnds(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 2))
	pending := e.Run
	update := func(index uint32, event job.Event) bool {
		next := *e.Jobs[index]
		next.Apply(event)
		return l.Update(e, &next, epoch.Add(time.Minute))
	}
	assert.False(t, update(0, job.Assigned{Token: 1, Worker: "w", At: epoch}))
	assert.Equal(t, job.Running, e.Run.State)
	assert.Equal(t, job.Pending, pending.State, "what others may hold does not change")
	assert.False(t, update(0, job.Ended{State: job.Success, Token: 1, At: epoch}))
	assert.False(t, update(1, job.Assigned{Token: 1, Worker: "w", At: epoch}))
	assert.True(t, update(1, job.Ended{State: job.Success, Token: 1, At: epoch}))
	assert.Equal(t, job.Success, e.Run.State)
	_, live := l.Entry("r1")
	assert.False(t, live)
	ended, ok := l.Ended("r1")
	require.True(t, ok)
	assert.Equal(t, epoch.Add(time.Minute), ended.EndedAt)

	stray := *e.Jobs[1]
	assert.False(t, l.PutJob(&stray, epoch), "the run is over")
	other := submit(t, l, submission("r2", 1))
	beyond := *other.Jobs[0]
	beyond.ID.Index = 9
	assert.False(t, l.PutJob(&beyond, epoch), "its plan has no such job")
}
