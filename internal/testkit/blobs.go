package testkit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

// Blobs keeps blobs in memory. It implements store.Blobs.
type Blobs struct {
	mu    sync.Mutex
	blobs map[blob.Digest]kept
}

type kept struct {
	data []byte
	put  time.Time
}

var _ store.Blobs = (*Blobs)(nil)

// NewBlobs returns an empty store.
func NewBlobs() *Blobs { return &Blobs{blobs: map[blob.Digest]kept{}} }

// Len returns how many blobs there are.
func (b *Blobs) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.blobs)
}

// Damage flips a bit of a blob's byte at an offset.
func (b *Blobs) Damage(d blob.Digest, offset int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.blobs[d]
	k.data = bytes.Clone(k.data)
	k.data[offset] ^= 1
	b.blobs[d] = k
}

// Put implements store.Blobs.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (blob.Digest, int64, error) {
	in := store.NewIntake(ctx, r, limit)
	data, err := io.ReadAll(in)
	if err != nil {
		return blob.Digest{}, 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blobs[in.Digest()] = kept{data, time.Now()}
	return in.Digest(), in.Size(), nil
}

// Get implements store.Blobs.
func (b *Blobs) Get(ctx context.Context, d blob.Digest) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k, is := b.blobs[d]
	if !is {
		return nil, fmt.Errorf("%w: %s", blob.ErrNotFound, d)
	}
	return store.Verified(ctx, io.NopCloser(bytes.NewReader(k.data)), d), nil
}

// Has implements store.Blobs.
func (b *Blobs) Has(ctx context.Context, d blob.Digest) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k, is := b.blobs[d]
	if is {
		b.blobs[d] = kept{k.data, time.Now()}
	}
	return is, ctx.Err()
}

// Delete implements store.Blobs.
func (b *Blobs) Delete(ctx context.Context, d blob.Digest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(b.blobs, d)
	return nil
}

// Sweep implements store.Blobs.
func (b *Blobs) Sweep(
	ctx context.Context, live func(blob.Digest) bool, since time.Time,
) (swept store.Swept, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for d, k := range b.blobs {
		if err := ctx.Err(); err != nil {
			return swept, err
		}
		remove := !live(d) && k.put.Before(since)
		if remove {
			delete(b.blobs, d)
		}
		swept.Count(remove, int64(len(k.data)))
	}
	return swept, nil
}
