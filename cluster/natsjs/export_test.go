package natsjs

import (
	"context"
	"time"
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
