package bridge_test

import (
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/bridge"
	"yardmaster/messages"
)

func TestThreeNodesTalkOverARealServer(t *testing.T) {
	t.Parallel()
	on := over(t, natsServer(t))
	a := startOn(t, on, bridge.Coordinator, "a", allowAll, spawnKinds)
	b := startOn(t, on, bridge.Coordinator, "b", allowAll, spawnKinds)
	w := startOn(t, on, bridge.Worker, "w", spawnKinds)
	awaitSubscriptions(t, a, b)
	awaitSubscriptions(t, b, a)
	awaitSubscriptions(t, a, w)

	for _, pair := range [][2]*node{{a, b}, {a, w}, {w, b}} {
		got, err := request(pair[0], pair[1].pid("echo"), token(1))
		require.NoError(t, err)
		assert.Equal(t, uint64(2), got.(*messages.AttemptAlive).GetToken())
	}

	m, err := bridge.NewSpawn("echo", "remote", token(9))
	require.NoError(t, err)
	_, err = request(a, bridge.ActivatorPID(w.bridge.Address()), m)
	require.NoError(t, err)
	watch, ends := a.watcher("watcher")
	watch(w.pid("remote"))
	got := collect[*messages.AttemptAlive](w, "target")
	for i := range 20_000 {
		a.system.Root.Send(w.pid("target"), token(uint64(i)))
	}
	for i := range 20_000 {
		require.Equal(t, uint64(i), receive(t, got).GetToken())
	}
	require.NoError(t, a.system.Root.StopFuture(w.pid("remote")).Wait())
	assert.True(t, receive(t, ends).GetWho().Equal(w.pid("remote")))
}

func TestARealOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	s := natsServer(t)
	states := make(chan string, 16)
	disconnected, connected := make(chan struct{}, 1), make(chan struct{}, 1)
	var once sync.Once
	notice := func(*nats.Conn, error) { once.Do(func() { disconnected <- struct{}{} }) }
	noisy := over(t, s, nats.DisconnectErrHandler(notice),
		nats.ReconnectHandler(func(*nats.Conn) { connected <- struct{}{} }), nats.ReconnectWait(200*time.Millisecond))
	a := startOn(t, noisy, bridge.Coordinator, "a", func(c *bridge.Config) {
		c.Patience = deadline
		c.Hooks.BreakerChanged = func(s string) { states <- s }
	})
	b := startOn(t, over(t, s), bridge.Coordinator, "b")
	awaitSubscriptions(t, a, b)

	clients, err := s.Connz(nil)
	require.NoError(t, err)
	for _, c := range clients.Conns {
		require.NoError(t, s.DisconnectClientByID(c.Cid))
	}
	<-disconnected
	asked := a.system.Root.RequestFuture(b.pid("echo"), token(1), 2*deadline)
	<-connected
	awaitEcho(t, a, b.pid("echo"))
	_ = asked // its answer may have been lost with b's connection; that it was sent is what counts
	assert.Empty(t, states)
	assert.Zero(t, a.dropped.of(bridge.ReasonTransport))
}
