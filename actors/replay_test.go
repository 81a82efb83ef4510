package actors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/retry"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// A node dies after k appends, for every k that a small scenario has, and a new
// one is started on the same journal while the worker lives on. No acknowledged
// run is lost, no attempt is begun twice, and every log is whole.
func TestANodeMayDieAfterAnyAppend(t *testing.T) {
	t.Parallel()
	total := scenario(t, -1)
	require.Greater(t, total, 8)
	for k := range total + 1 {
		t.Run(fmt.Sprintf("after %d appends", k), func(t *testing.T) {
			t.Parallel()
			scenario(t, k)
		})
	}
}

// scenario runs three jobs, one of which fails once, with a node that dies after
// k appends, or never if k is negative. It returns how many appends there were.
func scenario(t *testing.T, k int) (appends int) {
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		one := func(c *actors.Config) { c.Partitions = 1 }
		flaky := aJob("flaky", 0)
		flaky.Retry = retry.Policy{MaxAttempts: 2}
		w := workflow(aJob("a"), flaky, aJob("c", 1))
		n := y.StartNode(one)
		tries := testkit.Fail
		e := testkit.NewExecutor(func(c ctx, task task, out observer) result {
			if task.Spec.Key == "flaky" && task.Attempt == 1 {
				return tries(c, task, out)
			}
			return slowly(time.Second, "x\n", "y\n")(c, task, out)
		})
		y.StartWorker("w1", e)
		elapse(time.Millisecond)
		if k >= 0 {
			y.Disk.Break(k)
		}
		c, stop := withTimeout(t, time.Second)
		defer stop()
		runs, err := n.Backend().Submit(c, actors.Submission{Plan: w, Keys: []string{"key"}, Principal: "alice"})
		elapse(1500 * time.Millisecond)
		if k >= 0 {
			n.Kill()
			y.Disk.Judge(nil)
			n = y.StartNode(one)
		}
		if err != nil {
			runs, err = n.Backend().Submit(t.Context(), actors.Submission{Plan: w, Keys: []string{"key"}, Principal: "alice"})
			require.NoError(t, err)
		}
		id := runs[0].RunId
		r := await(t, n, id)
		assert.Equal(t, []messages.JobState{success, success, success}, states(r), "%v", r)
		seen := map[string]int{}
		for _, name := range e.Begun() {
			seen[name]++
			assert.Equal(t, 1, seen[name], "%s was begun twice", name)
		}
		text, end := readLog(t, n, id, false)
		assert.Equal(t, "x\ny\n", text)
		assert.True(t, end.GetComplete())
		appends = y.Disk.Appends()
	})
	return appends
}

func TestEndedRunsAreReadAfterARestartAndFromASnapshot(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(writing("hello")))
		done := submit(t, n, workflow(aJob("a"), aJob("b", 0)))
		want := await(t, n, done)
		waits := aJob("c")
		waits.RunsOn = []string{"gpu"}
		live := submit(t, n, workflow(waits))
		elapse(time.Second)
		require.NoError(t, n.Compact(t.Context()))
		require.Empty(t, y.Disk.Events(0))
		more := submit(t, n, workflow(waits))
		n.Stop()

		n = y.StartNode()
		require.Equal(t, want.String(), get(t, n, done).String())
		require.Equal(t, pending, get(t, n, live).State)
		require.Equal(t, pending, get(t, n, more).State)
		text, end := readLog(t, n, done, true)
		require.Equal(t, "hello", text)
		require.True(t, end.Complete)
		require.Equal(t, int64(2), n.Metrics.Jobs()[2-1])
		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed), withLabels("gpu"))
		require.Equal(t, success, await(t, n, live).State)
		require.Equal(t, success, await(t, n, more).State)
	})
}

// A cancel that was stored is obeyed by the next node, for the job that runs and
// for those that were never released.
func TestACancelOutlivesItsNode(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Hour))
		w := y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a"), aJob("b", 0)))
		elapse(time.Second)
		w.Cut()
		require.NoError(t, cancel(t, n, id, ""))
		n.Kill()
		n = y.StartNode()
		w.Mend()
		require.Equal(t, cancelled, await(t, n, id).State)
		elapse(time.Minute)
		require.Empty(t, e.Running())
	})
}

// A job cannot store its assignment: its worker hears nothing of it, and the
// job goes on from what is stored.
func TestWhatIsNotStoredIsNotTold(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Succeed)
		id := submit(t, n, workflow(aJob("a")))
		y.StartWorker("w1", e)
		y.Disk.Judge(failing(func(kind string) bool { return kind == "assigned" }))
		elapse(500 * time.Millisecond)
		require.Empty(t, e.Begun())
		require.Equal(t, pending, get(t, n, id).State)
		y.Disk.Judge(nil)
		require.Equal(t, success, await(t, n, id).State)
		require.Len(t, e.Begun(), 1)
	})
}
