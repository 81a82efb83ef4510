package actors_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// grouped returns a workflow of one job in a concurrency group.
func grouped(c plan.Concurrency) *plan.Workflow {
	w := workflow(aJob("deploy"))
	w.Concurrency = c
	return w
}

func TestRunsOfAGroupTakeTurns(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Minute))
		y.StartWorker("w1", e)
		y.StartWorker("w2", e)
		var ids []string
		for range 4 {
			ids = append(ids, submit(t, n, grouped(plan.Concurrency{Group: "deploy", KeepAll: true})))
		}
		elapse(time.Second)
		require.Equal(t, []string{ids[0] + ".0.1"}, e.Begun())
		assert.Equal(t, ids[0], get(t, n, ids[3]).WaitsFor)
		assert.Empty(t, get(t, n, ids[0]).WaitsFor)
		why, err := n.Backend().Explain(t.Context(), ids[2], 0)
		require.NoError(t, err)
		assert.Equal(t, "its run waits for run "+ids[0]+`: of the concurrency group "deploy" one goes on at a time`,
			why.Reasons[0])

		require.NoError(t, n.Backend().Cancel(t.Context(), &messages.CancelRunRequest{RunId: ids[1]}, "bob"))
		require.Equal(t, cancelled, await(t, n, ids[1]).State, "one that waits")
		for _, id := range []string{ids[0], ids[2], ids[3]} {
			require.Equal(t, success, await(t, n, id).State)
		}
		require.Equal(t, 1, e.Most())
	})
}

func TestOnlyTheNewestThatWaitsIsKept(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Minute))
		y.StartWorker("w1", e)
		var ids []string
		for range 3 {
			ids = append(ids, submit(t, n, grouped(plan.Concurrency{Group: "deploy"})))
			elapse(time.Second)
		}
		r := await(t, n, ids[1])
		require.Equal(t, cancelled, r.State)
		assert.Equal(t, "run "+ids[2]+` of the concurrency group "deploy" takes its place`, r.Reason)
		require.Equal(t, success, await(t, n, ids[0]).State)
		require.Equal(t, success, await(t, n, ids[2]).State)
	})
}

func TestARunMayCancelTheOneBefore(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Hour))
		y.StartWorker("w1", e)
		c := plan.Concurrency{Group: "ci", CancelInProgress: true}
		first := submit(t, n, grouped(c))
		elapse(time.Second)
		second := submit(t, n, grouped(c))
		require.Equal(t, cancelled, await(t, n, first).State)
		elapse(time.Second)
		require.Equal(t, running, get(t, n, second).State)
	})
}

// The node dies when the run before is about to be cancelled, or when it has ended
// and nobody knows whose turn it is.
func TestTurnsAreKeptOverARestart(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		hands := testkit.NewHands()
		n, e := y.StartNode(), testkit.NewExecutor(hands.Script)
		y.StartWorker("w1", e)
		first := submit(t, n, grouped(plan.Concurrency{Group: "ci", KeepAll: true}))
		elapse(time.Second)
		second := submit(t, n, grouped(plan.Concurrency{Group: "ci", KeepAll: true}))
		n.Kill()
		n = y.StartNode()
		elapse(time.Minute)
		require.Equal(t, first, get(t, n, second).WaitsFor)
		require.Len(t, e.Begun(), 1)
		third := submit(t, n, grouped(plan.Concurrency{Group: "ci", CancelInProgress: true}))
		n.Kill()
		n = y.StartNode()
		for _, id := range []string{first, second} {
			require.Equal(t, cancelled, await(t, n, id).State)
		}
		elapse(time.Minute)
		require.Equal(t, running, get(t, n, third).State)
		hands.End(third+".0.1", job.Result{Outcome: job.OutcomeSucceeded})
		require.Equal(t, success, await(t, n, third).State)
	})
}
