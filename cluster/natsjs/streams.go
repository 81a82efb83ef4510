package natsjs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	marker      = "yardmaster"
	markerValue = "1"
	// leastWindow is the shortest window JetStream takes; nothing relies on it.
	leastWindow = 100 * time.Millisecond
)

// Streams returns the streams Yardmaster needs: one journal a partition, and the logs.
func Streams(partitions uint32, replicas int) []jetstream.StreamConfig {
	streams := make([]jetstream.StreamConfig, 0, partitions+1)
	for p := range partitions {
		streams = append(streams, stream(journalStream(p), journalSubject(p), replicas))
	}
	logs := stream(logStream, logSubjects, replicas)
	logs.Compression = jetstream.S2Compression
	return append(streams, logs)
}

// stream refuses deletion of single messages, and what is new when it is full;
// reads go to the leader, so that they are never stale.
func stream(name, subject string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{subject}, Replicas: replicas,
		Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		Duplicates: leastWindow, DenyDelete: true, DenyPurge: false, AllowDirect: false,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
		Metadata: map[string]string{marker: markerValue},
	}
}

// Done says what Ensure did, by name of stream.
type Done struct {
	Created, Updated, Removed []string
	Kept                      []string // obsolete, but not empty
}

// Ensure makes the streams of JetStream be those wanted. It touches no stream
// without our mark, and removes one that is no longer wanted only when it is
// empty or listed as obsolete.
func Ensure(
	ctx context.Context, js jetstream.JetStream, wanted []jetstream.StreamConfig, obsolete ...string,
) (Done, error) {
	var done Done
	for _, want := range wanted {
		if err := ensure(ctx, js, want, &done); err != nil {
			return done, fmt.Errorf("natsjs: stream %s: %w", want.Name, err)
		}
	}
	list := js.ListStreams(ctx)
	for info := range list.Info() {
		name := info.Config.Name
		isWanted := slices.ContainsFunc(wanted, func(w jetstream.StreamConfig) bool { return w.Name == name })
		switch {
		case isWanted || info.Config.Metadata[marker] != markerValue:
		case info.State.Msgs > 0 && !slices.Contains(obsolete, name):
			done.Kept = append(done.Kept, name)
		default:
			done.Removed = append(done.Removed, name)
		}
	}
	if err := list.Err(); err != nil {
		return done, fmt.Errorf("natsjs: list streams: %w", err)
	}
	for _, name := range done.Removed {
		if err := js.DeleteStream(ctx, name); err != nil {
			return done, fmt.Errorf("natsjs: remove stream %s: %w", name, err)
		}
	}
	return done, nil
}

func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, done *Done) error {
	have, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err := js.CreateStream(ctx, want); err != nil {
			return err
		}
		done.Created = append(done.Created, want.Name)
		return nil
	}
	if err != nil {
		return err
	}
	cfg := have.CachedInfo().Config
	if cfg.Metadata[marker] != markerValue {
		return errors.New("it exists and is not ours; rename or remove it")
	}
	if same(cfg, want) {
		return nil
	}
	if _, err := js.UpdateStream(ctx, want); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	done.Updated = append(done.Updated, want.Name)
	return nil
}

// same compares what Streams sets and an update can change.
func same(a, b jetstream.StreamConfig) bool {
	return slices.Equal(a.Subjects, b.Subjects) && a.Replicas == b.Replicas && a.Discard == b.Discard &&
		a.Duplicates == b.Duplicates && a.DenyPurge == b.DenyPurge && a.AllowDirect == b.AllowDirect &&
		a.Compression == b.Compression && a.MaxMsgs == b.MaxMsgs && a.MaxBytes == b.MaxBytes &&
		a.MaxAge == b.MaxAge && a.MaxMsgsPerSubject == b.MaxMsgsPerSubject && a.MaxMsgSize == b.MaxMsgSize
}
