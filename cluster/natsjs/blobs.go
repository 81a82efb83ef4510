package natsjs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

const (
	// blobChunk is how many bytes of a blob are one message. A blob that has no more
	// is its head's data.
	blobChunk = 128 << 10
	// maxUpload bounds a Put. A sweep relies on it: chunks that are older by far and
	// have no head will never have one.
	maxUpload = time.Hour
	// commitWithin bounds the wait for the answer to a head, and for what is cleared away.
	commitWithin = 30 * time.Second
	// commitTries bounds how often others may change a head while it is written.
	commitTries = 16

	sizeHeader   = "Yardmaster-Size"
	uploadHeader = "Yardmaster-Upload"
)

// errUnsure means that nobody answered whether a head was stored.
var errUnsure = errors.New("natsjs: blob may be stored or not")

// BlobStream returns the stream that Blobs needs, in which all blobs together may have
// room bytes; 0 means as many as the disk has, which is the journal's, too.
func BlobStream(replicas int, room int64) jetstream.StreamConfig {
	s := stream(blobStream, blobSubjects, replicas)
	s.MaxMsgsPerSubject = 1 // what is published anew takes the place of what was there
	// Direct reads spare the server to encode bytes as text. Any replica answers them, so
	// they may be stale, unless there is one.
	s.AllowDirect = replicas == 1
	if room > 0 {
		s.MaxBytes = room
	}
	return s
}

// Blobs keeps blobs in a stream. It implements store.Blobs.
//
// A blob is a head, on a subject that ends in its digest, and chunks, on subjects of the
// upload that brought them. It is there as soon as its head is; that names the upload,
// so what is half put is not seen, and what is put anew does not mix with what was.
type Blobs struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	buffers sync.Pool
}

var _ store.Blobs = (*Blobs)(nil)

// OpenBlobs returns the store, whose stream must exist.
func OpenBlobs(ctx context.Context, js jetstream.JetStream) (*Blobs, error) {
	s, err := js.Stream(ctx, blobStream)
	if err != nil {
		return nil, fmt.Errorf("natsjs: blobs: %w", err)
	}
	return &Blobs{js: js, stream: s, buffers: sync.Pool{New: func() any { return new([blobChunk]byte) }}}, nil
}

// blobHead is what is known of a blob from its head.
type blobHead struct {
	position uint64 // in the stream; 0 means there is none
	time     time.Time
	size     int64
	upload   string // "" means that data is all of it
	data     []byte
	err      error // why it cannot be read
}

// chunks returns how many chunks an upload of a size has.
func (h *blobHead) chunks() int { return int((h.size + blobChunk - 1) / blobChunk) }

func readHead(m *jetstream.RawStreamMsg) *blobHead {
	h := &blobHead{position: m.Sequence, time: m.Time, data: m.Data, upload: m.Header.Get(uploadHeader)}
	size, err := strconv.ParseInt(m.Header.Get(sizeHeader), 10, 64)
	ok := err == nil && size >= 0
	if h.upload == "" {
		ok = ok && size == int64(len(m.Data))
	} else {
		ok = ok && checkToken(h.upload) == nil
	}
	if !ok {
		h.err = fmt.Errorf("%w: its head makes no sense", blob.ErrDamaged)
		return h
	}
	h.size = size
	return h
}

// head returns the head of a blob, or one at position 0.
func (b *Blobs) head(ctx context.Context, d blob.Digest) (*blobHead, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := b.stream.GetLastMsgForSubject(ctx, blobHeadSubject(d))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return &blobHead{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("natsjs: head of blob %s: %w", d, err)
	}
	return readHead(m), nil
}

// Put implements store.Blobs.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (blob.Digest, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, maxUpload)
	defer cancel()
	in := store.NewIntake(ctx, r, limit)
	up := &upload{blobs: b, id: rand.Text()}
	err := up.take(ctx, in)
	if err == nil {
		var used bool
		if used, err = b.commit(ctx, in.Digest(), up.head(in)); err == nil && used {
			return in.Digest(), in.Size(), nil
		}
	}
	if !errors.Is(err, errUnsure) {
		up.abandon(ctx)
	}
	if err != nil {
		return blob.Digest{}, 0, err
	}
	return in.Digest(), in.Size(), nil // somebody else has put it meanwhile
}

// head returns the head of what was taken.
func (u *upload) head(in *store.Intake) *nats.Msg {
	head := nats.NewMsg(blobHeadSubject(in.Digest()))
	head.Header.Set(sizeHeader, strconv.FormatInt(in.Size(), 10))
	head.Data = u.whole
	if u.sent > 0 {
		head.Header.Set(uploadHeader, u.id)
	}
	return head
}

// commit stores a head in the place of the one that was there, whose chunks it clears
// away. When another one is stored first it reports that this one was not used: there is
// no telling which of both is read already.
func (b *Blobs) commit(ctx context.Context, d blob.Digest, head *nats.Msg) (used bool, err error) {
	old := &blobHead{}
	for range commitTries {
		err = b.publish(ctx, head, old.position)
		if err == nil {
			b.clear(ctx, old.upload)
			return true, nil
		}
		if !isConflict(err) {
			return false, err
		}
		before := old
		if old, err = b.head(ctx, d); err != nil {
			return false, err
		}
		if before.position > 0 && old.position > 0 && old.upload != before.upload {
			return false, nil
		}
	}
	return false, fmt.Errorf("natsjs: blob %s is written by too many", d)
}

// publish stores a head where another one is at a position, 0 for none. It does not end
// with ctx: whether it was stored must be known.
func (b *Blobs) publish(ctx context.Context, head *nats.Msg, at uint64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	_, err := b.js.PublishMsg(ctx, head, jetstream.WithExpectLastSequencePerSubject(at))
	if err == nil {
		return nil
	}
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil {
		return storeFailed(err)
	}
	return fmt.Errorf("%w: %w", errUnsure, err)
}

func isConflict(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Codes of the server that nats.go has no names for.
const (
	codeResources jetstream.ErrorCode = 10023
	codeStorage   jetstream.ErrorCode = 10047
	codeStore     jetstream.ErrorCode = 10077
)

// storeFailed says what a refusal to store means.
func storeFailed(err error) error {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		switch code := refused.ErrorCode; {
		case code == codeResources, code == codeStorage,
			code == codeStore && strings.Contains(refused.Description, "maximum bytes"):
			return fmt.Errorf("natsjs: %w: %w", blob.ErrNoRoom, err)
		}
	}
	return fmt.Errorf("natsjs: store blob: %w", err)
}

// Get implements store.Blobs.
func (b *Blobs) Get(ctx context.Context, d blob.Digest) (io.ReadCloser, error) {
	h, err := b.head(ctx, d)
	switch {
	case err != nil:
		return nil, err
	case h.position == 0:
		return nil, fmt.Errorf("%w: %s", blob.ErrNotFound, d)
	case h.err != nil:
		return nil, fmt.Errorf("natsjs: blob %s: %w", d, h.err)
	case h.upload == "":
		return store.Verified(ctx, io.NopCloser(bytes.NewReader(h.data)), d), nil
	}
	return store.Verified(ctx, &blobReader{ctx: ctx, blobs: b, digest: d, head: h}, d), nil
}

// Has implements store.Blobs. It stores the head anew, behind all that a sweep has seen.
func (b *Blobs) Has(ctx context.Context, d blob.Digest) (bool, error) {
	for range commitTries {
		h, err := b.head(ctx, d)
		if err != nil || h.position == 0 {
			return false, err
		}
		again := nats.NewMsg(blobHeadSubject(d))
		again.Header.Set(sizeHeader, strconv.FormatInt(h.size, 10))
		if h.upload != "" {
			again.Header.Set(uploadHeader, h.upload)
		}
		again.Data = h.data
		if err = b.publish(ctx, again, h.position); !isConflict(err) {
			return err == nil, err
		}
	}
	return false, fmt.Errorf("natsjs: blob %s is written by too many", d)
}

// Delete implements store.Blobs.
func (b *Blobs) Delete(ctx context.Context, d blob.Digest) error {
	h, err := b.head(ctx, d)
	if err != nil || h.position == 0 {
		return err
	}
	_, err = b.remove(ctx, d, h)
	return err
}

// remove takes a head away, unless another one is in its place, and then its chunks,
// unless that one has the same. Nobody can store a head with them after that: it would
// be expected to take the place of the one that is gone.
func (b *Blobs) remove(ctx context.Context, d blob.Digest, h *blobHead) (gone bool, err error) {
	err = b.stream.Purge(ctx, jetstream.WithPurgeSubject(blobHeadSubject(d)), jetstream.WithPurgeSequence(h.position+1))
	if err != nil {
		return false, fmt.Errorf("natsjs: remove blob %s: %w", d, err)
	}
	now, err := b.head(ctx, d)
	if err != nil {
		return false, err
	}
	if now.position == 0 || now.upload != h.upload {
		b.clear(ctx, h.upload)
	}
	return now.position == 0, nil
}

// clear takes the chunks of an upload away. What it leaves when it fails, a sweep takes.
func (b *Blobs) clear(ctx context.Context, id string) {
	if checkToken(id) != nil { // there are none
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	_ = b.stream.Purge(ctx, jetstream.WithPurgeSubject(blobUploadFilter(id)))
}
