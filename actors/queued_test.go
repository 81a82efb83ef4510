package actors_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/retry"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// hasActor reports whether a run's first job has an actor.
func hasActor(n *testkit.Node, id string) bool {
	_, there := n.System.ProcessRegistry.GetLocal(jobPID(n, id, 0).GetId())
	return there
}

// A queue may be long, so what waits in it must cost little: also when it has been
// replayed, and when the coordinator has been told of it again.
func TestAJobThatWaitsHasNoActor(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		id := submit(t, n, workflow(aJob("a"), aJob("b", 0)))
		elapse(time.Second)
		require.False(t, hasActor(n, id), "it was submitted")
		n.Stop()

		var r testkit.Restarts
		n = y.StartNode(brittle(&r))
		elapse(time.Second)
		require.False(t, hasActor(n, id), "it was replayed")
		crash(n, "yardmaster/coordinator")
		elapse(time.Second)
		require.Equal(t, 1, r.Of("/coordinator"))
		require.False(t, hasActor(n, id), "the coordinator was told again")

		y.StartWorker("w1", testkit.NewExecutor(testkit.Take(time.Minute)))
		elapse(10 * time.Second)
		require.True(t, hasActor(n, id), "it has a worker")
		require.Equal(t, success, await(t, n, id).State)
	})
}

// The actor of a job crashes while it waits for the end of a pause, of which only
// its timer would have told.
func TestAPauseEndsAlthoughTheActorOfItsJobCrashed(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(brittle(&r))
		y.StartWorker("w1", testkit.NewExecutor(
			func(_ context.Context, task attempt.Task, _ attempt.Observer) job.Result {
				if task.Attempt == 1 {
					return testkit.Failure(1)
				}
				return job.Result{Outcome: job.OutcomeSucceeded}
			}))
		j := aJob("a")
		j.Retry = retry.Policy{MaxAttempts: 2, Delay: time.Minute}
		id := submit(t, n, workflow(j))
		elapse(10 * time.Second)
		crash(n, jobPID(n, id, 0).GetId())
		elapse(5 * time.Minute)
		require.Equal(t, 1, r.Of("/jobs/*"))
		require.Equal(t, success, get(t, n, id).State)
	})
}

// The word that a job waits may be late, when the job is over. It is assigned, and
// its actor, which would only end, says so.
func TestALateWordOfAJobThatIsOverTakesNoSlot(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), func(c *actors.WorkerConfig) { c.Slots = 1 })
		over := submit(t, n, workflow(aJob("a")))
		require.Equal(t, success, await(t, n, over).State)
		n.System.Root.Send(n.PID("yardmaster/coordinator"),
			&messages.JobQueued{RunId: over, BoundNanos: int64(time.Hour)})
		elapse(time.Second)
		id := submit(t, n, workflow(aJob("a")))
		elapse(time.Minute)
		require.Equal(t, success, get(t, n, id).State)
	})
}
