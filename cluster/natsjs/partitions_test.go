package natsjs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
)

// fold is the state of a partition: its events, in order.
type fold struct {
	events    []string
	restored  int // events that came out of a snapshot
	snapshots int
}

func (f *fold) snapshot(data []byte) error {
	f.snapshots++
	err := json.Unmarshal(data, &f.events)
	f.restored = len(f.events)
	return err
}

func (f *fold) event(data []byte) error {
	f.events = append(f.events, string(data))
	return nil
}

func (f *fold) encode() []byte {
	data, _ := json.Marshal(f.events)
	return data
}

// yard is one partition with its snapshots.
type yard struct {
	machine
	*natsjs.Partitions
	log  bytes.Buffer
	want []string // every event appended
}

const yardPartition = 3

// partitions starts a node whose journal makes a snapshot every 10 events.
func partitions(t *testing.T, dir string) *yard {
	t.Helper()
	y := &yard{machine: start(t, dir)}
	snapshots, err := natsjs.OpenSnapshots(t.Context(), y.js, 1)
	require.NoError(t, err)
	y.Partitions = &natsjs.Partitions{
		JS: y.js, Snapshots: snapshots, Marks: y.server.Marks(), Owner: "n1", CompactAfter: 10,
		Log: slog.New(slog.NewTextHandler(&y.log, nil)),
	}
	return y
}

func (y *yard) open(t *testing.T) (*journal.Journal, *fold) {
	t.Helper()
	f := &fold{}
	j, err := y.Open(t.Context(), yardPartition, f.snapshot, f.event)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = j.Close(ctx)
	})
	return j, f
}

func (y *yard) append(t *testing.T, j *journal.Journal, n int) {
	t.Helper()
	for range n {
		e := fmt.Sprint("event ", len(y.want))
		_, err := j.Append([][]byte{[]byte(e)})
		require.NoError(t, err)
		y.want = append(y.want, e)
	}
}

func (y *yard) compact(t *testing.T, j *journal.Journal) {
	t.Helper()
	var f fold
	require.NoError(t, y.Compact(t.Context(), yardPartition, j, f.snapshot, f.event, f.encode))
}

func (y *yard) newest(t *testing.T) uint64 {
	t.Helper()
	snap, err := y.Snapshots.Latest(t.Context(), yardPartition)
	require.NoError(t, err)
	return snap.At.Sequence
}

// damage overwrites the data of the snapshot that ends at a sequence.
func (y *yard) damage(t *testing.T, sequence uint64) {
	t.Helper()
	bucket, err := y.js.ObjectStore(t.Context(), "YM_SNAPSHOTS")
	require.NoError(t, err)
	info, err := bucket.GetInfo(t.Context(), fmt.Sprintf("p%d.%020d", yardPartition, sequence))
	require.NoError(t, err)
	stream, err := y.js.Stream(t.Context(), "OBJ_YM_SNAPSHOTS")
	require.NoError(t, err)
	subject := "$O.YM_SNAPSHOTS.C." + info.NUID
	msg, err := stream.GetLastMsgForSubject(t.Context(), subject)
	require.NoError(t, err)
	require.NoError(t, stream.DeleteMsg(t.Context(), msg.Sequence))
	_, err = y.js.Publish(t.Context(), subject, bytes.Repeat([]byte("?"), len(msg.Data)))
	require.NoError(t, err)
}

// first returns the position of the oldest message that is left of the journal.
func (y *yard) first(t *testing.T) uint64 {
	t.Helper()
	first, _, err := y.store(t, yardPartition).Bounds(t.Context())
	require.NoError(t, err)
	return first
}

func TestAPartitionWithoutSnapshotIsReplayedWithoutItsClaims(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	j, f := y.open(t)
	assert.Empty(t, f.events)
	y.append(t, j, 3)
	j, _ = y.open(t) // a second claim, amid the events
	y.append(t, j, 2)
	_, f = y.open(t)
	assert.Equal(t, y.want, f.events)
	assert.Zero(t, f.snapshots)
}

func TestASnapshotIsMadeOnceTheJournalHasGrownEnough(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	j, _ := y.open(t) // the claim is the first event of the journal
	y.append(t, j, 8)
	y.compact(t, j)
	assert.Zero(t, y.newest(t), "9 of 10")
	y.append(t, j, 1)
	y.compact(t, j)
	assert.Equal(t, uint64(10), y.newest(t))
	y.append(t, j, 9)
	y.compact(t, j)
	assert.Equal(t, uint64(10), y.newest(t), "again it does nothing")
	y.append(t, j, 1)
	y.compact(t, j)
	assert.Equal(t, uint64(20), y.newest(t))
	y.CompactAfter = 0
	y.append(t, j, 20)
	y.compact(t, j)
	assert.Equal(t, uint64(20), y.newest(t), "the default is far off")
	assert.Equal(t, uint64(1), y.first(t), "without a retention nothing goes")
}

func TestARestartFoldsTheSnapshotAndTheTailExactlyOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	y := partitions(t, dir)
	j, _ := y.open(t)
	y.append(t, j, 12)
	y.compact(t, j)
	y.append(t, j, 5)
	y.stop()

	again := partitions(t, dir)
	again.want = y.want
	j, f := again.open(t)
	assert.Equal(t, y.want, f.events)
	assert.Equal(t, 12, f.restored)
	assert.Equal(t, 1, f.snapshots)
	again.append(t, j, 9)
	again.compact(t, j) // of the older snapshot and the tail
	_, f = again.open(t)
	assert.Equal(t, again.want, f.events)
	assert.Equal(t, len(again.want), f.restored)
	assert.Empty(t, again.log.String())
}

func TestADamagedNewestSnapshotFallsBackToTheOlderOne(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	y.Retention = time.Nanosecond // everything is past it at once
	j, _ := y.open(t)
	for range 3 {
		y.append(t, j, 15)
		y.compact(t, j)
	}
	older, err := y.Snapshots.Floor(t.Context(), yardPartition)
	require.NoError(t, err)
	assert.Greater(t, y.first(t), uint64(1), "something was trimmed")
	assert.Less(t, older, y.newest(t))
	y.append(t, j, 1)
	y.damage(t, y.newest(t))

	_, f := y.open(t)
	assert.Equal(t, y.want, f.events, "the older snapshot has all it needs")
	assert.Equal(t, 30, f.restored)
	assert.Contains(t, y.log.String(), "a damaged snapshot was passed over")
	assert.Contains(t, y.log.String(), "partition=3")

	y.damage(t, older)
	_, err = y.Open(t.Context(), yardPartition, f.snapshot, f.event)
	require.ErrorIs(t, err, natsjs.ErrNoSnapshot)
	err = y.Compact(t.Context(), yardPartition, j, f.snapshot, f.event, f.encode)
	require.NoError(t, err, "nothing to do yet")
}

func TestCompactingGoesOnFromTheOlderSnapshotWhenTheNewestIsDamaged(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	j, _ := y.open(t)
	for range 2 {
		y.append(t, j, 15)
		y.compact(t, j)
	}
	y.damage(t, y.newest(t))
	y.append(t, j, 15)
	y.compact(t, j)
	_, f := y.open(t)
	assert.Equal(t, y.want, f.events)
	assert.Equal(t, 45, f.restored)
}

func TestRetentionKeepsWhatIsYoung(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	y.Retention = time.Hour
	j, _ := y.open(t)
	for range 3 {
		y.append(t, j, 10)
		y.compact(t, j)
	}
	assert.Equal(t, uint64(1), y.first(t))
}

func TestTrimmingNeverTakesWhatTheOlderSnapshotNeeds(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	y.Retention = time.Nanosecond
	j, _ := y.open(t)
	for round := range 4 {
		y.append(t, j, 11)
		y.compact(t, j)
		floor, err := y.Snapshots.Floor(t.Context(), yardPartition)
		require.NoError(t, err)
		// The claim and every entry have one message and one sequence each.
		assert.Equal(t, floor+1, y.first(t), round)
	}
}

func TestErrorsOfAFoldNameThePartitionAndTheEvent(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	j, _ := y.open(t)
	y.append(t, j, 12)
	errNo := errors.New("cannot fold it")
	var f fold
	refuse := func(data []byte) error {
		if string(data) == "event 4" {
			return errNo
		}
		return nil
	}
	_, err := y.Open(t.Context(), yardPartition, f.snapshot, refuse)
	require.ErrorIs(t, err, errNo)
	require.ErrorContains(t, err, "natsjs: partition 3: event 6: cannot fold it") // the claim is event 1
	err = y.Compact(t.Context(), yardPartition, j, f.snapshot, refuse, f.encode)
	require.ErrorIs(t, err, errNo)
	assert.Zero(t, y.newest(t), "of a fold that failed there is no snapshot")

	y.compact(t, j)
	broken := func([]byte) error { return errNo }
	_, err = y.Open(t.Context(), yardPartition, broken, f.event)
	require.ErrorIs(t, err, errNo)
	require.ErrorContains(t, err, "natsjs: snapshot of partition 3 at 13: ")
	y.append(t, j, 10)
	require.ErrorIs(t, y.Compact(t.Context(), yardPartition, j, broken, f.event, f.encode), errNo)
}

func TestPartitionsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	y := partitions(t, t.TempDir())
	j, _ := y.open(t)
	y.append(t, j, 12)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var f fold
	_, err := y.Open(ctx, yardPartition, f.snapshot, f.event)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, y.Compact(ctx, yardPartition, j, f.snapshot, f.event, f.encode), context.Canceled)
	_, err = y.Open(t.Context(), 99, f.snapshot, f.event)
	require.Error(t, err, "there is no such partition")
}
