package actors_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

func cancel(t testing.TB, n *testkit.Node, id, key string) error {
	t.Helper()
	return n.Backend().Cancel(t.Context(), &messages.CancelRunRequest{RunId: id, JobKey: key}, "bob")
}

// requireProblem requires that err is a problem of that kind.
func requireProblem(t testing.TB, err error, kind problem.Kind) {
	t.Helper()
	_ = problemOf(t, err, kind) // it has checked all that is asked
}

// problemOf requires what requireProblem does and returns the problem.
func problemOf(t testing.TB, err error, kind problem.Kind) *problem.Problem {
	t.Helper()
	var p *problem.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, kind, p.Kind, p.Message)
	return p
}

func TestACancelledRunEndsItsJobs(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Hour))
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a"), aJob("b"), aJob("queued"), aJob("later", 0)))
		elapse(time.Second)
		require.Len(t, e.Running(), 2)

		require.NoError(t, cancel(t, n, id, ""))
		r := await(t, n, id)
		require.Equal(t, cancelled, r.State)
		require.Equal(t, "cancelled by bob", r.Reason)
		require.Equal(t, []messages.JobState{cancelled, cancelled, cancelled, cancelled}, states(r))
		require.Empty(t, e.Running())
		require.NoError(t, cancel(t, n, id, ""), "once more is no news")
	})
}

func TestARunThatIsBeingCancelledMayBeCancelledAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Hour))
		w := y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a")))
		elapse(time.Second)
		w.Cut()
		require.NoError(t, cancel(t, n, id, ""))
		require.NoError(t, cancel(t, n, id, ""))
		require.NoError(t, cancel(t, n, id, "a"))
		r := get(t, n, id)
		require.True(t, r.Cancelling)
		require.True(t, r.Jobs[0].Cancelling)

		elapse(time.Minute)
		require.Equal(t, cancelled, get(t, n, id).State, "it ends without its worker's word")
	})
}

func TestOneJobIsCancelled(t *testing.T) {
	t.Parallel()

	build := func(w *plan.Workflow) *plan.Workflow {
		w.Groups = []plan.Group{{MaxParallel: 1}}
		return w
	}
	tests := []struct {
		name string
		plan *plan.Workflow
		key  string
		ends []messages.JobState
	}{
		{
			name: "that runs", key: "a", plan: workflow(aJob("a"), aJob("b")),
			ends: []messages.JobState{cancelled, success},
		},
		{
			name: "that waits for a slot", key: "c", plan: workflow(aJob("a"), aJob("b"), aJob("c")),
			ends: []messages.JobState{success, success, cancelled},
		},
		{
			name: "that waits for another", key: "b", plan: workflow(aJob("a"), aJob("b", 0), aJob("c", 1)),
			ends: []messages.JobState{success, cancelled, cancelled},
		},
		{
			name: "that its matrix holds back", key: "b",
			plan: build(workflow(inGroup(aJob("a")), inGroup(aJob("b")), inGroup(aJob("c")))),
			ends: []messages.JobState{success, cancelled, success},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inYard(t, func(t *testing.T, y *testkit.Yard) {
				n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Minute))
				y.StartWorker("w1", e)
				id := submit(t, n, tt.plan)
				elapse(time.Second)
				require.NoError(t, cancel(t, n, id, tt.key))
				require.NoError(t, cancel(t, n, id, tt.key), "again")
				r := await(t, n, id)
				assert.Equal(t, tt.ends, states(r))
				assert.Equal(t, cancelled, r.State)
			})
		})
	}
}

func TestACancelThatCannotBeObeyedSaysWhy(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{"b": testkit.Take(time.Minute)})))
		id := submit(t, n, workflow(aJob("a"), aJob("b")))
		elapse(time.Second)

		requireProblem(t, cancel(t, n, "01NONE", ""), problem.NotFound)
		requireProblem(t, cancel(t, n, id, "nope"), problem.NotFound)
		p := problemOf(t, cancel(t, n, id, "a"), problem.Refused)
		require.Equal(t, "it has ended: SUCCESS", p.Message)

		require.Equal(t, success, await(t, n, id).State)
		requireProblem(t, cancel(t, n, id, ""), problem.Refused)
		requireProblem(t, cancel(t, n, id, "b"), problem.Refused)
	})
}

func TestACancelRightBehindTheAssignmentStopsTheAttempt(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Hour))
		y.StartWorker("w1", e)
		elapse(time.Second)
		for range 20 {
			id := submit(t, n, workflow(aJob("a")))
			require.NoError(t, cancel(t, n, id, "a"))
			elapse(2 * time.Second)
			require.Equal(t, cancelled, get(t, n, id).State)
			require.Empty(t, e.Running(), "%v %v", e.Begun(), get(t, n, id))
		}
	})
}

func cancelOf(id string) *messages.CancelRunRequest { return &messages.CancelRunRequest{RunId: id} }
