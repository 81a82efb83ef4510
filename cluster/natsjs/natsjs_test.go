package natsjs_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
)

const patience = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// machine is a server with its streams, and what is opened on it.
type machine struct {
	server *natsjs.Server
	js     jetstream.JetStream
	stop   func()
}

// start starts a server with four partitions on dir.
func start(t testing.TB, dir string) machine {
	t.Helper()
	s, err := natsjs.StartServer(natsjs.ServerConfig{DataDir: dir, Partitions: 4, Logger: quiet, Port: -1})
	require.NoError(t, err)
	nc, err := s.Connect(t.Context(), natsjs.DialConfig{Name: "test"})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = natsjs.Ensure(t.Context(), js, natsjs.Streams(4, 1))
	require.NoError(t, err)
	stopped := false
	m := machine{server: s, js: js, stop: func() {
		if stopped {
			return
		}
		stopped = true
		nc.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	}}
	t.Cleanup(m.stop)
	return m
}

func (m machine) store(t testing.TB, partition uint32) *natsjs.JournalStore {
	t.Helper()
	s, err := natsjs.OpenJournalStore(t.Context(), m.js, partition)
	require.NoError(t, err)
	return s
}

// open opens the journal of a partition and adds what it replays to h.
func (m machine) open(t testing.TB, partition uint32, h map[uint64]string) (*journal.Journal, error) {
	t.Helper()
	j, err := journal.Open(t.Context(), m.store(t, partition), journal.Config{
		Partition: partition, Owner: "n1", Marks: m.server.Marks(),
	}, func(b journal.Batch) error {
		for i, e := range b.Events {
			if b.Kind == journal.Events && h != nil {
				h[b.First+uint64(i)] = string(e)
			}
		}
		return nil
	})
	if err == nil {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = j.Close(ctx)
		})
	}
	return j, err
}

func TestTheStorePassesTheSuite(t *testing.T) {
	t.Parallel()
	journaltestStore(t)
}

func TestAcknowledgedEventsAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir)
	j, err := m.open(t, 2, nil)
	require.NoError(t, err)
	want := map[uint64]string{}
	for i := range 50 {
		e := fmt.Sprint("event ", i)
		ack, err := j.Append([][]byte{[]byte(e)})
		require.NoError(t, err)
		want[ack.First] = e
	}
	m.stop() // the journal is not closed

	got := map[uint64]string{}
	again := start(t, dir)
	j, err = again.open(t, 2, got)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, uint64(2), j.Epoch())
}

func TestTheSecondOwnerFencesTheFirstOnJetStream(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	old, err := m.open(t, 0, nil)
	require.NoError(t, err)
	young, err := m.open(t, 0, nil)
	require.NoError(t, err)
	_, err = old.Append([][]byte{[]byte("late")})
	require.ErrorIs(t, err, journal.ErrLostOwnership)
	<-old.Lost()
	_, err = young.Append([][]byte{[]byte("new")})
	require.NoError(t, err)
}

func TestALargeEntryPasses(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	j, err := m.open(t, 0, nil)
	require.NoError(t, err)
	_, err = j.Append([][]byte{bytes.Repeat([]byte("x"), 4<<20-16)})
	require.NoError(t, err)
}

func TestARemovedMessageIsAHole(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	j, err := m.open(t, 0, nil)
	require.NoError(t, err)
	for range 5 {
		_, err := j.Append([][]byte{[]byte("x")})
		require.NoError(t, err)
	}
	stream, err := m.js.Stream(t.Context(), "YM_JOURNAL_0")
	require.NoError(t, err)
	require.Error(t, stream.DeleteMsg(t.Context(), 3), "deletion is denied")
	require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeSequence(3)))
	_, err = m.open(t, 0, nil)
	require.ErrorIs(t, err, journal.ErrHole)
	require.NoError(t, stream.Purge(t.Context()))
	_, err = m.open(t, 0, nil)
	require.ErrorIs(t, err, journal.ErrTruncated)
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	s, err := natsjs.OpenSnapshots(t.Context(), m.js, 1)
	require.NoError(t, err)
	none, err := s.Latest(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, none)

	for i := range uint64(3) {
		at := journal.Point{Sequence: 9 + i, Hash: journal.Hash{byte(i)}}
		data := bytes.Repeat([]byte{byte(i)}, 300_000)
		require.NoError(t, s.Put(t.Context(), 1, at, bytes.NewReader(data)))
	}
	require.NoError(t, s.Put(t.Context(), 2, journal.Point{Sequence: 99}, bytes.NewReader(nil)))
	newest, err := s.Latest(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, journal.Point{Sequence: 11, Hash: journal.Hash{2}}, newest.At)
	require.Equal(t, bytes.Repeat([]byte{2}, 300_000), newest.Data)
	floor, err := s.Floor(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, uint64(10), floor)

	bucket, err := m.js.ObjectStore(t.Context(), "YM_SNAPSHOTS")
	require.NoError(t, err)
	stream, err := m.js.Stream(t.Context(), "OBJ_YM_SNAPSHOTS")
	require.NoError(t, err)
	damage := func(name string) {
		info, err := bucket.GetInfo(t.Context(), name)
		require.NoError(t, err)
		subject := "$O.YM_SNAPSHOTS.C." + info.NUID
		msg, err := stream.GetLastMsgForSubject(t.Context(), subject)
		require.NoError(t, err)
		require.NoError(t, stream.DeleteMsg(t.Context(), msg.Sequence))
		_, err = m.js.Publish(t.Context(), subject, bytes.Repeat([]byte("?"), len(msg.Data)))
		require.NoError(t, err)
	}
	damage(fmt.Sprintf("p1.%020d", 11))
	older, err := s.Latest(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, uint64(10), older.At.Sequence)
	require.Len(t, older.Skipped, 1)
	damage(fmt.Sprintf("p1.%020d", 10))
	_, err = s.Latest(t.Context(), 1)
	require.ErrorIs(t, err, natsjs.ErrNoSnapshot)
}
