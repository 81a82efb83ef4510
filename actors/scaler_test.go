package actors_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/plan"
	"yardmaster/domain/scale"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// smallClass is a class of up to three workers with two slots.
func smallClass() scale.Class {
	return scale.Class{
		Name: "small", Labels: []string{"linux"}, Slots: 2, Most: 3, Boot: 10 * time.Second, CooldownUp: 5 * time.Second,
		CooldownDown: 5 * time.Second, Idle: time.Minute, Cost: 1, Provider: "machines",
	}
}

// scaling lets a node scale these classes by one provider.
func scaling(p actors.Provider, classes ...scale.Class) func(*actors.Config) {
	return func(c *actors.Config) {
		c.Scaling = actors.Scaling{Classes: classes, Providers: map[string]actors.Provider{"machines": p}}
	}
}

// scaled returns what the node says of its first class.
func scaled(t testing.TB, n *testkit.Node) *messages.ScalingClass {
	t.Helper()
	m, err := n.Backend().Scaling(t.Context())
	require.NoError(t, err)
	return m.GetClasses()[0]
}

// jobsOf returns a plan of n jobs that demand labels.
func jobsOf(n int, labels ...string) *plan.Workflow {
	w := workflow()
	for i := range n {
		j := aJob(string(rune('a' + i)))
		j.RunsOn = labels
		w.Jobs = append(w.Jobs, j)
	}
	return w
}

// once requires that each job of a run succeeded with its first attempt.
func once(t testing.TB, r *messages.Run) {
	t.Helper()
	require.Equal(t, success, r.GetState())
	for _, j := range r.GetJobs() {
		require.Len(t, j.GetAttempts(), 1, "%v", j)
	}
}

func TestThePoolGrowsWithTheLoadAndShrinksBehindIt(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(8*time.Second, testkit.Take(30*time.Second))
		n := y.StartNode(scaling(p, smallClass()))
		elapse(10 * time.Second)
		require.Empty(t, p.Launched(), "nothing waits")
		assert.Equal(t, []string{"nothing runs here, and nothing waits"}, scaled(t, n).GetWhy())

		id := submit(t, n, jobsOf(10, "linux"))
		elapse(4 * time.Second)
		require.Len(t, p.Launched(), 3, "as many as there may be, at once")
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(p.Launched()))), 3)
		assert.Equal(t, uint32(3), scaled(t, n).GetBooting())
		elapse(10 * time.Second)
		c := scaled(t, n)
		assert.Equal(t, uint32(3), c.GetConnected())
		assert.Equal(t, uint32(4), c.GetWaiting())
		once(t, await(t, n, id))
		require.Len(t, p.Running(), 3)
		elapse(2 * time.Minute)
		require.Empty(t, p.Running())
		require.Len(t, p.Removed(), 3)
		require.Len(t, p.Launched(), 3)
		assert.Zero(t, scaled(t, n).GetDesired())

		once(t, await(t, n, submit(t, n, jobsOf(2, "linux"))))
		require.Len(t, p.Launched(), 4, "and again")
	})
}

// Jobs come at all moments around those at which a worker is removed.
func TestAJobThatComesDuringARemovalIsNotLost(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Take(time.Second))
		c := smallClass()
		c.Most = 1
		n := y.StartNode(scaling(p, c))
		var runs []string
		for range 60 {
			runs = append(runs, submit(t, n, jobsOf(1, "linux")))
			elapse(50*time.Second + time.Duration(len(runs))*331*time.Millisecond)
		}
		for _, id := range runs {
			once(t, await(t, n, id))
		}
		require.NotEmpty(t, p.Removed())
	})
}

func TestALaunchThatFailsIsTriedAgainUnderItsName(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Succeed)
		asked := make(chan string, 10)
		p.OnLaunch = func(_ context.Context, name string) error {
			if asked <- name; len(asked) < 4 {
				return testkit.ErrBroken
			}
			return nil
		}
		c := smallClass()
		c.Most = 1
		n := y.StartNode(scaling(p, c))
		id := submit(t, n, jobsOf(1, "linux"))
		elapse(60 * time.Second) // tries at 2, 12, 32 s: the pause grows
		require.Len(t, asked, 3)
		why := strings.Join(scaled(t, n).GetWhy(), "\n")
		assert.Contains(t, why, "3 launches failed one after the other; the last: testkit: no machines today")
		assert.Contains(t, why, "nothing is started for")
		once(t, await(t, n, id))
		close(asked)
		for name := range asked {
			require.Equal(t, p.Launched()[0], name, "a launch that may have worked is not made twice")
		}
		elapse(5 * time.Second)
		assert.NotContains(t, strings.Join(scaled(t, n).GetWhy(), "\n"), "failed")
	})
}

func TestAProviderThatHangsBlocksNobody(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Succeed)
		release := make(chan struct{})
		p.OnLaunch = func(context.Context, string) error { // deaf to its context
			<-release
			return nil
		}
		c := smallClass()
		c.Most = 1
		n := y.StartNode(scaling(p, c))
		id := submit(t, n, jobsOf(1, "linux"))
		elapse(70 * time.Second)
		assert.Contains(t, strings.Join(scaled(t, n).GetWhy(), "\n"), "1 failure: actors: the provider does not answer")
		close(release) // it answers late: what it started counts
		once(t, await(t, n, id))
		require.Len(t, p.Launched(), 1)
		require.Len(t, p.Running(), 1)
	})
}

func TestAWorkerThatNeverRegistersIsGivenUp(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := testkit.NewProvider() // of machines without workers
		c := smallClass()
		c.Most = 1
		n := y.StartNode(scaling(p, c))
		submit(t, n, jobsOf(1, "linux"))
		elapse(30 * time.Second)
		require.Len(t, p.Running(), 1)
		elapse(8 * time.Second) // 30 s after it was asked for
		require.Len(t, p.Removed(), 1)
		why := strings.Join(scaled(t, n).GetWhy(), "\n")
		assert.Contains(t, why, "did not register within 30s")
		elapse(20 * time.Second)
		require.Len(t, p.Launched(), 2)
		require.NotEqual(t, p.Launched()[0], p.Launched()[1])
		workers, err := n.Backend().Workers(t.Context())
		require.NoError(t, err)
		assert.Empty(t, workers, "who never came is not shown")
	})
}

// A worker registers between the moment at which it was given up and its removal.
func TestAWorkerThatComesLateIsWelcomeAllTheSame(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{
		31 * time.Second, 32 * time.Second, 33 * time.Second, 34 * time.Second, 36 * time.Second,
	} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			inYard(t, func(t *testing.T, y *testkit.Yard) {
				p := y.Machines(late, testkit.Take(time.Minute))
				p.OnRemove = func(context.Context, string) error {
					time.Sleep(5 * time.Second) // a machine takes its time to stop
					return nil
				}
				c := smallClass()
				c.Most = 2
				n := y.StartNode(scaling(p, c))
				id := submit(t, n, jobsOf(2, "linux"))
				elapse(40 * time.Second)
				// Whoever comes while it is being removed gets nothing; the next does.
				quick := y.Machines(time.Second, testkit.Take(time.Minute)).Start
				p.Change(func(p *testkit.Provider) { p.Start = quick })
				once(t, await(t, n, id))
			})
		})
	}
}

func TestAMachineThatIsLostIsReplacedIfItIsNeeded(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Take(time.Minute))
		c := smallClass()
		c.Most = 1
		n := y.StartNode(scaling(p, c))
		id := submit(t, n, jobsOf(1, "linux"))
		elapse(20 * time.Second)
		require.Equal(t, running, get(t, n, id).GetState())
		p.Lose(p.Running()[0])
		r := await(t, n, id)
		require.Equal(t, success, r.GetState())
		require.Len(t, r.GetJobs()[0].GetAttempts(), 2)
		require.Len(t, p.Launched(), 2)
		assert.Empty(t, p.Removed())
	})
}

func TestANodeThatIsStartedAnewFindsWhatBoots(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(8*time.Second, testkit.Take(time.Minute))
		n := y.StartNode(scaling(p, smallClass()))
		id := submit(t, n, jobsOf(4, "linux"))
		elapse(4 * time.Second)
		require.Len(t, p.Launched(), 2)
		n.Kill()
		n = y.StartNode(scaling(p, smallClass()))
		once(t, await(t, n, id))
		require.Len(t, p.Launched(), 2, "nothing was asked for twice")
		elapse(4 * time.Minute)
		require.Empty(t, p.Running(), "and it knows them for its own")
	})
}

func TestWorkersThatRunSomethingSurviveANodeThatMissesThem(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Take(10*time.Minute))
		c := smallClass()
		c.Boot = time.Second
		n := y.StartNode(scaling(p, c))
		id := submit(t, n, jobsOf(2, "linux"))
		elapse(10 * time.Second)
		require.Equal(t, running, get(t, n, id).GetState())
		n.Kill()
		elapse(5 * time.Second)
		n = y.StartNode(scaling(p, c))
		once(t, await(t, n, id))
		require.Len(t, p.Launched(), 1)
	})
}

func TestARemovalThatFailsIsTriedAgainAndTold(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Succeed)
		var tries atomic.Int32
		p.OnRemove = func(context.Context, string) error {
			if tries.Add(1) < 5 {
				return testkit.ErrBroken
			}
			return nil
		}
		n := y.StartNode(scaling(p, smallClass()))
		once(t, await(t, n, submit(t, n, jobsOf(1, "linux"))))
		for tries.Load() < 4 {
			elapse(time.Second)
		}
		assert.Contains(t, strings.Join(scaled(t, n).GetWhy(), "\n"), "cannot be removed, after")
		workers, err := n.Backend().Workers(t.Context())
		require.NoError(t, err)
		require.Equal(t, messages.WorkerState_WORKER_STATE_DRAINING, workers[0].GetState(), "it gets nothing meanwhile")
		elapse(10 * time.Minute)
		require.Empty(t, p.Running())
		assert.NotContains(t, strings.Join(scaled(t, n).GetWhy(), "\n"), "cannot be removed")
	})
}

func TestNothingIsStartedBeforeItIsKnownWhatRuns(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Succeed)
		p.OnList = func(context.Context, string) error { return testkit.ErrBroken }
		n := y.StartNode(scaling(p, smallClass()))
		id := submit(t, n, jobsOf(1, "linux"))
		elapse(time.Minute)
		require.Empty(t, p.Launched())
		assert.Equal(t, []string{"provider machines does not say what it runs: testkit: no machines today"},
			scaled(t, n).GetWhy())
		p.Change(func(p *testkit.Provider) { p.OnList = nil })
		once(t, await(t, n, id))
	})
}

func TestADryRunSaysWhatItWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := y.Machines(time.Second, testkit.Succeed)
		n := y.StartNode(scaling(p, smallClass()), func(c *actors.Config) { c.Scaling.DryRun = true })
		submit(t, n, jobsOf(3, "linux"))
		elapse(5 * time.Minute)
		m, err := n.Backend().Scaling(t.Context())
		require.NoError(t, err)
		assert.True(t, m.GetDryRun())
		assert.Equal(t, uint32(2), m.GetClasses()[0].GetDesired())
		require.Empty(t, p.Launched())
	})
}

func TestSomebodyElsesWorkersCountByTheirLabels(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		c := smallClass()
		c.Provider = ""
		n := y.StartNode(func(cfg *actors.Config) { cfg.Scaling.Classes = []scale.Class{c} })
		elapse(10 * time.Second)
		_, known := n.Scaling().Of("small")
		require.False(t, known, "workers are given the time to come back")
		_, err := n.Backend().Desired(t.Context(), "small")
		require.ErrorContains(t, err, "not known yet")
		_, err = n.Backend().Desired(t.Context(), "none")
		require.ErrorContains(t, err, "no class none")
		hands := testkit.NewHands()
		y.StartWorker("pod-1", testkit.NewExecutor(hands.Script))
		y.StartWorker("pod-2", testkit.NewExecutor(hands.Script), withLabels("windows"))
		submit(t, n, jobsOf(4, "linux"))
		elapse(20 * time.Second)
		v, known := n.Scaling().Of("small")
		require.True(t, known)
		assert.Equal(t, 1, v.Connected)
		assert.Equal(t, 2, v.Desired, "two jobs run, and two wait")
		assert.Equal(t, []string{"small"}, n.Scaling().Classes())
		desired, err := n.Backend().Desired(t.Context(), "small")
		require.NoError(t, err)
		assert.Equal(t, 2, desired)
	})
}
