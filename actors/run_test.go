package actors_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/plan"
	"yardmaster/domain/retry"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

func TestASubmittedRunSucceeds(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Succeed)
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("build")))

		r := await(t, n, id)
		require.Equal(t, success, r.State)
		require.Equal(t, "alice", r.Principal)
		require.Equal(t, []string{id + ".0.1"}, e.Begun())
		require.Len(t, r.Jobs[0].Attempts, 1)
		require.Equal(t, "w1", r.Jobs[0].Attempts[0].WorkerId)
		info, err := n.Backend().Info(t.Context())
		require.NoError(t, err)
		require.Zero(t, info.Queued)
		require.Zero(t, info.Running)
		require.Equal(t, uint32(1), info.Workers)
	})
}

func TestJobsRunInTheOrderOfTheirNeeds(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Second))
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("pack", 1, 2), aJob("build", 2), aJob("fetch")))

		require.Equal(t, success, await(t, n, id).State)
		require.Equal(t, []string{id + ".2.1", id + ".1.1", id + ".0.1"}, e.Begun())
	})
}

func TestAMatrixRunsNoMoreJobsThanMaxParallel(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Second))
		y.StartWorker("w1", e)
		y.StartWorker("w2", e)
		w := workflow()
		w.Groups = []plan.Group{{MaxParallel: 2}}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			w.Jobs = append(w.Jobs, inGroup(aJob(key)))
		}

		require.Equal(t, success, await(t, n, submit(t, n, w)).State)
		require.Equal(t, 2, e.Most())
		require.Len(t, e.Begun(), 5)
	})
}

// One cell fails: of its neighbours, the one that runs is cancelled, and so is
// the one that waits, and what needs the matrix is skipped.
func TestAFailedCellStopsItsMatrix(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		hands := testkit.NewHands()
		n, e := y.StartNode(), testkit.NewExecutor(hands.Script)
		y.StartWorker("w1", e)
		w := workflow(inGroup(aJob("a")), inGroup(aJob("b")), inGroup(aJob("c")), aJob("after", 0, 1, 2))
		w.Groups = []plan.Group{{FailFast: true}}
		id := submit(t, n, w)
		elapse(time.Second)
		require.Len(t, e.Running(), 2)
		failing := e.Running()[0]

		hands.End(failing, testkit.Failure(3))
		r := await(t, n, id)
		assert.Equal(t, failed, r.State)
		assert.ElementsMatch(t, []messages.JobState{failed, cancelled, cancelled, cancelled}, states(r))
		assert.Equal(t, messages.Cause_CAUSE_NEEDS, r.Jobs[3].Cause)
		assert.Equal(t, 2, e.Most())
	})
}

func TestWhatNeedsAFailedJobIsSkippedToTheEnd(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{"a": testkit.Fail}))
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a"), aJob("b", 0), aJob("c", 1), aJob("d", 2), aJob("other")))

		r := await(t, n, id)
		require.Equal(t, failed, r.State)
		require.Equal(t, []messages.JobState{failed, cancelled, cancelled, cancelled, success}, states(r))
		require.Equal(t, "needs c, which did not succeed", r.Jobs[3].Reason)
		require.Len(t, e.Begun(), 2)
	})
}

func TestAJobThatMayFailBreaksNothing(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{"a": testkit.Fail}))
		y.StartWorker("w1", e)
		may := aJob("a")
		may.ContinueOnError = true
		r := await(t, n, submit(t, n, workflow(may, aJob("b", 0))))
		require.Equal(t, success, r.State)
		require.Equal(t, []messages.JobState{failed, success}, states(r))
	})
}

func TestAJobIsTriedAsOftenAsItsFileAsks(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Fail)
		y.StartWorker("w1", e)
		j := aJob("flaky")
		j.Retry = retry.Policy{MaxAttempts: 3, Delay: 10 * time.Second, Factor: 2}
		id := submit(t, n, workflow(j))
		elapse(5 * time.Second)
		require.Equal(t, running, get(t, n, id).State)
		require.Len(t, e.Begun(), 1, "it pauses")

		r := await(t, n, id)
		require.Equal(t, failed, r.State)
		require.Equal(t, []string{id + ".0.1", id + ".0.2", id + ".0.3"}, e.Begun())
	})
}

func TestAJobGoesOnlyToAWorkerWithItsLabels(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		plain, gpu := testkit.NewExecutor(testkit.Succeed), testkit.NewExecutor(testkit.Succeed)
		y.StartWorker("w1", plain)
		j := aJob("train")
		j.RunsOn = []string{"gpu"}
		id := submit(t, n, workflow(j))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, n, id).State)

		y.StartWorker("w2", gpu, withLabels("linux", "gpu"))
		require.Equal(t, success, await(t, n, id).State)
		require.Empty(t, plain.Begun())
	})
}

func TestAJobThatWaitsTooLongFails(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		id := submit(t, n, workflow(aJob("a")))
		elapse(24*time.Hour + 10*time.Minute)
		r := get(t, n, id)
		require.Equal(t, failed, r.State)
		require.Equal(t, messages.Cause_CAUSE_EXPIRED, r.Jobs[0].Cause)
	})
}

// A worker that never ends an attempt, whatever its timeout says, loses it.
func TestAnAttemptThatOutlivesItsBoundIsGivenUp(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(24*time.Hour))
		y.StartWorker("w1", e)
		j := aJob("endless")
		j.Timeout = time.Minute
		id := submit(t, n, workflow(j))
		elapse(2*time.Minute + attempt.TidyUp - time.Second)
		require.Len(t, e.Begun(), 1)
		elapse(20 * time.Second)
		r := get(t, n, id)
		require.Equal(t, running, r.State)
		require.Greater(t, len(r.Jobs[0].Attempts), 1)
		require.Contains(t, r.Jobs[0].Attempts[0].Reason, "it took longer than 7m0s")
		require.Len(t, e.Running(), 1, "the first was dropped")
	})
}

// A node that finds a running attempt counts its time from its assignment.
func TestAnAttemptDoesNotGetItsTimeAnewFromANewNode(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(24*time.Hour))
		y.StartWorker("w1", e)
		j := aJob("endless")
		j.Timeout = 9*time.Minute - attempt.TidyUp
		id := submit(t, n, workflow(j))
		elapse(8 * time.Minute)
		n.Stop()
		n = y.StartNode()
		elapse(time.Minute)
		require.Len(t, get(t, n, id).Jobs[0].Attempts, 1)
		elapse(2 * time.Minute)
		r := get(t, n, id)
		require.Greater(t, len(r.Jobs[0].Attempts), 1)
		require.Contains(t, r.Jobs[0].Attempts[0].Reason, "it took longer than 10m0s")
	})
}
