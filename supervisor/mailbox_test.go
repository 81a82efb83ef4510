package supervisor_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/supervisor"
)

func receive(f func(actor.Context)) func() actor.Actor {
	return func() actor.Actor { return actor.ReceiveFunc(f) }
}

// TestNothingIsLostWhileANameIsSpawned hammers names while they are spawned.
// Each message must be handled, after Started, or come back as a dead letter.
func TestNothingIsLostWhileANameIsSpawned(t *testing.T) {
	t.Parallel()
	sys := system()
	var handled, early, dead atomic.Int64
	sys.EventStream.Subscribe(func(e any) {
		if d, ok := e.(*actor.DeadLetterEvent); ok {
			if _, ok := d.Message.(int); ok {
				dead.Add(1)
			}
		}
	})
	props := supervisor.Props(nil, func() actor.Actor {
		started := false
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				started = true
			case int:
				handled.Add(1)
				if !started {
					early.Add(1)
				}
			}
		})
	})
	var sent atomic.Int64
	quit := make(chan struct{})
	var senders sync.WaitGroup
	for range 2 {
		senders.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					sys.Root.Send(sys.NewLocalPID("name"), 1)
					sent.Add(1)
					runtime.Gosched()
				}
			}
		})
	}
	for i := 0; i < 1000 || handled.Load() < 100; i++ {
		pid, err := sys.Root.SpawnNamed(props, "name")
		require.NoError(t, err)
		require.NoError(t, sys.Root.PoisonFuture(pid).Wait(), "an actor is wedged")
	}
	close(quit)
	senders.Wait()
	pid, err := sys.Root.SpawnNamed(props, "name")
	require.NoError(t, err)
	require.NoError(t, sys.Root.PoisonFuture(pid).Wait())
	assert.Zero(t, early.Load(), "messages before Started")
	require.Eventually(t, func() bool { return handled.Load()+dead.Load() == sent.Load() }, patience, tick)
}

func TestAFullMailboxRefusesAtOnce(t *testing.T) {
	t.Parallel()
	sys := system()
	gauge := new(supervisor.Gauge)
	class := &supervisor.MailboxClass{Limit: 4, Gauge: gauge}
	entered := make(chan struct{})
	pid := sys.Root.Spawn(supervisor.Props(class, receive(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case block:
			close(entered)
			<-m.gate
		case ask:
			ctx.Respond(m)
		}
	})))
	gate := make(chan struct{})
	sys.Root.Send(pid, block{gate})
	received(t, entered)

	futures := make([]*actor.Future, 6)
	for i := range futures {
		futures[i] = sys.Root.RequestFuture(pid, ask{}, patience)
	}
	for _, f := range futures[4:] {
		_, err := f.Result()
		require.ErrorIs(t, err, actor.ErrDeadLetter)
	}
	assert.EqualValues(t, 4, gauge.Depth())
	assert.EqualValues(t, 2, gauge.Refused())
	close(gate)
	for _, f := range futures[:4] {
		_, err := f.Result()
		require.NoError(t, err, "what was accepted is handled")
	}
	require.NoError(t, sys.Root.PoisonFuture(pid).Wait())
	assert.Zero(t, gauge.Depth())
}

func TestAPoisonPillPassesTheLimit(t *testing.T) {
	t.Parallel()
	sys := system()
	entered, gate := make(chan struct{}), make(chan struct{})
	rejected := make(chan any, 1)
	class := &supervisor.MailboxClass{Limit: 1, Reject: func(_ *actor.PID, m any) { rejected <- m }}
	pid := sys.Root.Spawn(supervisor.Props(class, receive(func(ctx actor.Context) {
		if m, ok := ctx.Message().(block); ok {
			close(entered)
			<-m.gate
		}
	})))
	sys.Root.Send(pid, block{gate})
	received(t, entered)
	sys.Root.Send(pid, 1)
	sys.Root.Send(pid, 2)
	assert.Equal(t, 2, received(t, rejected))
	poisoned := sys.Root.PoisonFuture(pid)
	close(gate)
	require.NoError(t, poisoned.Wait())
}

func TestWhatIsLeftAtStopBecomesDeadLetters(t *testing.T) {
	t.Parallel()
	sys := system()
	gauge := new(supervisor.Gauge)
	entered, gate := make(chan struct{}), make(chan struct{})
	pid := sys.Root.Spawn(supervisor.Props(&supervisor.MailboxClass{Gauge: gauge}, receive(func(ctx actor.Context) {
		if m, ok := ctx.Message().(block); ok {
			close(entered)
			<-m.gate
		}
	})))
	sys.Root.Send(pid, block{gate})
	received(t, entered)
	futures := make([]*actor.Future, 50)
	for i := range futures {
		futures[i] = sys.Root.RequestFuture(pid, ask{}, patience)
	}
	sys.Root.Stop(pid)
	close(gate)
	for _, f := range futures {
		_, err := f.Result()
		require.ErrorIs(t, err, actor.ErrDeadLetter)
	}
	assert.Zero(t, gauge.Depth())
	assert.EqualValues(t, 50, gauge.Refused())
}

func TestAnActorThatExitsItsGoroutineRestarts(t *testing.T) {
	t.Parallel()
	sys := system()
	pid := sys.Root.Spawn(supervisor.Props(nil, receive(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case boom:
			runtime.Goexit()
		case ask:
			ctx.Respond(m)
		}
	})))
	sys.Root.Send(pid, boom{})
	_, err := sys.Root.RequestFuture(pid, ask{}, patience).Result()
	require.NoError(t, err)
	require.NoError(t, sys.Root.StopFuture(pid).Wait())
}

func TestABurstDoesNotKeepItsMemory(t *testing.T) {
	t.Parallel()
	class := new(supervisor.MailboxClass)
	sys, done := system(), make(chan struct{})
	var box *supervisor.Mailbox
	props := supervisor.Props(class, receive(func(ctx actor.Context) {
		if _, ok := ctx.Message().(ask); ok {
			close(done)
		}
	}), actor.WithMailbox(func() actor.Mailbox {
		box = class.New().(*supervisor.Mailbox)
		return box
	}))
	pid := sys.Root.Spawn(props)
	for range 100_000 {
		sys.Root.Send(pid, boom{})
	}
	sys.Root.Send(pid, ask{})
	received(t, done)
	require.Eventually(t, func() bool { return box.Retained() == 0 }, patience, tick)
	require.NoError(t, sys.Root.StopFuture(pid).Wait())
}

func TestOnlySmallBuffersAreKept(t *testing.T) {
	t.Parallel()
	assert.Equal(t, supervisor.MaxRetained, supervisor.Trimmed(supervisor.MaxRetained))
	assert.Zero(t, supervisor.Trimmed(supervisor.MaxRetained+1))
}
