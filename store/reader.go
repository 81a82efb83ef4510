package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"yardmaster/domain/blob"
)

// Intake reads what is to be stored: it adds up digest and size, and ends with an error
// when there is more than the limit, or when its context has ended.
type Intake struct {
	ctx   context.Context //nolint:containedctx // of one Put
	r     io.Reader
	sum   hash.Hash
	size  int64
	limit int64
}

// NewIntake returns an intake of a reader.
func NewIntake(ctx context.Context, r io.Reader, limit int64) *Intake {
	return &Intake{ctx: ctx, r: r, sum: sha256.New(), limit: limit}
}

// Read implements io.Reader.
func (i *Intake) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := i.r.Read(p)
	if i.size += int64(n); i.size > i.limit {
		return 0, fmt.Errorf("%w: more than %d bytes", blob.ErrTooLarge, i.limit)
	}
	_, _ = i.sum.Write(p[:n]) // a hash cannot fail
	if err == io.EOF {
		if ended := i.ctx.Err(); ended != nil { // the reader may have ended for that
			return n, ended
		}
	}
	return n, err
}

// Digest returns the digest of what was read so far.
func (i *Intake) Digest() (d blob.Digest) {
	i.sum.Sum(d[:0])
	return d
}

// Size returns how much was read so far.
func (i *Intake) Size() int64 { return i.size }

// verified is the reader of a blob, checked at its end.
type verified struct {
	ctx  context.Context //nolint:containedctx // of one Get
	r    io.ReadCloser
	sum  hash.Hash
	want blob.Digest
	err  error // what ended it
}

// Verified returns a reader that yields what r does, but at its end blob.ErrDamaged in
// place of io.EOF unless all of it has that digest. It ends with ctx.
func Verified(ctx context.Context, r io.ReadCloser, d blob.Digest) io.ReadCloser {
	return &verified{ctx: ctx, r: r, sum: sha256.New(), want: d}
}

// Read implements io.Reader.
func (v *verified) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	if v.err = v.ctx.Err(); v.err != nil {
		return 0, v.err
	}
	n, err := v.r.Read(p)
	_, _ = v.sum.Write(p[:n]) // a hash cannot fail
	if err == io.EOF {        //nolint:errorlint // readers return it as it is
		var got blob.Digest
		v.sum.Sum(got[:0])
		if got != v.want {
			err = fmt.Errorf("%w: %s has the digest %s", blob.ErrDamaged, v.want, got)
		}
	}
	v.err = err
	return n, err
}

// Close implements io.Closer.
func (v *verified) Close() error { return v.r.Close() }
