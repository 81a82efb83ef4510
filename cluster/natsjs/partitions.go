package natsjs

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/cluster/journal"
)

// compactAfter is how many events a journal grows by before a new snapshot is
// worth its making: replaying them takes about a second.
const compactAfter = 200_000

// floorTimeout bounds the look at which snapshots there are.
const floorTimeout = 10 * time.Second

// Partitions opens the journals of partitions at their newest snapshots, and
// makes new snapshots.
type Partitions struct {
	JS        jetstream.JetStream
	Snapshots *Snapshots
	Marks     journal.Marks
	Owner     string // ID of this node
	Hooks     journal.Hooks
	Log       *slog.Logger
	// CompactAfter is how many events make a new snapshot worthwhile; 0 means
	// 200,000.
	CompactAfter uint64
	// Retention is how long events that no snapshot needs are kept, as history; 0
	// means for ever.
	Retention time.Duration
}

// Open hands the newest snapshot, if there is one, and then every event behind
// it to the functions, verified, and returns the journal, claimed. The slices
// are the functions' to keep.
func (p *Partitions) Open(ctx context.Context, partition uint32, snapshot, event func([]byte) error,
) (*journal.Journal, error) {
	store, err := OpenJournalStore(ctx, p.JS, partition)
	if err != nil {
		return nil, err
	}
	snap, err := p.latest(ctx, partition, snapshot)
	if err != nil {
		return nil, err
	}
	return journal.Open(ctx, store, journal.Config{
		Partition: partition, Owner: p.Owner, From: snap.At, Marks: p.Marks, Hooks: p.Hooks,
		Floor: func() (uint64, error) { //nolint:contextcheck // asked long after Open
			ctx, cancel := context.WithTimeout(context.Background(), floorTimeout)
			defer cancel()
			return p.Snapshots.Floor(ctx, partition)
		},
	}, eachEvent(event))
}

// latest hands the newest snapshot that is sound to restore.
func (p *Partitions) latest(ctx context.Context, partition uint32, restore func([]byte) error) (Snapshot, error) {
	snap, err := p.Snapshots.Latest(ctx, partition)
	if err != nil {
		return snap, err
	}
	for _, skipped := range snap.Skipped {
		p.Log.Error("a damaged snapshot was passed over", slog.Uint64("partition", uint64(partition)),
			slog.String("error", skipped.Error()))
	}
	if snap.At.Sequence == 0 {
		return snap, nil
	}
	if err := restore(snap.Data); err != nil {
		return snap, fmt.Errorf("natsjs: snapshot of partition %d at %d: %w", partition, snap.At.Sequence, err)
	}
	return snap, nil
}

// eachEvent calls event for the events of a batch, but not for claims.
func eachEvent(event func([]byte) error) func(journal.Batch) error {
	return func(b journal.Batch) error {
		if b.Kind == journal.Claim {
			return nil
		}
		for i, e := range b.Events {
			if err := event(e); err != nil {
				return fmt.Errorf("natsjs: partition %d: event %d: %w", b.Partition, b.First+uint64(i), err)
			}
		}
		return nil
	}
}

// Compact makes a snapshot of a partition up to the head of its journal, by a
// replay of its own: so what recovery relies on is exercised all the time. It
// does nothing while the journal has grown too little.
func (p *Partitions) Compact(ctx context.Context, partition uint32, j *journal.Journal,
	snapshot, event func([]byte) error, encode func() []byte,
) error {
	head := j.Head()
	after := p.CompactAfter
	if after == 0 {
		after = compactAfter
	}
	infos, err := p.Snapshots.list(ctx, partition)
	if err != nil {
		return err
	}
	if len(infos) > 0 {
		if seq, _ := snapshotSequence(partition, infos[0].Name); head.Sequence < seq+after {
			return nil
		}
	} else if head.Sequence < after {
		return nil
	}
	store, err := OpenJournalStore(ctx, p.JS, partition)
	if err != nil {
		return err
	}
	snap, err := p.latest(ctx, partition, snapshot)
	if err != nil {
		return err
	}
	at, err := journal.ReadRange(ctx, store, partition, snap.At, head.Sequence, eachEvent(event))
	if err != nil {
		return err
	}
	if len(snap.Skipped) > 0 {
		if err := p.Snapshots.DropAfter(ctx, partition, snap.At.Sequence); err != nil {
			return err
		}
	}
	if err := p.Snapshots.Put(ctx, partition, at, bytes.NewReader(encode())); err != nil {
		return err
	}
	return p.trim(ctx, store, partition, j)
}

// trim removes the events that are past their retention and that no snapshot
// needs.
func (p *Partitions) trim(ctx context.Context, store journal.Store, partition uint32, j *journal.Journal) error {
	if p.Retention <= 0 {
		return nil
	}
	upTo, err := journal.LastBefore(ctx, store, partition, time.Now().Add(-p.Retention))
	if err != nil || upTo == 0 {
		return err
	}
	return j.Trim(ctx, upTo)
}
