package supervisor_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/supervisor"
)

// TestACrashWhileItsParentEndsRevivesNobody stops an actor whose own child
// panics in the middle of being waited for.
func TestACrashWhileItsParentEndsRevivesNobody(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var parents atomic.Int32
		child := supervisor.Props(nil, receive(func(ctx actor.Context) {
			if _, ok := ctx.Message().(boom); ok {
				time.Sleep(time.Second)
				panic("boom")
			}
		}))
		pid := sys.Root.Spawn(supervisor.Props(nil, receive(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Started); ok {
				parents.Add(1)
				_, err := ctx.SpawnNamed(child, "own")
				assert.NoError(t, err)
			}
		})))
		synctest.Wait()
		sys.Root.Send(sys.NewLocalPID(pid.GetId()+"/own"), boom{})
		synctest.Wait()
		require.NoError(t, sys.Root.StopFuture(pid).Wait())
		assert.EqualValues(t, 1, parents.Load())
	})
}

// judge is an actor with a strategy of its own.
type judge struct{ failures *atomic.Int32 }

func (*judge) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		props := supervisor.Props(nil, func() actor.Actor { return &crasher{new(atomic.Int32)} })
		if _, err := ctx.SpawnNamed(props, "own"); err != nil {
			panic(err)
		}
	}
}

func (j *judge) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, _, _ any,
) {
	j.failures.Add(1)
	sup.RestartChildren(child)
}

func TestAnActorsOwnStrategyIsAsked(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var failures atomic.Int32
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(0, time.Minute),
			Children: []supervisor.Child{{Name: "a", Start: func() actor.Actor { return &judge{&failures} }}},
		})
		synctest.Wait()
		sys.Root.Send(tree.PID("a/own"), boom{})
		synctest.Wait()
		assert.EqualValues(t, 1, failures.Load())
		stop(t, tree)
	})
}

// noting is a dispatcher that notes for which class it runs a mailbox.
type noting struct {
	class string
	ran   *journal
}

func (d noting) Schedule(run func()) { d.ran.add(d.class); go run() }
func (noting) Throughput() int       { return 1 }

func TestClassesHaveTheirOwnDispatchersAndChanceDecidesDelays(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys, ran := system(), new(journal)
		var delays []time.Duration
		spec := jobs(&supervisor.Template{Start: func(string) actor.Actor { return &crasher{new(atomic.Int32)} }}, 9)
		spec.Backoff = supervisor.Backoff{Jitter: supervisor.FullJitter}
		tree := start(t, sys, spec,
			supervisor.WithHooks(supervisor.Hooks{
				Restarted: func(f supervisor.Failure) { delays = append(delays, f.Delay) },
			}),
			supervisor.WithChance(func() float64 { return 0.25 }),
			supervisor.WithDispatchers(func(class string) actor.Dispatcher { return noting{class, ran} }))
		for range 2 {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: "x", First: boom{}})
			synctest.Wait()
		}
		sys.Root.Send(tree.PID(""), "nonsense") // is logged and dropped
		time.Sleep(time.Second)
		assert.Equal(t, []time.Duration{0, time.Second / 4}, delays)
		assert.Subset(t, ran.take(), []string{"jobs", "jobs/*"})
		stop(t, tree)
	})
}

// TestManyChildrenMayLeaveAtOnce is a supervisor that many children
// leave at once.
func TestManyChildrenMayLeaveAtOnce(t *testing.T) {
	t.Parallel()
	sys := system()
	var started atomic.Int64
	tree := start(t, sys, jobs(&supervisor.Template{Start: func(string) actor.Actor { return &idler{&started} }}, 1))
	for i := range 2000 {
		sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: string(rune('a' + i))})
	}
	require.Eventually(t, func() bool { return started.Load() == 2000 }, patience, tick)
	stop(t, tree)
}

func TestACrashIsLoggedWithoutItsStackByOthers(t *testing.T) {
	t.Parallel()
	sys := system()
	crashes := make(chan error, 1)
	tree, err := supervisor.Start(sys, supervisor.Spec{
		Name: "root", Intensity: limit(0, time.Minute),
		Children: []supervisor.Child{{Name: "a", Start: receive(func(actor.Context) { panic(actor.ErrTimeout) })}},
	}, func(reason error) { crashes <- reason })
	require.NoError(t, err)
	reason := received(t, crashes)
	require.ErrorIs(t, reason, actor.ErrTimeout, "the panic's value can be asked for")
	var crash *supervisor.Crash
	require.ErrorAs(t, reason, &crash)
	assert.Equal(t, slog.StringValue(crash.Error()), crash.LogValue())
	received(t, tree.Done())
}

// TestADelayIsNotAGoodTime crashes a child at each start. Its delays outlast the
// period, and must grow all the same.
func TestADelayIsNotAGoodTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var delays []time.Duration
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(3, 4*time.Second), Backoff: noJitter(),
			Children: []supervisor.Child{{Name: "a", Start: receive(func(actor.Context) { panic("never well") })}},
		}, supervisor.WithHooks(supervisor.Hooks{
			Restarted: func(f supervisor.Failure) { delays = append(delays, f.Delay) },
		}))
		time.Sleep(40 * time.Second)
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, time.Second, 5 * time.Second, 25 * time.Second, time.Minute}, delays)
		stop(t, tree)
	})
}
