// Package store is the content-addressed store of artifacts and caches: what it promises,
// and what every adapter needs to keep that.
//
// Its adapters are dirstore, a directory, and cluster/natsjs, a JetStream stream;
// storetest holds both to the promise.
package store

import (
	"context"
	"io"
	"time"

	"yardmaster/domain/blob"
)

// Blobs is a store. It is safe for concurrent use. What Put has returned is on disk.
//
// No call holds more than a megabyte, however large a blob is; a sweep may hold a name for
// each blob.
type Blobs interface {
	// Put stores what a reader yields and returns its digest and size. More than
	// limit bytes are answered with blob.ErrTooLarge; when anything fails, or ctx ends,
	// nothing is left. What is there already is stored anew, which heals it.
	Put(ctx context.Context, r io.Reader, limit int64) (blob.Digest, int64, error)

	// Get returns a reader of a blob, or blob.ErrNotFound. What it yields is right only
	// once it has returned io.EOF: when bytes are wrong or missing it returns
	// blob.ErrDamaged in its place. It must be closed, and ends with ctx.
	Get(ctx context.Context, d blob.Digest) (io.ReadCloser, error)

	// Has reports whether a blob is there, undamaged or not. If it is, it counts for
	// Sweep as put just now, so that who was told so may rely on it as long as
	// somebody who has just put it.
	Has(ctx context.Context, d blob.Digest) (bool, error)

	// Delete removes a blob. There need not be one. Who reads it meanwhile may get
	// blob.ErrNotFound.
	Delete(ctx context.Context, d blob.Digest) error

	// Sweep removes every blob that is not live, except what was put since a time: that
	// may be about to be referred to. It also removes what Puts have left that were
	// killed. What is put while it goes on stays.
	Sweep(ctx context.Context, live func(blob.Digest) bool, since time.Time) (Swept, error)
}

// Swept is what a sweep removed, and what it left.
type Swept struct {
	Removed, Kept           int
	RemovedBytes, KeptBytes int64
}

// Count adds a blob of a size to what was removed or kept.
func (s *Swept) Count(removed bool, size int64) {
	if removed {
		s.Removed++
		s.RemovedBytes += size
	} else {
		s.Kept++
		s.KeptBytes += size
	}
}
