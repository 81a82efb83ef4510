package natsjs_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
)

// soon is a deadline for what is certain not to come.
const soon = 100 * time.Millisecond

// asker connects as a worker does.
func asker(t *testing.T, url, worker string) *nats.Conn {
	t.Helper()
	nc, err := natsjs.Dial(t.Context(), url, natsjs.DialConfig{Name: worker, InboxPrefix: natsjs.WorkerInbox(worker)})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func serveDiscovery(t *testing.T, nc *nats.Conn, address string) (stop func() error) {
	t.Helper()
	stop, err := natsjs.ServeDiscovery(nc, address)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return stop
}

func TestAWorkerFindsTheCoordinatorUntilThatStops(t *testing.T) {
	t.Parallel()
	s, node, _ := transportServer(t)
	worker := asker(t, s.ClientURL(), "w1")
	ctx, cancel := context.WithTimeout(t.Context(), transportDeadline)
	defer cancel()
	_, err := natsjs.Discover(ctx, worker, "w1")
	require.ErrorIs(t, err, nats.ErrNoResponders)
	require.ErrorContains(t, err, "natsjs: no coordinator node answers")

	stop := serveDiscovery(t, node, "n1/7")
	address, err := natsjs.Discover(ctx, worker, "w1")
	require.NoError(t, err)
	assert.Equal(t, "n1/7", address)

	require.NoError(t, stop())
	require.NoError(t, node.Flush())
	_, err = natsjs.Discover(ctx, worker, "w1")
	require.ErrorIs(t, err, nats.ErrNoResponders)
	require.NoError(t, ctx.Err(), "told at once, not by the deadline")
	require.Error(t, stop(), "it has stopped already")
}

func TestNobodyIsSentAnAnswerThatAnotherAskedFor(t *testing.T) {
	t.Parallel()
	s, node, _ := transportServer(t)
	serveDiscovery(t, node, "n1/7")
	evil := asker(t, s.ClientURL(), "evil")
	for _, victim := range []string{
		natsjs.WorkerInbox("w1") + ".x", natsjs.WorkerInbox("evil"), natsjs.WorkerInbox("evil2") + ".x", "ym.journal.0",
	} {
		heard, err := evil.SubscribeSync(victim)
		require.NoError(t, err)
		require.NoError(t, evil.PublishRequest("up.evil.discover", victim, nil))
		// Requests are answered in order, so that after this answer nothing is under way.
		ctx, cancel := context.WithTimeout(t.Context(), transportDeadline)
		_, err = natsjs.Discover(ctx, evil, "evil")
		cancel()
		require.NoError(t, err)
		pending, _, err := heard.Pending()
		require.NoError(t, err)
		assert.Zero(t, pending, victim)
		require.NoError(t, heard.Unsubscribe())
	}
}

func TestDiscoveryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, node, stranger := transportServer(t)
	serveDiscovery(t, node, "n1/7")
	for name, nc := range map[string]*nats.Conn{
		"an inbox that is no worker's": stranger, "another worker's inbox": asker(t, s.ClientURL(), "w2"),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		_, err := natsjs.Discover(ctx, nc, "w1")
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
	}
}

func TestAWorkerThatIsBeforeItsServerSaysThatItIsNotConnected(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "nats://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	nc, err := natsjs.Dial(t.Context(), url, natsjs.DialConfig{InboxPrefix: natsjs.WorkerInbox("w1"), KeepTrying: true})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	ctx, cancel := context.WithTimeout(t.Context(), transportDeadline)
	defer cancel()
	_, err = natsjs.Discover(ctx, nc, "w1")
	require.ErrorContains(t, err, "natsjs: not connected to a server")
	assert.NotContains(t, err.Error(), "buffer")
	t.Log(err)
}

func TestDiscoveryNeedsAConnection(t *testing.T) {
	t.Parallel()
	_, node, _ := transportServer(t)
	node.Close()
	_, err := natsjs.ServeDiscovery(node, "n1/7")
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
	require.ErrorContains(t, err, "natsjs: serve discovery")
}
