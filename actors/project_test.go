package actors_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/project"
	"yardmaster/domain/retry"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// within submits a plan to a project under keys.
func within(t testing.TB, n *testkit.Node, name string, w *plan.Workflow, keys ...string,
) ([]*messages.SubmittedRun, error) {
	t.Helper()
	return n.Backend().Submit(t.Context(), actors.Submission{
		Plan: w, Digest: [32]byte{1}, Keys: keys, Project: name, Principal: "alice",
	})
}

func withProjects(others project.Limits, by map[string]project.Limits) func(*actors.Config) {
	return func(c *actors.Config) { c.Projects = project.Set{Others: others, By: by} }
}

func requireWaiting(t testing.TB, n *testkit.Node, name string, want int64) {
	t.Helper()
	jobs, promised := n.Metrics.Waiting(name)
	require.Equal(t, want, jobs, name)
	require.Zero(t, promised)
}

func TestProjectsShareNoKeys(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, w := y.StartNode(func(c *actors.Config) { c.Partitions = 3 }), workflow(aJob("a"))
		ids := map[string]string{}
		for _, name := range []string{"", "web", "api"} {
			runs, err := within(t, n, name, w, "k")
			require.NoError(t, err)
			require.False(t, runs[0].Existing, name)
			ids[name] = runs[0].RunId
		}
		n.Stop()
		n = y.StartNode(func(c *actors.Config) { c.Partitions = 3 })
		for name, id := range ids {
			runs, err := within(t, n, name, w, "k")
			require.NoError(t, err)
			require.Equal(t, id, runs[0].RunId, name)
			require.True(t, runs[0].Existing, name)
		}
		runs, err := within(t, n, project.Default, w, "k")
		require.NoError(t, err)
		require.Equal(t, ids[""], runs[0].RunId, "no name and the default's are the same")
	})
}

func TestRunsAreListedByProject(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, w := y.StartNode(), workflow(aJob("a"))
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		web, err := within(t, n, "web", w, "", "")
		require.NoError(t, err)
		other, err := within(t, n, "", w, "")
		require.NoError(t, err)
		await(t, n, web[0].RunId)
		for name, want := range map[string]int{"web": 2, project.Default: 1, "": 3, "none": 0} {
			runs, err := n.Backend().ListRuns(t.Context(), &messages.ListRunsRequest{Project: name})
			require.NoError(t, err)
			assert.Len(t, runs, want, name)
		}
		assert.Equal(t, "web", get(t, n, web[0].RunId).Project)
		assert.Equal(t, project.Default, get(t, n, other[0].RunId).Project)
	})
}

func TestTheQueueOfAProjectHasALimit(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		limited := withProjects(project.Limits{Queued: 2}, map[string]project.Limits{"web": {Queued: 4}, "free": {}})
		n, two := y.StartNode(limited), workflow(aJob("a"), aJob("b"))
		_, err := within(t, n, "web", two, "", "", "")
		p := problemOf(t, err, problem.Invalid)
		require.Equal(t, "6 jobs are more than project web may have waiting at all (4)", p.Message)
		_, err = within(t, n, "web", two, "", "")
		require.NoError(t, err)
		_, err = within(t, n, "web", two, "")
		p = problemOf(t, err, problem.Exhausted)
		require.Equal(t, time.Second, p.RetryAfter)
		require.Equal(t,
			"project web has its share of the queue: 4 of its jobs wait and 4 may, so 2 more are refused", p.Message)
		for _, name := range []string{"free", "another", "one more"} {
			_, err = within(t, n, name, two, "")
			require.NoError(t, err, "the limit of one project is no other's")
		}
		_, err = within(t, n, "another", workflow(aJob("a")), "")
		requireProblem(t, err, problem.Exhausted)
		requireWaiting(t, n, "web", 4)

		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		_, err = within(t, n, "web", two, "")
		require.NoError(t, err, "there is room again")
	})
}

// The count goes up when an attempt is lost and down with the next, is the same
// after a restart, and nothing is left of it in the end.
func TestJobsThatWaitAreCountedThroughTheirWholeLife(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, hands := y.StartNode(), testkit.NewHands()
		e := testkit.NewExecutor(hands.Script)
		y.StartWorker("w1", e)
		flaky := aJob("flaky")
		flaky.Retry = retry.Policy{MaxAttempts: 2, Delay: time.Minute, Factor: 1}
		gpu := aJob("gpu")
		gpu.RunsOn = []string{"gpu"}
		runs, err := within(t, n, "web", workflow(flaky, gpu, aJob("after", 0)), "")
		require.NoError(t, err)
		id := runs[0].RunId
		elapse(time.Second)
		requireWaiting(t, n, "web", 2) // gpu and after

		hands.End(id+".0.1", testkit.Failure(1))
		elapse(time.Second)
		requireWaiting(t, n, "web", 3) // it pauses before its second attempt
		elapse(time.Minute)
		requireWaiting(t, n, "web", 2)

		n.Stop()
		requireWaiting(t, n, "web", 2)
		n = y.StartNode()
		requireWaiting(t, n, "web", 2)
		elapse(time.Minute)
		hands.End(id+".0.2", job.Result{Outcome: job.OutcomeSucceeded})
		elapse(time.Second)
		requireWaiting(t, n, "web", 1)
		require.NoError(t, cancel(t, n, id, "gpu"))
		hands.End(id+".2.1", job.Result{Outcome: job.OutcomeSucceeded})
		await(t, n, id)
		requireWaiting(t, n, "web", 0)
		require.Zero(t, n.Metrics.Projects(), "nothing is remembered of a project at rest")
	})
}

// Forty clients submit at once while the journal takes its time: as many as have
// room are admitted, though none is counted before it is stored.
func TestALimitHoldsWhileSubmissionsAreUnderWay(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(withProjects(project.Limits{Queued: 10}, nil), func(c *actors.Config) { c.QueueLimit = 15 })
		y.Disk.Late(time.Second)
		var mu sync.Mutex
		accepted, refused := map[string]int{}, map[string]int{}
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				name := []string{"web", "api"}[i%2]
				_, err := within(t, n, name, workflow(aJob("a")), "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					accepted[name]++
					return
				}
				assert.Equal(t, time.Second, problemOf(t, err, problem.Exhausted).RetryAfter)
				refused[name]++
			})
		}
		wg.Wait()
		require.Equal(t, 15, accepted["web"]+accepted["api"], "the limit of all")
		require.LessOrEqual(t, max(accepted["web"], accepted["api"]), 10, "the limit of each")
		require.Equal(t, 25, refused["web"]+refused["api"])
		jobs, promised := n.Metrics.Waiting("web")
		require.EqualValues(t, accepted["web"], jobs)
		require.Zero(t, promised)
	})
}

// A client that goes away before its answer gives its room back, whether the
// gateway had heard of it or not.
func TestAnAbandonedSubmissionKeepsNoRoom(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(withProjects(project.Limits{Queued: 1}, nil))
		y.Disk.Late(time.Minute)
		c, stop := withTimeout(t, time.Second)
		defer stop()
		_, err := n.Backend().Submit(c, actors.Submission{Plan: workflow(aJob("a")), Keys: []string{""}, Project: "web"})
		requireProblem(t, err, problem.Unavailable)
		_, promised := n.Metrics.Waiting("web")
		require.Zero(t, promised)
		gone, leave := withTimeout(t, time.Second)
		leave()
		_, err = n.Backend().Submit(gone, actors.Submission{Plan: workflow(aJob("a")), Keys: []string{""}, Project: "api"})
		requireProblem(t, err, problem.Unavailable)
		elapse(2 * time.Minute)
		requireWaiting(t, n, "web", 1)
		_, promised = n.Metrics.Waiting("api")
		require.Zero(t, promised)
	})
}

func TestNewLimitsHoldWithoutARestart(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(brittle(&r), withProjects(project.Limits{},
			map[string]project.Limits{"web": {Queued: 1, Running: 1}}))
		hands := testkit.NewHands()
		e := testkit.NewExecutor(hands.Script)
		w := workflow(aJob("a"))
		_, err := within(t, n, "web", w, "1")
		require.NoError(t, err)
		_, err = within(t, n, "web", w, "2")
		require.ErrorContains(t, err, "1 of its jobs wait and 1 may")
		more := project.Set{By: map[string]project.Limits{"web": {Queued: 3, Running: 2}}}
		require.NoError(t, n.SetProjects(t.Context(), more))
		for _, key := range []string{"2", "3"} {
			_, err = within(t, n, "web", w, key)
			require.NoError(t, err)
		}
		_, err = within(t, n, "web", w, "4")
		require.ErrorContains(t, err, "3 of its jobs wait and 3 may")
		crash(n, "yardmaster/coordinator")
		elapse(time.Second)
		require.Equal(t, 1, r.Of("/coordinator"))
		y.StartWorker("w1", e, func(c *workerConfig) { c.Slots = 8 })
		elapse(time.Second)
		require.Len(t, e.Running(), 2, "the new limits hold beyond its end")

		require.NoError(t, n.SetProjects(t.Context(), project.Set{}))
		elapse(time.Second)
		require.Len(t, e.Running(), 3)
	})
}

func TestAProjectsJobsFollowItToAnotherPool(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		safe, open := testkit.NewExecutor(testkit.Take(time.Hour)), testkit.NewExecutor(testkit.Take(time.Hour))
		runs, err := within(t, n, "web", workflow(aJob("a")), "1")
		require.NoError(t, err)
		elapse(time.Second)
		pool := project.Set{By: map[string]project.Limits{"web": {Pool: "safe"}}}
		require.NoError(t, n.SetProjects(t.Context(), pool))
		y.StartWorker("w1", open)
		elapse(time.Second)
		require.Empty(t, open.Begun())
		y.StartWorker("w2", safe, func(c *workerConfig) { c.Pool = "safe" })
		elapse(time.Second)
		require.Equal(t, []string{runs[0].RunId + ".0.1"}, safe.Running())

		n.Stop() // nobody answers: it is said
		require.Error(t, n.SetProjects(t.Context(), pool))
	})
}
