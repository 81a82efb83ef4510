package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/bridge"
	"yardmaster/messages"
)

func idle(actor.Context) {}

func TestAWatchEndsWithItsActor(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	watch, ends := a.watcher("watcher")
	watch(b.pid("missing"))
	assert.Equal(t, actor.TerminatedReason_NotFound, receive(t, ends).GetWhy())

	b.spawn("target", idle)
	watch(b.pid("target"))
	a.system.Root.Stop(b.pid("target"))
	end := receive(t, ends)
	assert.Equal(t, actor.TerminatedReason_Stopped, end.GetWhy())
	assert.True(t, end.GetWho().Equal(b.pid("target")))

	a.bridge.Resync()
	b.bridge.Resync()
	assert.Empty(t, ends, "each end is told once")
}

func TestResyncRepairsALostWatchAndALostEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, lossy := range []string{"a.c1", "b.c1"} {
			net, a, b := two(t, func(c *bridge.Config) { c.ResyncEvery = time.Second })
			watch, ends := a.watcher("watcher")
			target := b.spawn("target", idle)
			net.suffer(func(from, _ string) (int, time.Duration) {
				if from == lossy {
					return 0, 0
				}
				return 1, 0
			})
			watch(b.pid("target"))
			synctest.Wait()
			require.NoError(t, b.system.Root.StopFuture(target).Wait())
			time.Sleep(3 * time.Second)
			require.Empty(t, ends)
			net.suffer(nil)
			time.Sleep(3 * time.Second)
			synctest.Wait()
			require.Len(t, ends, 1, "frames of %s were lost", lossy)
		}
	})
}

func TestResyncForgetsWatchersThatAreGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net, a, b := two(t)
		got := make(chan string, 16)
		b.system.ProcessRegistry.Add(process{got}, "probe")
		watch, _ := a.watcher("watcher")
		watch(b.pid("probe"))
		synctest.Wait()
		require.Equal(t, "*actor.Watch", <-got)
		require.NoError(t, a.system.Root.StopFuture(a.pid("watcher")).Wait())
		a.bridge.Resync()
		synctest.Wait()
		require.Equal(t, "*actor.Unwatch", <-got)
		sends := net.sends.Load()
		a.bridge.Resync()
		synctest.Wait()
		assert.Equal(t, sends, net.sends.Load(), "nothing is left to repeat")
		assert.Empty(t, got)
	})
}

func TestANodeThatIsDownEndsWatchesAndAnswersAtOnce(t *testing.T) {
	t.Parallel()
	net, a, b := two(t, func(c *bridge.Config) { c.Patience = time.Hour })
	b.spawn("echo", echo)
	watchHere, ends := a.watcher("watcher")
	watchHere(b.pid("echo"))
	_, err := request(a, b.pid("echo"), token(1))
	require.NoError(t, err)
	got := make(chan string, 16)
	a.system.ProcessRegistry.Add(process{got}, "probe")
	watchThere, _ := b.watcher("watcher")
	watchThere(a.pid("probe"))
	require.Equal(t, "*actor.Watch", receive(t, got))

	net.fail(laterError{})
	waiting := a.system.Root.RequestFuture(b.pid("echo"), token(1), deadline)
	a.bridge.NodeDown("b.c1")
	require.ErrorIs(t, waiting.Wait(), actor.ErrDeadLetter)
	assert.Equal(t, actor.TerminatedReason_AddressTerminated, receive(t, ends).GetWhy())
	assert.Equal(t, "*actor.Unwatch", receive(t, got))
	net.fail(nil)

	_, err = request(a, b.pid("echo"), token(1))
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	watchHere(b.pid("echo"))
	assert.Equal(t, actor.TerminatedReason_AddressTerminated, receive(t, ends).GetWhy())
	b.system.Root.Send(a.pid("probe"), token(1))
	a.refused.await(t, bridge.ReasonDown, 1)
	assert.Empty(t, got)

	a.bridge.NodeUp("b.c1")
	_, err = request(a, b.pid("echo"), token(1))
	require.NoError(t, err)
	assert.Zero(t, a.bridge.Queued())
}

func TestADeadLetterKeepsItsContent(t *testing.T) {
	t.Parallel()
	net, a, b := two(t)
	letters := make(chan *actor.DeadLetterEvent, 16)
	subscription := a.system.EventStream.Subscribe(func(e any) {
		letter, ok := e.(*actor.DeadLetterEvent)
		if !ok {
			return
		}
		if _, ok := letter.Message.(*messages.AttemptAlive); ok {
			letters <- letter
		}
	})
	defer a.system.EventStream.Unsubscribe(subscription)
	net.fail(laterError{})
	watch, _ := a.watcher("watcher")
	watch(b.pid("x")) // waits in the same frame, and is not a dead letter
	a.system.Root.Send(b.pid("x"), &actor.MessageEnvelope{Message: token(7), Sender: a.pid("asker")})
	a.bridge.NodeDown("b.c1")
	letter := receive(t, letters)
	assert.Equal(t, uint64(7), letter.Message.(*messages.AttemptAlive).GetToken())
	assert.True(t, letter.PID.Equal(b.pid("x")))
	assert.True(t, letter.Sender.Equal(a.pid("asker")))
}
