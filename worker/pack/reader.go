package pack

import (
	"context"
	"crypto/sha256"
	"io"

	"yardmaster/domain/blob"
)

// bufferSize is what a copy has in memory at most.
const bufferSize = 64 << 10

// exact reads so many bytes, no more and no fewer, until its context ends.
type exact struct {
	ctx  context.Context //nolint:containedctx // of one file
	r    io.Reader
	left int64
}

// exactly returns a reader that yields so many bytes of r, or ErrChanged if r has more or
// fewer.
func exactly(ctx context.Context, r io.Reader, size int64) io.Reader { return &exact{ctx, r, size} }

// Read implements io.Reader.
func (e *exact) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0, err == io.EOF && e.left > 0:
		return 0, ErrChanged
	}
	return n, err
}

// limited reads until there are more bytes than it may, or its context ends.
type limited struct {
	ctx  context.Context //nolint:containedctx // of one blob
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, blob.ErrTooLarge
	}
	return n, err
}

// copyOf copies all there is, of about that size, and returns its digest.
func copyOf(from io.Reader, to io.Writer, size int64) (d blob.Digest, err error) {
	sum := sha256.New()
	buffer := make([]byte, min(size+1, bufferSize))
	if _, err := io.CopyBuffer(io.MultiWriter(to, sum), from, buffer); err != nil {
		return d, err
	}
	sum.Sum(d[:0])
	return d, nil
}
