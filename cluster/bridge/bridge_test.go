package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/bridge"
	"yardmaster/messages"
)

func request(n *node, to *actor.PID, m any) (any, error) {
	return n.system.Root.RequestFuture(to, m, deadline).Result()
}

func two(t *testing.T, setups ...setup) (net *network, a, b *node) {
	t.Helper()
	net = newNetwork()
	return net, net.start(t, bridge.Coordinator, "a", setups...), net.start(t, bridge.Coordinator, "b", setups...)
}

func TestARequestIsAnsweredAcrossNodes(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	b.spawn("echo", echo)
	got, err := request(a, b.pid("echo"), token(41))
	require.NoError(t, err)
	assert.Equal(t, uint64(42), got.(*messages.AttemptAlive).GetToken())
}

func TestWhatCannotArriveIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	net, a, b := two(t)
	net.largest = 1 << 20
	w := net.start(t, bridge.Worker, "w")
	b.spawn("echo", echo)
	huge := &messages.LogChunk{Data: make([]byte, 2<<20)}
	for name, c := range map[string]struct {
		to      *actor.PID
		message any
		reason  bridge.Reason
	}{
		"no such actor":       {b.pid("missing"), token(1), ""},
		"not a message":       {b.pid("echo"), "text", bridge.ReasonType},
		"a system message":    {b.pid("echo"), &actor.Stop{}, bridge.ReasonType},
		"too large":           {b.pid("echo"), huge, bridge.ReasonTooLarge},
		"no such address":     {actor.NewPID("nowhere", "echo"), token(1), bridge.ReasonAddress},
		"no such role":        {actor.NewPID("a.x1", "echo"), token(1), bridge.ReasonAddress},
		"a past life of ours": {actor.NewPID("a.c0", "echo"), token(1), bridge.ReasonDown},
		"a name that is no text": {
			actor.NewPID(b.bridge.Address(), "\xff"), token(1),
			bridge.ReasonEncoding,
		},
	} {
		before := a.dropped.of(c.reason)
		_, err := request(a, c.to, c.message)
		require.ErrorIs(t, err, actor.ErrDeadLetter, name)
		if c.reason != "" {
			assert.Greater(t, a.dropped.of(c.reason), before, name)
		}
	}
	_, err := request(w, actor.NewPID("w2.w1", "x"), token(1))
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	assert.Equal(t, 1, w.dropped.of(bridge.ReasonUnreachable))
}

func TestHeadersAndForeignSendersCross(t *testing.T) {
	t.Parallel()
	net, a, b := two(t)
	c := net.start(t, bridge.Coordinator, "c")
	type seen struct{ trace, sender string }
	got := make(chan seen, 1)
	b.spawn("target", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*messages.AttemptAlive); ok {
			got <- seen{ctx.MessageHeader().Get("trace"), ctx.Sender().String()}
		}
	})
	a.system.Root.Send(b.pid("target"), &actor.MessageEnvelope{
		Header: map[string]string{"trace": "7"}, Message: token(1), Sender: c.pid("asker"),
	})
	assert.Equal(t, seen{"7", c.pid("asker").String()}, receive(t, got))
}

// process records what reaches an actor, user and system messages in one order.
type process struct{ got chan string }

func (p process) SendUserMessage(_ *actor.PID, m any) {
	p.got <- fmt.Sprint(actor.UnwrapEnvelopeMessage(m).(*messages.AttemptAlive).GetToken())
}
func (p process) SendSystemMessage(_ *actor.PID, m any) { p.got <- fmt.Sprintf("%T", m) }
func (p process) Stop(*actor.PID)                       { p.got <- "stop" }

func TestStopAndWatchKeepTheirPlaceAmongUserMessages(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	got := make(chan string, 64)
	_, added := b.system.ProcessRegistry.Add(process{got}, "probe")
	require.True(t, added)
	pid := b.pid("probe")
	a.spawn("watcher", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			ctx.Send(pid, token(1))
			ctx.Watch(pid)
			ctx.Send(pid, token(2))
			ctx.Stop(pid)
			ctx.Send(pid, token(3))
			ctx.Unwatch(pid)
		}
	})
	for _, want := range []string{"1", "*actor.Watch", "2", "stop", "3", "*actor.Unwatch"} {
		assert.Equal(t, want, receive(t, got))
	}
}

func TestARemotePoisonEndsAnActorAfterItsMessages(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	got := collect[*messages.AttemptAlive](b, "target")
	for i := range 100 {
		a.system.Root.Send(b.pid("target"), token(uint64(i)))
	}
	require.NoError(t, a.system.Root.PoisonFuture(b.pid("target")).Wait())
	assert.Len(t, got, 100)
	b.spawn("other", func(actor.Context) {})
	require.NoError(t, a.system.Root.StopFuture(b.pid("other")).Wait())
}

func TestAMessageThatFillsAFrameGoesAlone(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	got := collect[*messages.LogChunk](b, "target")
	sizes := []int{10, 60 << 10, 70 << 10, 900 << 10, 10, 64 << 10}
	for i, size := range sizes {
		a.system.Root.Send(b.pid("target"), &messages.LogChunk{Seq: uint64(i), Data: make([]byte, size)})
	}
	for i, size := range sizes {
		m := receive(t, got)
		assert.Equal(t, uint64(i), m.GetSeq())
		assert.Len(t, m.GetData(), size)
	}
	assert.Zero(t, a.bridge.Queued())
}

func TestAFullQueueRefuses(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]setup{
		"of the peer":  func(c *bridge.Config) { c.QueueBytes = 2000 },
		"of all peers": func(c *bridge.Config) { c.TotalBytes = 2000 },
	} {
		net, a, b := two(t, limit, func(c *bridge.Config) { c.Patience = time.Hour })
		got := collect[*messages.LogChunk](b, "target")
		net.fail(laterError{})
		for range 5 {
			a.system.Root.Send(b.pid("target"), &messages.LogChunk{Data: make([]byte, 500)})
		}
		_, err := request(a, b.pid("target"), &messages.LogChunk{Data: make([]byte, 500)})
		require.ErrorIs(t, err, actor.ErrDeadLetter, name)
		assert.Positive(t, a.dropped.of(bridge.ReasonQueue), name)
		net.fail(nil)
		for range 6 - a.dropped.of(bridge.ReasonQueue) {
			receive(t, got)
		}
	}
}

func TestFramesWaitOutAShortOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net, a, b := two(t)
		got := collect[*messages.LogChunk](b, "target")
		net.fail(laterError{})
		for i := range 50 {
			a.system.Root.Send(b.pid("target"), &messages.LogChunk{Seq: uint64(i), Data: make([]byte, 40<<10)})
			time.Sleep(30 * time.Millisecond)
		}
		net.fail(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, got, 50)
		for i := range 50 {
			assert.Equal(t, uint64(i), (<-got).GetSeq())
		}
		assert.Less(t, net.sends.Load(), int64(80), "attempts should have grown rarer")
	})
}

func TestTheBreakerOpensInALongOutageAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		states := make(chan string, 16)
		net, a, b := two(t, func(c *bridge.Config) {
			c.TripAfter = 1
			c.Hooks.BreakerChanged = func(s string) { states <- s }
		})
		b.spawn("echo", echo)
		net.fail(laterError{})
		began := time.Now()
		_, err := request(a, b.pid("echo"), token(1))
		require.ErrorIs(t, err, actor.ErrDeadLetter)
		assert.InDelta(t, 2, time.Since(began).Seconds(), 0.4, "the frame waits for Config.Patience")
		assert.Equal(t, "open", <-states)

		began = time.Now()
		_, err = request(a, b.pid("echo"), token(1))
		require.ErrorIs(t, err, actor.ErrDeadLetter)
		assert.Zero(t, time.Since(began), "an open breaker answers at once")
		assert.Equal(t, 1, a.dropped.of(bridge.ReasonBreaker))

		time.Sleep(1100 * time.Millisecond)
		_, err = request(a, b.pid("echo"), token(1))
		require.ErrorIs(t, err, actor.ErrDeadLetter)
		assert.Equal(t, []string{"half-open", "open"}, []string{<-states, <-states})

		time.Sleep(1100 * time.Millisecond)
		net.fail(nil)
		_, err = request(a, b.pid("echo"), token(1))
		require.NoError(t, err)
		assert.Equal(t, []string{"half-open", "closed"}, []string{<-states, <-states})
		_, err = request(a, b.pid("echo"), token(1))
		require.NoError(t, err)
	})
}

func TestAFrameThatTheTransportRefusesIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	net, a, b := two(t)
	b.spawn("echo", echo)
	net.fail(errors.New("closed"))
	_, err := request(a, b.pid("echo"), token(1))
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	assert.Equal(t, 1, a.dropped.of(bridge.ReasonTransport))
	net.fail(nil)
	_, err = request(a, b.pid("echo"), token(1))
	require.NoError(t, err)
}

func TestALostAnswerTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net, a, b := two(t)
		b.spawn("echo", echo)
		net.suffer(func(from, _ string) (int, time.Duration) {
			if from == "b.c1" {
				return 0, 0
			}
			return 1, 0
		})
		_, err := request(a, b.pid("echo"), token(1))
		require.ErrorIs(t, err, actor.ErrTimeout)
	})
}

func TestIdleEndpointsEndAndComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, func(c *bridge.Config) { c.ResyncEvery = time.Minute })
		b.spawn("echo", echo)
		pid := b.pid("echo")
		endpoints := func() (n int) {
			for _, bucket := range a.system.ProcessRegistry.LocalPIDs.LocalPIDs {
				for _, id := range bucket.Keys() {
					if strings.HasPrefix(id, "endpoint/") {
						n++
					}
				}
			}
			return n
		}
		for range 3 {
			_, err := request(a, pid, token(1))
			require.NoError(t, err)
			assert.Equal(t, 1, endpoints())
			time.Sleep(7 * time.Minute)
			synctest.Wait()
			assert.Zero(t, endpoints())
		}
	})
}

func TestADeafBridgeHearsNothingAndStillSends(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	fromA, fromB := collect[*messages.AttemptAlive](b, "target"), collect[*messages.AttemptAlive](a, "target")
	require.NoError(t, b.bridge.Deafen())
	require.NoError(t, b.bridge.Deafen())
	require.ErrorIs(t, b.bridge.Listen(), bridge.ErrListening)
	a.system.Root.Send(b.pid("target"), token(1))
	b.system.Root.Send(a.pid("target"), token(2))
	assert.Equal(t, uint64(2), receive(t, fromB).GetToken())
	assert.Empty(t, fromA)
}

func TestCloseSendsWhatWaitsAndThenAnswersWithDeadLetters(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	got := collect[*messages.AttemptAlive](b, "target")
	for i := range 1000 {
		a.system.Root.Send(b.pid("target"), token(uint64(i)))
	}
	require.NoError(t, a.bridge.Close(t.Context()))
	require.NoError(t, a.bridge.Close(t.Context()))
	for i := range 1000 {
		assert.Equal(t, uint64(i), receive(t, got).GetToken())
	}
	_, err := request(a, b.pid("target"), token(1))
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	watch, ends := a.watcher("watcher")
	watch(b.pid("target"))
	assert.Equal(t, actor.TerminatedReason_AddressTerminated, receive(t, ends).GetWhy())
	require.ErrorIs(t, a.bridge.Listen(), bridge.ErrListening)
}

func TestCloseGivesUpWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	net, a, b := two(t, func(c *bridge.Config) { c.Patience = time.Hour })
	net.fail(laterError{})
	asked := a.system.Root.RequestFuture(b.pid("x"), token(1), deadline)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, a.bridge.Close(ctx))
	require.ErrorIs(t, asked.Wait(), actor.ErrDeadLetter)
	assert.Zero(t, a.bridge.Queued())
}

func TestStartReportsEveryFault(t *testing.T) {
	t.Parallel()
	net := newNetwork()
	quick := actor.WithDeadLetterThrottleInterval(10 * time.Millisecond)
	system := bridge.NewSystem("a", "c1", slog.New(slog.DiscardHandler), quick)
	_, err := bridge.Start(system, net.on("a.c1", ""), bridge.Config{
		NodeID: "b", Role: bridge.Coordinator, Patience: -1, Kinds: []bridge.Kind{{Name: "job"}},
	})
	require.ErrorContains(t, err, `not the address of coordinator "b"`)
	require.ErrorContains(t, err, "Patience is negative")
	require.ErrorContains(t, err, `kind "job"`)

	_, err = system.Root.RequestFuture(actor.NewPID("b.c1", "x"), token(1), deadline).Result()
	require.ErrorIs(t, err, actor.ErrDeadLetter, "there is no bridge yet")

	foreign := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	foreign.ProcessRegistry.Address = "a.c1"
	_, err = bridge.Start(foreign, net.on("a.c1", ""), bridge.Config{NodeID: "a", Role: bridge.Coordinator})
	require.ErrorIs(t, err, bridge.ErrSystem)

	cfg := bridge.Config{NodeID: "a", Role: bridge.Coordinator}
	b, err := bridge.Start(system, net.on("a.c1", ""), cfg)
	require.NoError(t, err)
	assert.Equal(t, "a.c1", b.Address())
	_, err = bridge.Start(system, net.on("a.c1", ""), cfg)
	require.ErrorIs(t, err, bridge.ErrSystem)
	require.NoError(t, b.Close(t.Context()))
}

func TestAddressesSayWhatANodeIs(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1_700_000_000, 0), time.Unix(1_900_000_000, 0)
	a := bridge.JoinAddress("n-1", bridge.NewEpoch(bridge.Worker, early))
	p, err := bridge.ParseAddress(a)
	require.NoError(t, err)
	assert.Equal(t, bridge.Peer{Address: a, NodeID: "n-1", Role: bridge.Worker}, p)
	assert.Less(t, bridge.NewEpoch(bridge.Worker, early), bridge.NewEpoch(bridge.Worker, late))
	long := strings.Repeat("n", 129)
	for _, bad := range []string{"", "n", "n.", ".c1", "n.x1", "n.c1.c2", "n*.c1", "n.c1>", long + ".c1"} {
		_, err := bridge.ParseAddress(bad)
		require.ErrorIs(t, err, bridge.ErrAddress, bad)
	}
	assert.Equal(t, "coordinator worker unknown",
		fmt.Sprint(bridge.Coordinator, " ", bridge.Worker, " ", bridge.Role('?')))
}
