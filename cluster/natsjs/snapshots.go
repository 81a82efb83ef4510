package natsjs

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/cluster/journal"
)

const (
	keptSnapshots = 2
	hashKey       = "yardmaster-hash"
)

// ErrNoSnapshot means a partition has snapshots, but none that can be read.
var ErrNoSnapshot = errors.New("natsjs: no snapshot can be read")

// Snapshot is a partition's state after the point At. The zero Snapshot means
// there is none: replay begins at the beginning.
type Snapshot struct {
	At   journal.Point
	Data []byte
	// Skipped says, for each newer snapshot that could not be read, why.
	Skipped []error
}

// Snapshots keeps the two newest snapshots of each partition in an object store,
// whose digest is verified on every read.
type Snapshots struct{ bucket jetstream.ObjectStore }

// OpenSnapshots returns the store, which it makes when there is none.
func OpenSnapshots(ctx context.Context, js jetstream.JetStream, replicas int) (*Snapshots, error) {
	bucket, err := js.ObjectStore(ctx, snapshotBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		bucket, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: snapshotBucket, Storage: jetstream.FileStorage, Replicas: replicas,
			Metadata: map[string]string{marker: markerValue},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("natsjs: snapshots: %w", err)
	}
	return &Snapshots{bucket: bucket}, nil
}

// Put stores what r yields as the partition's snapshot at a point, and removes
// all but the two newest.
func (s *Snapshots) Put(ctx context.Context, partition uint32, at journal.Point, r io.Reader) error {
	name := snapshotName(partition, at.Sequence)
	_, err := s.bucket.Put(ctx, jetstream.ObjectMeta{
		Name: name, Metadata: map[string]string{hashKey: hex.EncodeToString(at.Hash[:])},
	}, r)
	if err != nil {
		return fmt.Errorf("natsjs: put snapshot %s: %w", name, err)
	}
	infos, err := s.list(ctx, partition)
	if err != nil {
		return err
	}
	for _, old := range infos[min(keptSnapshots, len(infos)):] {
		if err := s.bucket.Delete(ctx, old.Name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return fmt.Errorf("natsjs: remove snapshot %s: %w", old.Name, err)
		}
	}
	return nil
}

// DropAfter removes the snapshots of a partition that are newer than sequence:
// those that could not be read, so that they do not push out the sound one.
func (s *Snapshots) DropAfter(ctx context.Context, partition uint32, sequence uint64) error {
	infos, err := s.list(ctx, partition)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if seq, _ := snapshotSequence(partition, info.Name); seq > sequence {
			if err := s.bucket.Delete(ctx, info.Name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
				return fmt.Errorf("natsjs: remove snapshot %s: %w", info.Name, err)
			}
		}
	}
	return nil
}

// Latest returns the newest snapshot that can be read whole. When it is not the
// newest, Skipped says why; the journal still reaches back to it, since Trim
// keeps to Floor. When there are snapshots, but none is sound, the answer is ErrNoSnapshot.
func (s *Snapshots) Latest(ctx context.Context, partition uint32) (Snapshot, error) {
	infos, err := s.list(ctx, partition)
	if err != nil {
		return Snapshot{}, err
	}
	var skipped []error
	for _, info := range infos {
		snap, err := s.get(ctx, partition, info)
		if err == nil {
			snap.Skipped = skipped
			return snap, nil
		}
		if ctx.Err() != nil {
			return Snapshot{}, ctx.Err()
		}
		skipped = append(skipped, fmt.Errorf("natsjs: snapshot %s: %w", info.Name, err))
	}
	if len(skipped) > 0 {
		return Snapshot{}, fmt.Errorf("%w: partition %d: %w", ErrNoSnapshot, partition, errors.Join(skipped...))
	}
	return Snapshot{}, nil
}

// Floor returns the sequence of the older of the two snapshots kept, 0 when
// there are fewer than two: what journal.Config.Floor asks.
func (s *Snapshots) Floor(ctx context.Context, partition uint32) (uint64, error) {
	infos, err := s.list(ctx, partition)
	if err != nil || len(infos) < keptSnapshots {
		return 0, err
	}
	seq, _ := snapshotSequence(partition, infos[len(infos)-1].Name)
	return seq, nil
}

func (s *Snapshots) get(ctx context.Context, partition uint32, info *jetstream.ObjectInfo) (Snapshot, error) {
	hash, err := hex.DecodeString(info.Metadata[hashKey])
	if err != nil || len(hash) != len(journal.Hash{}) {
		return Snapshot{}, errors.New("its hash is missing")
	}
	object, err := s.bucket.Get(ctx, info.Name)
	if err != nil {
		return Snapshot{}, err
	}
	var data bytes.Buffer
	_, err = data.ReadFrom(object)
	if err := errors.Join(err, object.Close()); err != nil {
		return Snapshot{}, err
	}
	if uint64(data.Len()) != info.Size {
		return Snapshot{}, fmt.Errorf("%d bytes of %d", data.Len(), info.Size)
	}
	seq, _ := snapshotSequence(partition, info.Name)
	return Snapshot{At: journal.Point{Sequence: seq, Hash: journal.Hash(hash)}, Data: data.Bytes()}, nil
}

// list returns the partition's snapshots, newest first.
func (s *Snapshots) list(ctx context.Context, partition uint32) ([]*jetstream.ObjectInfo, error) {
	infos, err := s.bucket.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("natsjs: list snapshots: %w", err)
	}
	infos = slices.DeleteFunc(infos, func(i *jetstream.ObjectInfo) bool {
		_, ours := snapshotSequence(partition, i.Name)
		return !ours || i.Deleted
	})
	slices.SortFunc(infos, func(a, b *jetstream.ObjectInfo) int {
		return -bytes.Compare([]byte(a.Name), []byte(b.Name))
	})
	return infos, nil
}
