package natsjs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/store"
)

const (
	// blobWindow is how many chunks of an upload are under way at once.
	blobWindow = 4
	// chunkWithin bounds the wait for one: a server whose disk is full does not answer.
	chunkWithin = 30 * time.Second
)

// upload is a Put under way.
type upload struct {
	blobs *Blobs
	id    string
	whole []byte // all of a blob that is no more than a chunk
	sent  int    // chunks
	under []underWay
}

// underWay is a chunk that was sent. Its buffer is the connection's until it is answered.
type underWay struct {
	buffer *[blobChunk]byte
	ack    jetstream.PubAckFuture
}

// take reads all there is, and sends it, or keeps it if it is no more than a chunk.
func (u *upload) take(ctx context.Context, in *store.Intake) error {
	for {
		buffer := u.blobs.buffers.Get().(*[blobChunk]byte)
		n, last, err := fill(in, buffer[:])
		switch {
		case err != nil:
			u.blobs.buffers.Put(buffer)
			return err
		case last && u.sent == 0:
			u.whole = slices.Clone(buffer[:n])
			u.blobs.buffers.Put(buffer)
			return nil
		case n > 0:
			if err := u.send(ctx, buffer, n); err != nil {
				return err
			}
		}
		if last {
			return u.settle(ctx, 0)
		}
	}
}

// fill reads until p is full or there is no more. A reader that breaks off says
// io.ErrUnexpectedEOF, which is no end, so io.ReadFull does not serve.
func fill(r io.Reader, p []byte) (n int, last bool, err error) {
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

func (u *upload) send(ctx context.Context, buffer *[blobChunk]byte, n int) error {
	if err := u.settle(ctx, blobWindow-1); err != nil {
		return err
	}
	ack, err := u.blobs.js.PublishMsgAsync(&nats.Msg{Subject: blobChunkSubject(u.id, u.sent), Data: buffer[:n]})
	if err != nil {
		return fmt.Errorf("natsjs: store blob: %w", err)
	}
	u.sent++
	u.under = append(u.under, underWay{buffer, ack})
	return nil
}

// settle waits until no more than left chunks are under way.
func (u *upload) settle(ctx context.Context, left int) error {
	timer := time.NewTimer(chunkWithin)
	defer timer.Stop()
	for len(u.under) > left {
		oldest := u.under[0]
		select {
		case <-oldest.ack.Ok():
			u.blobs.buffers.Put(oldest.buffer)
			u.under = u.under[1:]
		case err := <-oldest.ack.Err():
			u.under = u.under[1:] // it is answered once
			return storeFailed(err)
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return errors.New("natsjs: store blob: no answer; the server's disk may be full")
		}
		timer.Reset(chunkWithin)
	}
	return nil
}

// abandon takes away what was sent, once it has arrived.
func (u *upload) abandon(ctx context.Context) {
	if u.sent == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	for _, c := range u.under {
		select {
		case <-c.ack.Ok():
		case <-c.ack.Err(): //nolint:errcheck // whether it arrived does not matter any more
		case <-ctx.Done():
		}
	}
	u.blobs.clear(ctx, u.id)
}
