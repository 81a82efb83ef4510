package actors_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/project"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// again tries a run again.
func again(t testing.TB, n *testkit.Node, id, key string, failedOnly bool) (*messages.RetryRunResponse, error) {
	t.Helper()
	return n.Backend().Retry(t.Context(), &messages.RetryRunRequest{
		RunId: id, FailedOnly: failedOnly, IdempotencyKey: key,
	}, "bob", "")
}

// breaking is a script by which the job "test" fails as long as broken says, and
// all others succeed. Each writes the name of its run.
func breaking(broken *bool) testkit.Script {
	return func(c ctx, task task, out observer) result {
		r := writing("log of "+task.Job.String()+"\n")(c, task, out)
		if task.Spec.Key == "test" && *broken {
			failure := testkit.Failure(1)
			failure.Log = r.Log
			return failure
		}
		return r
	}
}

// diamond is a workflow whose job "test" stands in the middle.
func diamond() *plan.Workflow {
	return workflow(aJob("build"), aJob("lint"), aJob("test", 0), aJob("ship", 1, 2))
}

func TestOnlyWhatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		broken := true
		n, e := y.StartNode(), testkit.NewExecutor(breaking(&broken))
		y.StartWorker("w1", e)
		runs, err := within(t, n, "web", diamond(), "k")
		require.NoError(t, err)
		first := runs[0].RunId
		require.Equal(t, []messages.JobState{success, success, failed, cancelled}, states(await(t, n, first)))

		second, err := again(t, n, first, "", true)
		require.NoError(t, err)
		require.EqualValues(t, 2, second.Reused)
		require.Equal(t, []messages.JobState{success, success, failed, cancelled}, states(await(t, n, second.Run.RunId)))

		broken = false
		n.Stop()
		n = y.StartNode()
		third, err := again(t, n, second.Run.RunId, "", true)
		require.NoError(t, err)
		r := await(t, n, third.Run.RunId)
		require.Equal(t, success, r.State)
		require.Equal(t, "web", r.Project)
		require.Equal(t, "bob", r.Principal)
		require.Equal(t, second.Run.RunId, r.RetryOf)
		require.Equal(t, "taken over from run "+second.Run.RunId, r.Jobs[0].Reason)
		require.Empty(t, r.Jobs[0].Attempts)
		require.ElementsMatch(t, []string{
			first + ".0.1", first + ".1.1", first + ".2.1", second.Run.RunId + ".2.1",
			third.Run.RunId + ".2.1", third.Run.RunId + ".3.1",
		}, e.Begun(), "what succeeded was not run again")

		why, err := n.Backend().Explain(t.Context(), third.Run.RunId, 0)
		require.NoError(t, err)
		require.Equal(t, []string{"it ended: SUCCESS: taken over from run " + second.Run.RunId}, why.Reasons)
		text, end := readLog(t, n, third.Run.RunId, false)
		require.Equal(t, "log of "+first+".0\n", text, "the log of where it was run, two runs before")
		require.True(t, end.Complete)
	})
}

func TestAWholeRunIsTriedAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Succeed)
		y.StartWorker("w1", e)
		first := submit(t, n, diamond())
		await(t, n, first)
		_, err := again(t, n, first, "", true)
		p := problemOf(t, err, problem.Refused)
		require.Contains(t, p.Message, "no job of run "+first+" failed")

		second, err := again(t, n, first, "", false)
		require.NoError(t, err)
		require.Zero(t, second.Reused)
		r := await(t, n, second.Run.RunId)
		require.Equal(t, success, r.State)
		require.Equal(t, first, r.RetryOf)
		require.Len(t, e.Begun(), 8)
	})
}

// A matrix that one failed cell stopped: the cells that were cancelled with it, and
// those that never began, run again.
func TestCellsThatWereCancelledRunAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		broken := true
		e := testkit.NewExecutor(func(c ctx, task task, out observer) result {
			switch {
			case task.Spec.Key == "slow" && broken:
				return testkit.Take(time.Hour)(c, task, out)
			case task.Spec.Key == "test" && broken:
				return testkit.Failure(1)
			}
			return testkit.Succeed(c, task, out)
		})
		n := y.StartNode()
		y.StartWorker("w1", e)
		w := workflow(inGroup(aJob("quick")), inGroup(aJob("slow")), inGroup(aJob("test")), inGroup(aJob("late")))
		w.Groups = []plan.Group{{FailFast: true, MaxParallel: 2}}
		first := submit(t, n, w)
		require.Equal(t, []messages.JobState{success, cancelled, failed, cancelled}, states(await(t, n, first)))
		broken = false
		second, err := again(t, n, first, "", true)
		require.NoError(t, err)
		require.EqualValues(t, 1, second.Reused)
		require.Equal(t, success, await(t, n, second.Run.RunId).State)
		require.ElementsMatch(t, []string{
			first + ".0.1", first + ".1.1", first + ".2.1", second.Run.RunId + ".1.1",
			second.Run.RunId + ".2.1", second.Run.RunId + ".3.1",
		}, e.Begun())
	})
}

func TestARetryIsRefusedInWords(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.Partitions, c.KeepRuns = 1, 0 })
		id := submit(t, n, workflow(aJob("a")))
		for _, failedOnly := range []bool{true, false} {
			_, err := again(t, n, id, "", failedOnly)
			require.Contains(t, problemOf(t, err, problem.Refused).Message, "is still PENDING")
		}
		_, err := again(t, n, "01K00000000000000000000000", "", false)
		require.Contains(t, problemOf(t, err, problem.NotFound).Message, "not kept any more")
		require.NoError(t, cancel(t, n, id, ""))
		elapse(time.Second)
		_, err = again(t, n, submit(t, n, workflow(aJob("b"))), "", true)
		requireProblem(t, err, problem.Refused)
	})
}

func TestARetryUnderAKeyIsOneRun(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		broken := true
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(breaking(&broken)))
		runs, err := keyed(t, n, diamond(), 1, "k")
		require.NoError(t, err)
		first := runs[0].RunId
		await(t, n, first)

		once, err := again(t, n, first, "r", true)
		require.NoError(t, err)
		require.False(t, once.Run.Existing)
		await(t, n, once.Run.RunId)
		n.Stop()
		n = y.StartNode()
		twice, err := again(t, n, first, "r", true)
		require.NoError(t, err)
		require.Equal(t, once.Run.RunId, twice.Run.RunId)
		require.True(t, twice.Run.Existing)
		require.Equal(t, once.Reused, twice.Reused)

		_, err = again(t, n, first, "k", true)
		p := problemOf(t, err, problem.Conflict)
		require.Contains(t, p.Message, first+" of something else than this retry", "not the run itself")
		_, err = again(t, n, first, "r", false)
		requireProblem(t, err, problem.Conflict)
		_, err = again(t, n, once.Run.RunId, "r", true)
		requireProblem(t, err, problem.Conflict)
		_, err = keyed(t, n, diamond(), 1, "r")
		requireProblem(t, err, problem.Conflict)
	})
}

// Only what will run again counts against what may wait.
func TestARetryTakesRoomForWhatItRuns(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		broken := true
		n := y.StartNode(withProjects(project.Limits{Queued: 4}, nil))
		w := y.StartWorker("w1", testkit.NewExecutor(breaking(&broken)))
		first := submit(t, n, diamond())
		await(t, n, first)
		w.Stop()
		elapse(5 * time.Minute) // until it is forgotten
		for range 2 {
			_, err := again(t, n, first, "", true)
			require.NoError(t, err)
		}
		requireWaiting(t, n, project.Default, 4)
		require.EqualValues(t, 4, n.Metrics.Jobs()[job.Pending])
		_, err := again(t, n, first, "", true)
		requireProblem(t, err, problem.Exhausted)
	})
}

func TestTheLogOfARunThatIsGoneIsSaidToBeGone(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		broken := true
		n := y.StartNode(func(c *actors.Config) { c.Partitions, c.KeepRuns = 1, 1 })
		y.StartWorker("w1", testkit.NewExecutor(breaking(&broken)))
		first := submit(t, n, diamond())
		await(t, n, first)
		second, err := again(t, n, first, "", true)
		require.NoError(t, err)
		await(t, n, second.Run.RunId)
		third := submit(t, n, workflow(aJob("a"))) // of two ended runs the older one is let go of
		await(t, n, third)
		err = n.Backend().ReadLog(t.Context(), &messages.ReadLogRequest{RunId: second.Run.RunId},
			func(*messages.ReadLogResponse) error { return nil })
		p := problemOf(t, err, problem.NotFound)
		assert.Equal(t, "job build was taken over from run "+first+", which is not kept any more, nor is its log", p.Message)
	})
}
