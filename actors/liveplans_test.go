package actors_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/actors"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// large returns a plan of one job that takes about 10 kB, unlike any other.
func large(name string) *plan.Workflow {
	j := aJob("a")
	j.Steps[0].Run = strings.Repeat("x", 10_000)
	w := workflow(j)
	w.Name = name
	return w
}

// roomFor has a node hold so many large plans at once.
func roomFor(plans int) func(*actors.Config) {
	return func(c *actors.Config) { c.PlanRoom = int64(plans*large("p").Memory()) + 100 }
}

func requirePlans(t testing.TB, n *testkit.Node, want int) {
	t.Helper()
	plans, bytes := n.Metrics.LivePlans()
	require.Equal(t, want, plans)
	require.Equal(t, want > 0, bytes > 0)
	require.Equal(t, bytes, n.PlanUse().InUse)
}

func TestPlansThatAreLiveAreBoundedByTheirBytes(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(roomFor(2))
		shared := large("0")
		for range 50 { // of one plan there may be any number of runs
			_, err := within(t, n, "", shared, "", "")
			require.NoError(t, err)
		}
		requirePlans(t, n, 1)
		_, err := within(t, n, "", large("1"), "k")
		require.NoError(t, err)
		_, err = within(t, n, "", large("2"), "l")
		p := problemOf(t, err, problem.Exhausted)
		assert.Contains(t, p.Message, "the plans of runs that have not ended take ")
		assert.Positive(t, p.RetryAfter)
		_, err = within(t, n, "", shared, "m")
		require.NoError(t, err, "it takes nothing more")
		assert.EqualValues(t, 1, n.PlanUse().Refused)
		huge := large("3")
		huge.Jobs[0].Steps[0].Run = strings.Repeat("x", 100_000)
		_, err = within(t, n, "", huge, "")
		requireProblem(t, err, problem.Invalid)

		n.Kill() // what lives is found again, and counts
		n = y.StartNode(roomFor(2))
		elapse(time.Second)
		requirePlans(t, n, 2)
		_, err = within(t, n, "", large("2"), "l")
		requireProblem(t, err, problem.Exhausted)
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Minute)
		requirePlans(t, n, 0)
		_, err = within(t, n, "", large("2"), "l")
		require.NoError(t, err)
	})
}

// However a run ends, and whatever becomes of a submission, its plan counts no more.
func TestAPlanIsNotCountedForEver(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		broken := true
		n := y.StartNode(roomFor(5))
		y.StartWorker("w1", testkit.NewExecutor(breaking(&broken)))
		runs, err := within(t, n, "", diamond(), "k")
		require.NoError(t, err)
		require.Equal(t, failed, await(t, n, runs[0].RunId).State)
		requirePlans(t, n, 0) // its last job was skipped
		broken = false
		second, err := again(t, n, runs[0].RunId, "", true)
		require.NoError(t, err)
		require.Equal(t, success, await(t, n, second.Run.RunId).State)
		requirePlans(t, n, 0)

		_, err = within(t, n, "", diamond(), "k") // the key's run: nothing new
		require.NoError(t, err)
		requirePlans(t, n, 0)
		_, err = within(t, n, "", workflow(plan.Job{Key: "no steps"}), "")
		require.Error(t, err)
		requirePlans(t, n, 0)

		w := workflow(aJob("a"))
		w.Jobs[0].RunsOn = []string{"nobody"}
		waits := submit(t, n, w)
		requirePlans(t, n, 1)
		require.NoError(t, cancel(t, n, waits, ""))
		require.Equal(t, cancelled, await(t, n, waits).State)
		requirePlans(t, n, 0)
	})
}

// TestPlansUnderWayCountAgainstTheirLimit submits at once what is stored later.
func TestPlansUnderWayCountAgainstTheirLimit(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(roomFor(3))
		y.Disk.Late(100 * time.Millisecond)
		var mu sync.Mutex
		var wg sync.WaitGroup
		admitted := 0
		for i := range 10 {
			wg.Go(func() {
				_, err := n.Backend().Submit(t.Context(), actors.Submission{
					Plan: large(fmt.Sprint(i)), Keys: []string{""}, Principal: "alice",
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					admitted++
				} else {
					assert.ErrorContains(t, err, "the plans of runs that have not ended")
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 3, admitted)
		requirePlans(t, n, 3)
	})
}

// A journal that is lost is replayed, and what lives in it counts once.
func TestAReplayCountsPlansOnce(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(roomFor(9))
		for i := range 4 {
			_, err := within(t, n, "", large(fmt.Sprint(i)), "")
			require.NoError(t, err)
		}
		y.Disk.Judge(failing(func(kind string) bool { return kind == "assigned" }))
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		y.Disk.Judge(nil)
		elapse(time.Minute)
		require.Greater(t, y.Disk.Opened(), 2)
		requirePlans(t, n, 0)
		runs, err := n.Backend().ListRuns(t.Context(), &messages.ListRunsRequest{})
		require.NoError(t, err)
		for _, r := range runs {
			require.Equal(t, success, r.State)
		}
	})
}

// TestEachPlanCountsOnce holds what is counted against a list of all that is held.
func TestEachPlanCountsOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var held actors.PlansHeld
		plans, holders := make([]plan.Workflow, 4), make([]int, 4)
		most := rapid.Int64Range(1, 12).Draw(t, "most")
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			i := rapid.IntRange(0, len(plans)-1).Draw(t, "plan")
			size := int64(i + 1)
			sum := int64(0)
			for k, n := range holders {
				if n > 0 {
					sum += int64(k + 1)
				}
			}
			switch err := held.Admits(&plans[i], size, most); {
			case held.Bytes() != sum:
				t.Fatalf("%d bytes, want %d", held.Bytes(), sum)
			case (err == nil) != (holders[i] > 0 || sum+size <= most):
				t.Fatalf("%d more beside %d of %d: %v", size, sum, most, err)
			case rapid.Bool().Draw(t, "drop"):
				held.Drop(&plans[i])
				holders[i] = max(0, holders[i]-1)
			case err == nil:
				held.Hold(&plans[i], size)
				holders[i]++
			}
		}
	})
}
