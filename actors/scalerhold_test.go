package actors_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
	"yardmaster/internal/testkit"
)

// holds holds a worker back in somebody's name, or ends that, and returns how many
// attempts it has.
func holds(t testing.TB, n *testkit.Node, p *testkit.Probe, id worker.ID, who string, held bool) int {
	t.Helper()
	require.NoError(t, actors.Hold(n.Node, id, who, held, p.PID))
	elapse(time.Second)
	h := actors.HeldOf(p.Take())
	require.Len(t, h, 1)
	return h[0]
}

func probe(t testing.TB, n *testkit.Node) *testkit.Probe {
	t.Helper()
	p, err := testkit.NewProbe(n.System, "scaler")
	require.NoError(t, err)
	return p
}

func TestAnOperatorsDrainIsNotTheScalers(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		p := probe(t, s.n)
		mustChange(t, s.n, holdBack("w1", true))
		require.Equal(t, 1, holds(t, s.n, p, "w1", "autoscaler", true), "it holds an attempt")
		holds(t, s.n, p, "w1", "autoscaler", false)
		require.Equal(t, draining, theWorker(t, s.n, "w1").State, "it was somebody else's wish")
		require.Equal(t, "held back: its disk is old", theWorker(t, s.n, "w1").Reason)
		mustChange(t, s.n, holdBack("w1", false))
		require.Equal(t, isRunning, theWorker(t, s.n, "w1").State)

		holds(t, s.n, p, "w1", "autoscaler", true)
		m, _ := s.n.Roster().Member("w1")
		require.Equal(t, "autoscaler", m.HeldBackBy)
		require.Equal(t, "held back: a test", theWorker(t, s.n, "w1").Reason)
		holds(t, s.n, p, "w1", "autoscaler", false)
		require.Equal(t, isRunning, theWorker(t, s.n, "w1").State)
		require.Equal(t, []string{
			"AVAILABLE by w1: it registered", "DRAINING by ann: held back: its disk is old",
			"AVAILABLE by ann: resumed: its disk is old", "DRAINING by autoscaler: held back: a test",
			"AVAILABLE by autoscaler: resumed: a test",
		}, history(t, s.n, "w1"))
	})
}

// Its wish stands in the journal: also a node that is started anew, and a worker
// that comes only then, know of it.
func TestAWorkerCanBeHeldBackBeforeItIsThere(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		p := probe(t, n)
		for range 40 { // for longer than a lease
			require.Zero(t, holds(t, n, p, "w1", "autoscaler", true))
		}
		require.Empty(t, n.Roster().Members(), "there is no such worker, as far as anybody knows")
		require.Len(t, history(t, n, "w1"), 1, "what holds already is not stored again")
		n.Kill()
		n = y.StartNode()
		p = probe(t, n)
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		id := submit(t, n, workflow(aJob("a")))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, n, id).GetState(), "it is given nothing")
		m, _ := n.Roster().Member("w1")
		require.Equal(t, "autoscaler", m.HeldBackBy)
		holds(t, n, p, "w1", "autoscaler", false)
		require.Equal(t, success, await(t, n, id).GetState())
	})
}

// Of a node that has just started, neither the worker nor its session says what it
// has: what is stored does.
func TestAHoldDoesNotKeepTheAttemptsOfAWorkerThatIsGone(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.n.Kill()
		s.w.Kill()
		n := y.StartNode()
		p := probe(t, n)
		require.Equal(t, 1, holds(t, n, p, "w1", "autoscaler", true), "while it could come back")
		for range 30 {
			holds(t, n, p, "w1", "autoscaler", true)
		}
		require.Contains(t, get(t, n, s.id).GetJobs()[0].GetAttempts()[0].GetReason(), "was not heard of")
		require.Zero(t, holds(t, n, p, "w1", "autoscaler", true))
	})
}

// What the scaler wanted of a worker ends with its machine: what somebody wants of
// workers that are gone is kept for long, and these are many.
func TestNothingIsWantedOfAWorkerWhoseMachineWasRemoved(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Succeed) // it does not say goodbye
		n := y.StartNode(scaling(p, smallClass()))
		once(t, await(t, n, submit(t, n, jobsOf(1, "linux"))))
		elapse(3 * time.Minute)
		require.Len(t, p.Removed(), 1)
		w := theWorker(t, n, p.Removed()[0])
		require.Equal(t, workerGone, w.State)
		require.False(t, w.HeldBack)
		require.Zero(t, n.Metrics.Unreachable(), "nobody is alarmed")
		h := history(t, n, p.Removed()[0])
		require.Contains(t, h, "DRAINING by autoscaler: held back: "+
			"the autoscaler drains it: fewer workers of class small are enough")
		require.Equal(t, "GONE by autoscaler: its machine was removed", h[len(h)-1])
	})
}

func TestAWorkerIsStartedForWhatItsPoolAndResourcesServe(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Take(time.Minute))
		small, big := smallClass(), smallClass()
		big.Name, big.Pool, big.Cost = "big", "trusted", 9
		big.Resources = resource.Amount{CPU: 2 * resource.Core, Memory: 4 << 30}
		n := y.StartNode(scaling(p, small, big), func(c *actors.Config) { c.Projects.Others.Pool = "trusted" })
		demanding := jobsOf(1, "linux")
		demanding.Jobs[0].Resources = resource.Amount{CPU: 2 * resource.Core}
		once(t, await(t, n, submit(t, n, demanding)))
		require.Len(t, p.Launched(), 1)
		require.Contains(t, p.Launched()[0], "big-")
		demanding.Jobs[0].Resources.CPU++
		submit(t, n, demanding)
		elapse(time.Minute)
		require.Len(t, p.Launched(), 1, "no class is large enough")
	})
}

// Jobs that a limit of their project holds back would be given no worker.
func TestNoWorkerIsStartedForWhatALimitHoldsBack(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Take(10*time.Minute))
		n := y.StartNode(scaling(p, smallClass()), func(c *actors.Config) {
			c.Projects.Others = project.Limits{Running: 2}
		})
		id := submit(t, n, jobsOf(10, "linux"))
		elapse(5 * time.Minute)
		require.Equal(t, running, get(t, n, id).State)
		require.Len(t, p.Launched(), 1, "it has two slots")
	})
}

// Attempts of workers that were there before the node, and did not come back yet,
// count: their slots are needed.
func TestWhatRunsElsewhereIsDemandedStill(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.n.Kill()
		s.w.Kill()
		n := y.StartNode()
		elapse(time.Second)
		d := actors.Demands(n.Node)
		require.Len(t, d, 1)
		require.Equal(t, 1, d[0].Held)
		require.Zero(t, d[0].Waiting)
	})
}
