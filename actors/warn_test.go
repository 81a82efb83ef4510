package actors_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/resource"
	"yardmaster/internal/testkit"
)

// TestWhoSubmitsIsWarnedOfJobsThatNobodyCanTake goes through what may be missing.
func TestWhoSubmitsIsWarnedOfJobsThatNobodyCanTake(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		w := workflow(aJob("any"), aJob("gpu"), aJob("train"), aJob("both"), aJob("arm"))
		w.Jobs[1].RunsOn, w.Jobs[2].RunsOn = []string{"gpu"}, []string{"gpu"}
		w.Jobs[3].RunsOn, w.Jobs[4].RunsOn = []string{"gpu", "linux", "ssd"}, []string{"arm"}
		warn := func() []string { return n.Backend().Warn(w, "web") }

		require.Equal(t, []string{"no worker is connected: its jobs wait until one is"}, warn())
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), withLabels("linux", "ssd"))
		elapse(time.Second)
		require.Equal(t, []string{
			"job gpu and 1 more: no worker could ever match: label gpu is on no worker",
			"job both: no worker could ever match: label gpu is on no worker; 1 lacks only label gpu",
			"job arm: no worker could ever match: label arm is on no worker",
		}, warn())
		said := warn()
		require.Same(t, &said[0], &warn()[0], "remembered")

		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed), withLabels("gpu", "linux"))
		arm := y.StartWorker("w3", testkit.NewExecutor(testkit.Succeed), withLabels("arm"))
		elapse(time.Second)
		require.Equal(t, []string{
			"job both: no worker has all of gpu, linux, ssd together; 1 lacks only label gpu; 1 lacks only label ssd",
		}, warn())
		y.StartWorker("w4", testkit.NewExecutor(testkit.Succeed), withLabels("gpu", "linux", "ssd"))
		elapse(time.Second)
		require.Empty(t, warn())
		arm.Kill()
		elapse(5 * time.Minute)
		require.Equal(t, []string{"job arm: no worker could ever match: label arm is on no worker"}, warn())

		w.Jobs[0].Resources = resource.Amount{CPU: 64 * resource.Core}
		y.StartWorker("w5", testkit.NewExecutor(testkit.Succeed), func(c *workerConfig) {
			c.Labels, c.Pool, c.Resources = []string{"arm"}, "untrusted", resource.Amount{CPU: 128 * resource.Core}
		})
		elapse(time.Second)
		require.Len(t, warn(), 1, "who does not say how much it has may have enough")
	})
}

func TestWarningsAreFew(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, w := y.StartNode(), workflow()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		for i := range 1000 {
			j := aJob(strconv.Itoa(i))
			j.RunsOn = []string{"label-" + strconv.Itoa(i)}
			w.Jobs = append(w.Jobs, j)
		}
		elapse(time.Second)
		warnings := n.Backend().Warn(w, "")
		require.Len(t, warnings, 11)
		require.Equal(t, "and so it is with 90 more kinds of jobs", warnings[10], "of the first hundred")
	})
}
