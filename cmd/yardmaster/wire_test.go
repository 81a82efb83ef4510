package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/actors/actorstest"
	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
)

// startJetStream starts a NATS server with the streams of two partitions.
func startJetStream(t *testing.T) (*natsjs.Server, jetstream.JetStream) {
	t.Helper()
	s, err := natsjs.StartServer(natsjs.ServerConfig{
		DataDir: t.TempDir(), Partitions: 2, Logger: slog.New(slog.DiscardHandler), DontListen: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	})
	conn, err := s.Connect(t.Context(), natsjs.DialConfig{Name: "test"})
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = natsjs.Ensure(t.Context(), js, natsjs.Streams(2, 1))
	require.NoError(t, err)
	return s, js
}

func TestTheJournalOnJetStreamIsAnOpener(t *testing.T) {
	t.Parallel()
	actorstest.Opener(t, func(t *testing.T) actors.Opener {
		s, js := startJetStream(t)
		snapshots, err := natsjs.OpenSnapshots(t.Context(), js, 1)
		require.NoError(t, err)
		return &opener{
			partitions: &natsjs.Partitions{
				JS: js, Snapshots: snapshots, Marks: s.Marks(), Owner: "test", Hooks: journal.Hooks{},
				Log: slog.New(slog.DiscardHandler),
			},
			heads: map[uint32]headed{},
		}
	})
}

func TestTheLogsOnJetStreamAreLogs(t *testing.T) {
	t.Parallel()
	actorstest.Logs(t, func(t *testing.T) actors.Logs {
		_, js := startJetStream(t)
		logs, err := natsjs.OpenLogs(t.Context(), js)
		require.NoError(t, err)
		return &logStore{ctx: context.Background(), logs: logs, count: 2}
	})
}
