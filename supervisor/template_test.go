package supervisor_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/supervisor"
)

// jobs is a tree of one supervisor whose children come from tmpl.
func jobs(tmpl *supervisor.Template, tolerated int) supervisor.Spec {
	return supervisor.Spec{
		Name: "jobs", Intensity: limit(tolerated, time.Minute), Backoff: noJitter(),
		Children: []supervisor.Child{{Name: "job", Template: tmpl}},
	}
}

func TestSpawnTwiceIsOneChild(t *testing.T) {
	t.Parallel()
	sys := system()
	got := make(chan string, 4)
	tree := start(t, sys, jobs(&supervisor.Template{Start: func(name string) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch m := ctx.Message().(type) {
			case *actor.Started:
				got <- "started " + name
			case string:
				got <- m
			}
		})
	}}, 1))
	sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: "j1", First: "one"})
	answer, err := sys.Root.RequestFuture(tree.PID(""), &supervisor.Spawn{Name: "j1", First: "two"}, patience).Result()
	require.NoError(t, err)
	spawned, ok := answer.(*supervisor.Spawned)
	require.True(t, ok)
	assert.True(t, spawned.Existed)
	assert.Equal(t, "jobs/j1", spawned.PID.GetId())
	for _, want := range []string{"started j1", "one", "two"} {
		assert.Equal(t, want, received(t, got))
	}
	stop(t, tree)
}

// TestAPoisonousChildHarmsNobodyElse crashes one child until it is quarantined,
// beside healthy neighbours, under a supervisor that tolerates a single restart.
func TestAPoisonousChildHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var lives [3]atomic.Int32
		names := []string{"a", "b", "c"}
		var at []time.Duration
		begun := time.Now()
		hooks := supervisor.Hooks{Restarted: func(f supervisor.Failure) {
			assert.Equal(t, "jobs/*", f.Class)
			at = append(at, f.Delay)
		}}
		told := make(chan string, 2)
		tmpl := &supervisor.Template{OnQuarantine: func(name string, reason error, stack []byte) {
			assert.ErrorContains(t, reason, "boom") //nolint:testifylint // not in the test's goroutine
			assert.Contains(t, string(stack), "(*crasher).Receive")
			told <- name
		}}
		tree := start(t, sys, jobs(tmpl, 1), supervisor.WithHooks(hooks))
		for i, name := range names {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{
				Name: name, Start: func(string) actor.Actor { return &crasher{&lives[i]} },
			})
		}
		synctest.Wait()
		for range 3 {
			sys.Root.Send(tree.PID("b"), boom{})
		}
		assert.Equal(t, "b", received(t, told))
		assert.Equal(t, []time.Duration{0, time.Second}, at)
		assert.Equal(t, time.Second, time.Since(begun))
		for _, name := range []string{"a", "c"} {
			_, err := sys.Root.RequestFuture(tree.PID(name), ask{}, time.Minute).Result()
			require.NoError(t, err)
		}
		_, err := sys.Root.RequestFuture(tree.PID("b"), ask{}, time.Minute).Result()
		require.ErrorIs(t, err, actor.ErrDeadLetter)
		assert.Equal(t, [3]int32{1, 3, 1}, [3]int32{lives[0].Load(), lives[1].Load(), lives[2].Load()})
		stop(t, tree)
		assert.Empty(t, told, "reported once")
	})
}

func TestManyCrashingChildrenEscalate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		tree := start(t, sys, jobs(&supervisor.Template{Start: func(string) actor.Actor {
			return &crasher{new(atomic.Int32)}
		}}, 2))
		for i := range 3 {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: fmt.Sprint(i), First: boom{}})
		}
		received(t, tree.Done())
	})
}

func TestACrashLongAgoIsForgotten(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var lives atomic.Int32
		tree := start(t, sys, jobs(&supervisor.Template{
			Within: time.Hour, Quarantine: 2, Start: func(string) actor.Actor { return &crasher{&lives} },
		}, 9))
		for range 5 {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: "a", First: boom{}})
			time.Sleep(2 * time.Hour)
			synctest.Wait()
		}
		assert.EqualValues(t, 6, lives.Load())
		stop(t, tree)
	})
}

func TestATemplateRefusesBeyondItsLimit(t *testing.T) {
	t.Parallel()
	sys := system()
	tree := start(t, sys, jobs(&supervisor.Template{
		Limit: 1, Start: func(string) actor.Actor { return &crasher{new(atomic.Int32)} },
	}, 1))
	ask1 := func(name string, first any) any {
		answer, err := sys.Root.RequestFuture(tree.PID(""), &supervisor.Spawn{Name: name, First: first}, patience).Result()
		require.NoError(t, err)
		return answer
	}
	assert.IsType(t, &supervisor.Spawned{}, ask1("a", nil))
	future := actor.NewFuture(sys, patience)
	refused := ask1("b", &actor.MessageEnvelope{Message: ask{}, Sender: future.PID()})
	assert.Equal(t, &supervisor.SpawnRefused{Name: "b", Why: "too many children"}, refused)
	require.ErrorIs(t, future.Wait(), actor.ErrDeadLetter, "who sent the first message learns it")
	assert.IsType(t, &supervisor.Spawned{}, ask1("a", nil), "who lives is found")
	for _, name := range []string{"", "x/y"} {
		assert.IsType(t, &supervisor.SpawnRefused{}, ask1(name, nil))
	}
	stop(t, tree)
}

func TestATemplateMayStartTrees(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys, j := system(), new(journal)
		tree := start(t, sys, jobs(&supervisor.Template{Supervisor: func(name string) supervisor.Spec {
			return supervisor.Spec{
				Name: name, Intensity: limit(1, time.Minute),
				Children: []supervisor.Child{witness(j, name+".a"), witness(j, name+".b")},
			}
		}}, 5))
		sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: "p1"})
		synctest.Wait()
		assert.ElementsMatch(t, []string{"+p1.a", "+p1.b"}, j.take())
		stop(t, tree)
		assert.Equal(t, []string{"-p1.b", "-p1.a"}, j.take())
	})
}

// TestASuccessorIsNotMistakenForItsPredecessor spawns a name again while the
// former actor of that name still handles Stopped, and expects the supervisor
// to wait for the new one when it stops.
func TestASuccessorIsNotMistakenForItsPredecessor(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys, j := system(), new(journal)
		tree := start(t, sys, jobs(&supervisor.Template{}, 5))
		spawn := func(life string) {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: "a", Start: func(string) actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					switch ctx.Message().(type) {
					case *actor.Started:
						j.add("+" + life)
					case *actor.Stopped:
						time.Sleep(5 * time.Second)
						j.add("-" + life)
					}
				})
			}})
			synctest.Wait()
		}
		spawn("one")
		sys.Root.Stop(tree.PID("a"))
		synctest.Wait()
		spawn("two")
		assert.Equal(t, []string{"+one", "+two"}, j.take())
		time.Sleep(time.Minute)
		synctest.Wait()
		stop(t, tree)
		assert.Equal(t, []string{"-one", "-two"}, j.take())
	})
}

// TestStoppingATemplateWhileRestartsWait must not wait for the delays.
func TestStoppingATemplateWhileRestartsWait(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var lives atomic.Int32
		tree := start(t, sys, jobs(&supervisor.Template{
			Quarantine: 9, Start: func(string) actor.Actor { return &crasher{&lives} },
		}, 5))
		for range 4 {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: "a", First: boom{}})
		}
		synctest.Wait()
		require.EqualValues(t, 2, lives.Load())
		stop(t, tree)
		time.Sleep(time.Hour)
		assert.EqualValues(t, 2, lives.Load())
	})
}
