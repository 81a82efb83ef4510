package actors_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// submitAs starts a workflow in a project.
func submitAs(t *testing.T, n *testkit.Node, of string, jobs ...plan.Job) string {
	t.Helper()
	runs, err := n.Backend().Submit(t.Context(), actors.Submission{
		Plan: workflow(jobs...), Keys: []string{""}, Principal: "alice", Project: of,
	})
	require.NoError(t, err)
	return runs[0].RunId
}

func taking(key string, cpu int64) plan.Job {
	j := aJob(key)
	j.Resources = resource.Amount{CPU: cpu}
	return j
}

func TestResourcesAreHeldAndGivenBack(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, hands := y.StartNode(), testkit.NewHands()
		e := testkit.NewExecutor(hands.Script)
		y.StartWorker("w1", e, func(c *workerConfig) {
			c.Slots, c.Resources = 8, resource.Amount{CPU: 4 * resource.Core}
		})
		elapse(time.Second)
		first := submit(t, n, workflow(taking("a", 3*resource.Core)))
		elapse(time.Second)
		second := submit(t, n, workflow(taking("b", 2*resource.Core)))
		elapse(time.Second)
		require.Equal(t, []string{first + ".0.1"}, e.Running())
		why, err := n.Backend().Explain(t.Context(), second, 0)
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(why.Reasons), "cpu")
		require.Equal(t, "room", why.Excluded[0].Filter)
		require.False(t, why.Never)

		n.Kill() // what is held is found again
		n = y.StartNode()
		elapse(20 * time.Second)
		require.Equal(t, []string{first + ".0.1"}, e.Running())
		hands.End(first+".0.1", result{Outcome: job.OutcomeSucceeded})
		elapse(time.Second)
		require.Equal(t, []string{second + ".0.1"}, e.Running())
		huge := submit(t, n, workflow(taking("c", 5*resource.Core)))
		elapse(time.Second)
		why, err = n.Backend().Explain(t.Context(), huge, 0)
		require.NoError(t, err)
		require.True(t, why.Never, "%v", why)
	})
}

func TestProjectsShareSlotsByWeight(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) {
			c.Projects.By = map[string]project.Limits{"big": {Weight: 3}}
		})
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		ids := map[string]string{}
		for i := range 8 {
			ids[submitAs(t, n, "small", aJob(fmt.Sprint("s", i)))] = "small"
		}
		for i := range 8 {
			ids[submitAs(t, n, "big", aJob(fmt.Sprint("b", i)))] = "big"
		}
		elapse(time.Second)
		y.StartWorker("w1", e, func(c *workerConfig) { c.Slots = 4 })
		elapse(time.Second)
		running := map[string]int{}
		for _, name := range e.Running() {
			running[ids[name[:26]]]++
		}
		assert.Equal(t, map[string]int{"big": 3, "small": 1}, running)
	})
}

func TestAProjectStartsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) {
			c.Projects.By = map[string]project.Limits{"slow": {StartsPerSecond: 0.5}, "few": {Running: 2}}
		})
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		y.StartWorker("w1", e, func(c *workerConfig) { c.Slots = 100 })
		elapse(time.Second)
		for i := range 10 {
			submitAs(t, n, "few", aJob(fmt.Sprint("f", i)))
		}
		elapse(time.Second)
		require.Len(t, e.Running(), 2)
		var ids []string
		for i := range 10 {
			ids = append(ids, submitAs(t, n, "slow", aJob(fmt.Sprint("s", i))))
		}
		elapse(time.Millisecond)
		require.Len(t, e.Running(), 3, "one at once")
		elapse(8 * time.Second)
		require.Len(t, e.Running(), 7, "one in two seconds, without anything else happening")
		ids = slices.DeleteFunc(ids, func(id string) bool { return get(t, n, id).State != pending })
		require.Len(t, ids, 5)
		ahead := 0
		for _, id := range ids {
			why, err := n.Backend().Explain(t.Context(), id, 0)
			require.NoError(t, err)
			require.Len(t, why.Limits, 1)
			require.Len(t, why.FirstAhead, int(why.Ahead))
			ahead += int(why.Ahead)
		}
		require.Equal(t, 0+1+2+3+4, ahead)
	})
}

func TestAProjectOfAPoolRunsThereAlone(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) {
			c.Projects.By = map[string]project.Limits{"forks": {Pool: "untrusted"}}
		})
		trusted, other := testkit.NewExecutor(testkit.Succeed), testkit.NewExecutor(testkit.Succeed)
		y.StartWorker("w1", trusted)
		elapse(time.Second)
		fork := submitAs(t, n, "forks", aJob("a"))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, n, fork).State)
		y.StartWorker("w2", other, func(c *workerConfig) { c.Pool = "untrusted" })
		require.Equal(t, messages.JobState_JOB_STATE_SUCCESS, await(t, n, fork).State)
		require.Equal(t, success, await(t, n, submit(t, n, workflow(aJob("b")))).State)
		require.Len(t, trusted.Begun(), 1)
		require.Len(t, other.Begun(), 1)
	})
}
