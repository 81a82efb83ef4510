package natsjs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

// Sweep implements store.Blobs. It goes through the heads one by one, in memory that
// grows only by the names of uploads, and then through what uploads have left.
func (b *Blobs) Sweep(
	ctx context.Context, live func(blob.Digest) bool, since time.Time,
) (swept store.Swept, err error) {
	// An upload that began before this has ended, one way or the other.
	ended := time.Now().Add(-2 * maxUpload)
	if since.Before(ended) {
		ended = since
	}
	uploads := map[string]struct{}{}
	err = b.each(ctx, blobHeads, func(m *jetstream.RawStreamMsg) (bool, error) {
		d, err := headDigest(m.Subject)
		if err != nil {
			return true, nil //nolint:nilerr // it is none of ours
		}
		h, gone := readHead(m), false
		if h.time.Before(since) && !live(d) {
			if gone, err = b.remove(ctx, d, h); err != nil {
				return false, err
			}
		}
		if h.upload != "" && !gone {
			uploads[h.upload] = struct{}{}
		}
		swept.Count(gone, h.size)
		return true, nil
	})
	if err != nil {
		return swept, err
	}
	return swept, b.sweepUploads(ctx, uploads, ended)
}

// sweepUploads takes away the chunks of uploads that ended without a head. All heads have
// been seen by now, also those stored while they were gone through: these are behind.
func (b *Blobs) sweepUploads(ctx context.Context, used map[string]struct{}, ended time.Time) error {
	return b.each(ctx, blobFirstChunks, func(m *jetstream.RawStreamMsg) (bool, error) {
		if !m.Time.Before(ended) {
			return false, nil // those behind are younger
		}
		id, err := chunkUpload(m.Subject)
		if err != nil {
			return true, nil //nolint:nilerr // it is none of ours
		}
		if _, is := used[id]; !is {
			b.clear(ctx, id)
		}
		return true, nil
	})
}

// each calls f for the messages of a subject, in their order, until there are no more or
// f says so. They are asked for one by one: a consumer would wait for ever for one that
// is removed before it comes.
func (b *Blobs) each(
	ctx context.Context, subject string, f func(*jetstream.RawStreamMsg) (more bool, err error),
) error {
	for next := uint64(1); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := b.stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("natsjs: go through blobs: %w", err)
		}
		if more, err := f(m); err != nil || !more {
			return err
		}
		next = m.Sequence + 1
	}
}
