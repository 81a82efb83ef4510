package natsjs_test

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
)

func TestAnAddressInUseIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	addr, _ := l.Addr().(*net.TCPAddr)
	_, err = natsjs.StartServer(natsjs.ServerConfig{
		DataDir: t.TempDir(), Partitions: 1, Logger: quiet, Port: addr.Port,
	})
	require.ErrorContains(t, err, l.Addr().String())
	require.ErrorContains(t, err, "--nats-listen")
	_, err = natsjs.StartServer(natsjs.ServerConfig{})
	require.Error(t, err)
}

func TestAServerThatDoesNotListenServesItsOwnProcess(t *testing.T) {
	t.Parallel()
	s, err := natsjs.StartServer(natsjs.ServerConfig{
		DataDir: t.TempDir(), Partitions: 1, Logger: quiet, DontListen: true,
	})
	require.NoError(t, err)
	nc, err := s.Connect(t.Context(), natsjs.DialConfig{})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.Empty(t, s.URL())
	nc.Close()
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestALostConnectionIsToldByName(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	names := make(chan string, 8)
	require.NoError(t, m.server.OnDisconnect(t.Context(), func(name, _ string) { names <- name }))
	require.Error(t, m.server.OnDisconnect(t.Context(), nil))
	nc, err := natsjs.Dial(t.Context(), m.server.URL(), natsjs.DialConfig{Name: "worker-1"})
	require.NoError(t, err)
	nc.Close()
	require.Equal(t, "worker-1", <-names)
}

func TestAConnectionComesBackAndTellsOfIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir)
	changes := make(chan natsjs.Change, 16)
	url := m.server.URL()
	nc, err := natsjs.Dial(t.Context(), url, natsjs.DialConfig{
		InboxPrefix: "_INBOX.w1",
		Changes:     func(c natsjs.Change, _ error) { changes <- c },
	})
	require.NoError(t, err)
	require.Equal(t, natsjs.Connected, <-changes)
	require.True(t, strings.HasPrefix(nc.NewInbox(), "_INBOX.w1."))
	m.stop()
	require.Equal(t, natsjs.Disconnected, <-changes)
	require.ErrorIs(t, nc.Publish("x", nil), nats.ErrReconnectBufExceeded)

	addr, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	s, err := natsjs.StartServer(natsjs.ServerConfig{DataDir: dir, Partitions: 4, Logger: quiet, Port: addr.Port})
	require.NoError(t, err)
	for c := range changes {
		if c == natsjs.Reconnected {
			break
		}
	}
	nc.Close()
	for c := range changes {
		if c == natsjs.Closed {
			break
		}
	}
	require.NoError(t, s.Shutdown(t.Context()))
	require.Equal(t, "slow_consumer", natsjs.SlowConsumer.String())
}

func TestStreamsAreMadeUpdatedAndRemoved(t *testing.T) {
	t.Parallel()
	ctx, js := t.Context(), start(t, t.TempDir()).js
	again, err := natsjs.Ensure(ctx, js, natsjs.Streams(4, 1))
	require.NoError(t, err)
	require.Zero(t, again, "nothing is left to do")

	changed := natsjs.Streams(4, 1)
	changed[0].MaxMsgSize = 1 << 20
	mine := map[string]string{"yardmaster": "1"}
	for _, c := range []jetstream.StreamConfig{
		{Name: "OLD_EMPTY", Subjects: []string{"old.empty"}, Metadata: mine},
		{Name: "OLD_FULL", Subjects: []string{"old.full"}, Metadata: mine},
		{Name: "OLD_LISTED", Subjects: []string{"old.listed"}, Metadata: mine},
		{Name: "FOREIGN", Subjects: []string{"foreign"}},
	} {
		_, err := js.CreateStream(ctx, c)
		require.NoError(t, err)
	}
	for _, subject := range []string{"old.full", "old.listed"} {
		_, err := js.Publish(ctx, subject, nil)
		require.NoError(t, err)
	}
	done, err := natsjs.Ensure(ctx, js, changed, "OLD_LISTED", "FOREIGN")
	require.NoError(t, err)
	require.Equal(t, []string{"YM_JOURNAL_0"}, done.Updated)
	slices.Sort(done.Removed)
	require.Equal(t, []string{"OLD_EMPTY", "OLD_LISTED"}, done.Removed)
	require.Equal(t, []string{"OLD_FULL"}, done.Kept)
	_, err = js.Stream(ctx, "FOREIGN")
	require.NoError(t, err)
	_, err = natsjs.Ensure(ctx, js, []jetstream.StreamConfig{{Name: "FOREIGN", Subjects: []string{"foreign"}}})
	require.ErrorContains(t, err, "not ours")
}

func TestTheNamesAreAsWritten(t *testing.T) {
	t.Parallel()
	const golden = "testdata/subjects.txt"
	got := natsjs.Names(4)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
