package actors_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/partition"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// keyed submits a plan under keys.
func keyed(t testing.TB, n *testkit.Node, w *plan.Workflow, digest byte, keys ...string,
) ([]*messages.SubmittedRun, error) {
	t.Helper()
	return n.Backend().Submit(t.Context(), actors.Submission{
		Plan: w, Digest: [32]byte{digest}, Keys: keys, Principal: "alice",
	})
}

func TestAKeyStandsForOneRun(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, w := y.StartNode(), workflow(aJob("a"))
		first, err := keyed(t, n, w, 1, "k1", "k2", "", "")
		require.NoError(t, err)
		require.Len(t, first, 4)
		again, err := keyed(t, n, w, 1, "k2", "k1")
		require.NoError(t, err)
		assert.Equal(t, first[1].RunId, again[0].RunId)
		assert.Equal(t, first[0].RunId, again[1].RunId)
		assert.True(t, again[0].Existing)
		assert.False(t, first[0].Existing)
		runs, err := n.Backend().ListRuns(t.Context(), &messages.ListRunsRequest{})
		require.NoError(t, err)
		assert.Len(t, runs, 4)
	})
}

func TestAKeyTwiceInOneSubmissionStandsForOneRun(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		runs, err := keyed(t, n, workflow(aJob("a")), 1, "k", "k", "k")
		require.NoError(t, err)
		require.Equal(t, runs[0].RunId, runs[1].RunId)
		require.Equal(t, runs[0].RunId, runs[2].RunId)
		require.True(t, runs[2].Existing)
	})
}

func TestAKeyUsedForAnotherFileIsAConflict(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		runs, err := keyed(t, n, workflow(aJob("a")), 1, "k")
		require.NoError(t, err)
		_, err = keyed(t, n, workflow(aJob("b")), 2, "k")
		p := problemOf(t, err, problem.Conflict)
		require.Contains(t, p.Message, runs[0].RunId)
	})
}

// Eight clients use two keys at once while the journal takes its time: none is
// answered before the run of its key is stored, and all get the same run.
func TestConcurrentSubmissionsOfAKeyGetOneRun(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.Partitions = 1 })
		y.Disk.Late(time.Second)
		began := time.Now()
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				runs, err := keyed(t, n, workflow(aJob("a")), 1, "k1", "k2")
				mu.Lock()
				defer mu.Unlock()
				if assert.NoError(t, err) {
					seen[runs[0].RunId+runs[1].RunId]++
				}
				assert.Equal(t, time.Second, time.Since(began), "answered when durable")
			})
		}
		wg.Wait()
		require.Len(t, seen, 1)
		runs, err := n.Backend().ListRuns(t.Context(), &messages.ListRunsRequest{})
		require.NoError(t, err)
		require.Len(t, runs, 2)
	})
}

func TestAConflictingSubmissionBesideAPendingOneIsRefused(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.Disk.Late(time.Second)
		var first error
		var wg sync.WaitGroup
		wg.Go(func() { _, first = keyed(t, n, workflow(aJob("a")), 1, "k") })
		elapse(time.Millisecond)
		_, err := keyed(t, n, workflow(aJob("a")), 2, "k")
		requireProblem(t, err, problem.Conflict)
		wg.Wait()
		require.NoError(t, first)
	})
}

func TestAKeyIsRememberedAcrossARestart(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, w := y.StartNode(), workflow(aJob("a"))
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		first, err := keyed(t, n, w, 1, "done", "k")
		require.NoError(t, err)
		await(t, n, first[0].RunId)
		n.Stop()

		n = y.StartNode()
		again, err := keyed(t, n, w, 1, "k", "done")
		require.NoError(t, err)
		require.Equal(t, first[0].RunId, again[1].RunId)
		require.Equal(t, first[1].RunId, again[0].RunId)
		_, err = keyed(t, n, w, 9, "k")
		requireProblem(t, err, problem.Conflict)
	})
}

func TestTheQueueHasALimit(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.QueueLimit = 4 })
		two := workflow(aJob("a"), aJob("b"))
		_, err := keyed(t, n, two, 1, "", "", "")
		requireProblem(t, err, problem.Invalid)
		_, err = keyed(t, n, two, 1, "", "")
		require.NoError(t, err)
		_, err = keyed(t, n, two, 1, "")
		require.Positive(t, problemOf(t, err, problem.Exhausted).RetryAfter)

		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		_, err = keyed(t, n, two, 1, "")
		require.NoError(t, err, "there is room again")
	})
}

func TestSubmissionsHaveARate(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.SubmitRate = 10 })
		burst := make([]string, 1000)
		_, err := keyed(t, n, workflow(aJob("a")), 1, burst...)
		require.NoError(t, err)
		_, err = keyed(t, n, workflow(aJob("a")), 1, "", "")
		p := problemOf(t, err, problem.Exhausted)
		require.Equal(t, 200*time.Millisecond, p.RetryAfter)
		elapse(p.RetryAfter)
		_, err = keyed(t, n, workflow(aJob("a")), 1, "", "")
		require.NoError(t, err)
	})
}

// gated is an opener that opens when it is told.
type gated struct {
	*testkit.Disk
	open chan struct{}
}

func (g gated) Open(ctx ctx, p partition.Number, snapshot, event func([]byte) error) (actors.Journal, error) {
	<-g.open
	return g.Disk.Open(ctx, p, snapshot, event)
}

func TestANodeThatIsNotReadySaysSo(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		g := gated{y.Disk, make(chan struct{})}
		time.AfterFunc(2*time.Minute, func() { close(g.open) })
		n, err := y.TryNode(func(c *actors.Config) { c.Opener = g })
		require.ErrorContains(t, err, "not ready")
		require.False(t, n.Ready())
		_, err = keyed(t, n, workflow(aJob("a")), 1, "")
		require.Positive(t, problemOf(t, err, problem.Unavailable).RetryAfter)
		b := n.Backend()
		_, err = b.GetRun(t.Context(), "01X")
		requireProblem(t, err, problem.Unavailable)
		_, err = b.ListRuns(t.Context(), &messages.ListRunsRequest{})
		requireProblem(t, err, problem.Unavailable)
		_, err = b.Explain(t.Context(), "01X", 0)
		requireProblem(t, err, problem.Unavailable)
		requireProblem(t, b.WatchRuns(t.Context(), "", nil), problem.Unavailable)
		requireProblem(t, b.ReadLog(t.Context(), &messages.ReadLogRequest{}, nil), problem.Unavailable)
		requireProblem(t, cancel(t, n, "01X", ""), problem.Unavailable)

		elapse(2 * time.Minute)
		require.True(t, n.Ready())
		_, err = keyed(t, n, workflow(aJob("a")), 1, "")
		require.NoError(t, err)
	})
}

func TestAClosedGateRefusesNewWorkAndLetsJobsGoOn(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Take(time.Minute)))
		id := submit(t, n, workflow(aJob("a"), aJob("b", 0)))
		n.CloseGate()
		_, err := keyed(t, n, workflow(aJob("a")), 1, "")
		requireProblem(t, err, problem.Unavailable)
		requireProblem(t, cancel(t, n, id, ""), problem.Unavailable)
		require.Equal(t, success, await(t, n, id).State)
	})
}

func TestAStoppedNodeAnswers(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		n.Stop()
		_, err := keyed(t, n, workflow(aJob("a")), 1, "")
		requireProblem(t, err, problem.Unavailable)
	})
}

func TestAnOverloadedJournalIsToldApart(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(func(c *actors.Config) { c.Hooks = r.Hooks() })
		y.Disk.Judge(func(partition.Number, [][]byte) error { return actors.ErrOverloaded })
		_, err := keyed(t, n, workflow(aJob("a")), 1, "k")
		require.Positive(t, problemOf(t, err, problem.Exhausted).RetryAfter)
		y.Disk.Judge(nil)
		runs, err := keyed(t, n, workflow(aJob("a")), 1, "k")
		require.NoError(t, err)
		require.False(t, runs[0].Existing)
		require.Zero(t, r.Of("owner"))
	})
}

// The append of a submission fails: its client is told, nothing of it can be
// seen, the partition is replayed, and takes submissions again.
func TestALostJournalIsReplayed(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(func(c *actors.Config) { c.Partitions, c.Hooks = 1, r.Hooks() })
		kept := submit(t, n, workflow(aJob("a")))
		y.Disk.Break(0)
		_, err := keyed(t, n, workflow(aJob("a")), 1, "k")
		requireProblem(t, err, problem.Unavailable)
		y.Disk.Judge(nil)
		elapse(time.Minute)
		require.Equal(t, 2, y.Disk.Opened())
		require.Equal(t, 1, r.Of("owner"))

		runs, err := keyed(t, n, workflow(aJob("a")), 1, "k")
		require.NoError(t, err)
		require.False(t, runs[0].Existing)
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		require.Equal(t, success, await(t, n, kept).State)
		require.Equal(t, success, await(t, n, runs[0].RunId).State)
	})
}

// Many submissions are under way when the journal is lost. Each is answered, and
// the partition is replayed once, not once for each.
func TestAJournalLostUnderManySubmissionsIsReplayedOnce(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(func(c *actors.Config) { c.Partitions, c.Hooks = 1, r.Hooks() })
		y.Disk.Late(time.Second)
		y.Disk.Break(3)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var ids []string
		for range 20 {
			wg.Go(func() {
				runs, err := keyed(t, n, workflow(aJob("a")), 1, "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					ids = append(ids, runs[0].RunId)
					return
				}
				var p *problem.Problem
				if assert.ErrorAs(t, err, &p) {
					assert.Equal(t, problem.Unavailable, p.Kind, p.Message)
				}
			})
		}
		wg.Wait()
		y.Disk.Judge(nil)
		y.Disk.Late(0)
		elapse(time.Minute)
		require.Equal(t, 1, r.Of("owner"))
		for _, id := range ids {
			get(t, n, id)
		}
		submit(t, n, workflow(aJob("a")))
	})
}

func TestAPlanThatCannotBecomeJobsIsNeverStored(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		bad := aJob("a")
		bad.Timeout = 0
		_, err := keyed(t, n, workflow(bad), 1, "k")
		requireProblem(t, err, problem.Invalid)
		require.Zero(t, y.Disk.Appends())
	})
}

func TestTheGatewayForgetsNothingWhenItCrashes(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(func(c *actors.Config) { c.Hooks = r.Hooks() })
		ctx, stop := withTimeout(t, time.Second)
		defer stop()
		_, err := n.Backend().Submit(ctx, actors.Submission{Keys: []string{""}}) // no plan: a defect of the caller
		require.Error(t, err)
		elapse(time.Minute)
		require.Equal(t, 1, r.Of("gateway"))
		submit(t, n, workflow(aJob("a")))
	})
}
