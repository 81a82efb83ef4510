package natsjs

import (
	"context"
	"time"

	"yardmaster/domain/blob"
)

// The codec of log chunks, for its fuzz test.
var (
	DecodeChunk = decodeChunk
	EncodeChunk = encodeChunk
)

// SweepUploads is the part of a sweep that waits for hours to pass.
func (b *Blobs) SweepUploads(ctx context.Context, used map[string]struct{}, ended time.Time) error {
	return b.sweepUploads(ctx, used, ended)
}

// RemoveAfter takes a blob away as a sweep does that saw its head before something happened.
func (b *Blobs) RemoveAfter(ctx context.Context, d blob.Digest, happens func()) (gone bool, err error) {
	h, err := b.head(ctx, d)
	if err != nil {
		return false, err
	}
	happens()
	return b.remove(ctx, d, h)
}
