package natsjs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/domain/blob"
)

// blobReader reads the chunks of a blob, each when the one before has been read: the
// server has nothing to keep for a reader that is slow, or is never closed.
type blobReader struct {
	ctx    context.Context //nolint:containedctx // of one Get
	blobs  *Blobs
	digest blob.Digest
	head   *blobHead
	next   int    // chunk
	rest   []byte // of the last chunk
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.rest) == 0 {
		if r.next >= r.head.chunks() {
			return 0, io.EOF
		}
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error {
	r.next, r.rest = r.head.chunks(), nil
	return nil
}

// fetch gets the next chunk. When it is gone, the blob may have been put anew: then its
// chunks are those of another upload, and the same.
func (r *blobReader) fetch() error {
	for range commitTries {
		m, err := r.blobs.stream.GetLastMsgForSubject(r.ctx, blobChunkSubject(r.head.upload, r.next))
		switch {
		case err == nil:
			want := min(r.head.size-int64(r.next)*blobChunk, blobChunk)
			if int64(len(m.Data)) != want {
				return fmt.Errorf("%w: %s: chunk %d has %d bytes, not %d", blob.ErrDamaged, r.digest, r.next, len(m.Data), want)
			}
			r.next, r.rest = r.next+1, m.Data
			return nil
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			return fmt.Errorf("natsjs: read blob %s: %w", r.digest, err)
		}
		if err := r.follow(); err != nil {
			return err
		}
	}
	return fmt.Errorf("natsjs: blob %s is put anew too often to be read", r.digest)
}

// follow goes on with the upload that the head names now.
func (r *blobReader) follow() error {
	h, err := r.blobs.head(r.ctx, r.digest)
	switch {
	case err != nil:
		return err
	case h.position == 0:
		return fmt.Errorf("%w: %s was removed", blob.ErrNotFound, r.digest)
	case h.err != nil || h.upload == r.head.upload || h.upload == "" || h.size != r.head.size:
		return fmt.Errorf("%w: %s lacks chunk %d", blob.ErrDamaged, r.digest, r.next)
	}
	r.head = h
	return nil
}
