package job_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	id    = job.ID{Run: "01J", Index: 7}
	epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
)

// spec is a job that its file lets fail attempts times.
func spec(attempts int) *plan.Job {
	return &plan.Job{
		Key: "test", ID: "test", Name: "Test", Timeout: time.Hour, Group: plan.NoGroup,
		Steps: []plan.Step{{Name: "Run", Run: "make test"}},
		Retry: retry.Policy{MaxAttempts: attempts, Delay: time.Second},
	}
}

// given folds a history into the state of a job of spec.
func given(tb testing.TB, spec *plan.Job, events ...job.Event) job.Job {
	tb.Helper()
	j, err := job.Create(id, spec)
	require.NoError(tb, err)
	for _, e := range events {
		j = job.Evolve(j, e)
	}
	return j
}

func TestANewJobIsPending(t *testing.T) {
	t.Parallel()

	s := spec(1)
	j, err := job.Create(id, s)
	require.NoError(t, err)
	assert.Equal(t, job.Job{ID: id, Spec: s, State: job.Pending}, j)
	assert.True(t, j.Queued())
	assert.Zero(t, j.Token())
	assert.Empty(t, j.Worker()+j.Node())
	assert.Empty(t, j.Avoid())
}

func TestANoopJobNeedsNoSteps(t *testing.T) {
	t.Parallel()

	s := spec(1)
	s.Steps, s.Executor = nil, plan.ExecutorNoop
	_, err := job.Create(id, s)
	require.NoError(t, err)
}

func TestAnInvalidDefinitionNamesEveryFault(t *testing.T) {
	t.Parallel()

	_, err := job.Create(job.ID{}, nil)
	require.ErrorIs(t, err, job.ErrInvalidDefinition)
	require.EqualError(t, err, "job: invalid definition: no run id, no specification")

	j, err := job.Create(job.ID{}, &plan.Job{Name: " \t"})
	require.ErrorIs(t, err, job.ErrInvalidDefinition)
	require.EqualError(t, err, "job: invalid definition: no run id, no name, no key, no steps, no timeout")
	assert.Zero(t, j)
}

func TestAJobKnowsWhoHoldsIt(t *testing.T) {
	t.Parallel()

	j := given(t, spec(1), job.Assigned{Token: 4, Worker: "w1", Node: "n1", At: epoch})
	assert.Equal(t, job.Token(4), j.Token())
	assert.Equal(t, []string{"w1", "n1"}, []string{j.Worker(), j.Node()})
	assert.Equal(t, []string{"w1"}, j.Avoid())
	assert.False(t, j.Queued())

	j = job.Evolve(j, job.AttemptEnded{Token: 4, Result: lostResult, Wait: time.Second})
	assert.Equal(t, []string{"", ""}, []string{j.Worker(), j.Node()})
	assert.Equal(t, []string{"w1"}, j.Avoid())
	assert.True(t, j.Queued())
}

func TestAnIDIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		want := job.ID{
			Run:   job.RunID(rapid.StringMatching(`[0-9A-Za-z-]{1,26}`).Draw(t, "run")),
			Index: rapid.Uint32().Draw(t, "index"),
		}
		if got, err := job.ParseID(want.String()); err != nil || got != want {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
	})
}

func TestWhatIsNoIDIsRefused(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"", "01J", ".7", "01J.", "01J.x", "01J.-1", "01J.7.3", "01J.4294967296"} {
		_, err := job.ParseID(s)
		require.ErrorIs(t, err, job.ErrBadID, s)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("01J.7")
	f.Add("..")
	f.Add("a.+1")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := job.ParseID(s)
		if err != nil {
			require.ErrorIs(t, err, job.ErrBadID)
			return
		}
		again, err := job.ParseID(got.String())
		require.NoError(t, err)
		assert.Equal(t, got, again)
	})
}

func TestStatesAndCausesReadAsUsersKnowThem(t *testing.T) {
	t.Parallel()

	for s, want := range map[job.State]string{
		job.Unknown: "UNKNOWN", job.Pending: "PENDING", job.Running: "RUNNING", job.Success: "SUCCESS",
		job.Failed: "FAILED", job.Cancelled: "CANCELLED", 6: "STATE(6)",
	} {
		assert.Equal(t, want, s.String())
	}
	for c, want := range map[job.Cause]string{
		job.CauseNone: "", job.CauseRequested: "requested", job.CauseFailFast: "fail-fast", job.CauseNeeds: "skipped",
		job.CauseExpired: "expired", job.CausePoison: "poison", job.CauseCondition: "condition",
		job.CauseExpression: "expression", 8: "cause(8)",
	} {
		assert.Equal(t, want, c.String())
	}
}

// TestAJobGoesForwardOnly holds the whole table of transitions, so that adding
// one is a decision.
func TestAJobGoesForwardOnly(t *testing.T) {
	t.Parallel()

	allowed := map[job.State][]job.State{
		job.Unknown: {job.Pending},
		job.Pending: {job.Running, job.Failed, job.Cancelled},
		job.Running: {job.Running, job.Success, job.Failed, job.Cancelled},
	}
	for from := job.Unknown; from <= job.Cancelled; from++ {
		for to := job.Unknown; to <= job.Cancelled; to++ {
			assert.Equal(t, slices.Contains(allowed[from], to), from.May(to), "%s to %s", from, to)
		}
		assert.Equal(t, from >= job.Success, from.Final(), "%s", from)
	}
	assert.False(t, job.State(math.MaxUint8).May(job.Pending), "a state nobody knows leads nowhere")
}

func TestAJobAvoidsTheWorkersOfItsAttempts(t *testing.T) {
	t.Parallel()

	var j job.Job
	for i := range 20 {
		j.Attempts = append(j.Attempts, job.Attempt{Worker: "w" + string(rune('a'+i/2))})
	}
	assert.Equal(t, []string{"wj", "wi", "wh", "wg", "wf", "we", "wd", "wc"}, j.Avoid(), "the newest, each once, not all")
}
