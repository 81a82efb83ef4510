package natsjs_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
)

const transportDeadline = 10 * time.Second

// transportServer starts a real server and returns it with two connections.
func transportServer(t *testing.T) (*server.Server, *nats.Conn, *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, MaxPayload: 4096})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(transportDeadline))
	connect := func() *nats.Conn {
		c, err := nats.Connect(s.ClientURL(), nats.ReconnectBufSize(-1), nats.MaxReconnects(-1),
			nats.ReconnectWait(10*time.Millisecond))
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	return s, connect(), connect()
}

type frameArrival struct{ worker, frame string }

func listenForFrames(t *testing.T, c *nats.Conn, address, worker string) (<-chan frameArrival, func() error) {
	t.Helper()
	arrivals := make(chan frameArrival, 16)
	stop, err := natsjs.NewTransport(c, address, worker).Listen(func(worker string, frame []byte) {
		arrivals <- frameArrival{worker, string(frame)}
	})
	require.NoError(t, err)
	require.NoError(t, c.Flush())
	return arrivals, stop
}

func nextFrame(t *testing.T, arrivals <-chan frameArrival) frameArrival {
	t.Helper()
	select {
	case a := <-arrivals:
		return a
	case <-time.After(transportDeadline):
		require.FailNow(t, "nothing arrived")
		return frameArrival{}
	}
}

func TestFrameSubjectsSayWhoSpeaksToWhom(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "ym.node.n1~c5", natsjs.FrameSubject("", "", "n1.c5"))
	assert.Equal(t, "up.W1.n1~c5", natsjs.FrameSubject("W1", "", "n1.c5"))
	assert.Equal(t, "wk.W1.W1~w5", natsjs.FrameSubject("", "W1", "W1.w5"))
}

func TestFramesArriveInOrderWithTheWorkerThatSentThem(t *testing.T) {
	t.Parallel()
	_, near, far := transportServer(t)
	coordinator, _ := listenForFrames(t, far, "n1.c5", "")
	worker, _ := listenForFrames(t, far, "W1.w5", "W1")

	require.NoError(t, natsjs.NewTransport(near, "n2.c6", "").Send("", "n1.c5", []byte("a")))
	assert.Equal(t, frameArrival{"", "a"}, nextFrame(t, coordinator))
	fromWorker := natsjs.NewTransport(near, "W2.w6", "W2")
	require.NoError(t, fromWorker.Send("", "n1.c5", []byte("b")))
	require.NoError(t, fromWorker.Send("", "n1.c5", []byte("c")))
	assert.Equal(t, frameArrival{"W2", "b"}, nextFrame(t, coordinator))
	assert.Equal(t, frameArrival{"W2", "c"}, nextFrame(t, coordinator))
	require.NoError(t, natsjs.NewTransport(near, "n2.c6", "").Send("W1", "W1.w5", []byte("d")))
	assert.Equal(t, frameArrival{"", "d"}, nextFrame(t, worker))
}

func TestAStoppedListenerGetsNothing(t *testing.T) {
	t.Parallel()
	_, near, far := transportServer(t)
	first, stop := listenForFrames(t, far, "n1.c5", "")
	second, _ := listenForFrames(t, far, "n1.c5", "")
	require.NoError(t, stop())
	require.NoError(t, far.Flush())
	require.NoError(t, natsjs.NewTransport(near, "n2.c6", "").Send("", "n1.c5", []byte("a")))
	nextFrame(t, second)
	assert.Empty(t, first)
}

func TestADisconnectedTransportAsksForPatienceAndAClosedOneDoesNot(t *testing.T) {
	t.Parallel()
	s, near, _ := transportServer(t)
	transport := natsjs.NewTransport(near, "n2.c6", "")
	assert.Equal(t, 4096, transport.MaxFrame())
	require.NoError(t, transport.Flush(t.Context()))
	temporary := func(err error) bool {
		var later interface{ Temporary() bool }
		return assert.ErrorAs(t, err, &later) && later.Temporary()
	}
	gone := make(chan struct{})
	near.SetDisconnectErrHandler(func(*nats.Conn, error) { close(gone) })
	s.Shutdown()
	<-gone
	err := transport.Send("", "n1.c5", []byte("a"))
	require.ErrorIs(t, err, nats.ErrReconnectBufExceeded)
	assert.True(t, temporary(err))
	require.ErrorIs(t, transport.Flush(context.Background()), nats.ErrDisconnected)
	near.Close()
	err = transport.Send("", "n1.c5", []byte("a"))
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
	var later interface{ Temporary() bool }
	assert.NotErrorAs(t, err, &later)
	_, err = transport.Listen(func(string, []byte) {})
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}
