package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"runtime"
	"time"
)

const (
	// intakeBytes is what all large requests together may have in memory as they
	// came. What they become while they are decoded is bounded by the decoders.
	intakeBytes = 64 << 20
	// smallBody is the size up to which a request is let in at once: what is asked of
	// runs and workers must be answered, whatever is submitted.
	smallBody = 16 << 10
	// smallFile is the size up to which a file is hashed on the spot.
	smallFile = 64 << 10
	// intakePatience is how long a call waits for memory, and again for a decoder. Both
	// together are less than a client waits for its answer.
	intakePatience = 10 * time.Second
	mostWaiting    = 2000 // calls, each with a connection and little else
	// discards is how many requests that were refused are read to their end at once.
	discards       = 8
	discardTimeout = 10 * time.Second
)

// Intake bounds what submissions take of the server: memory for those that are
// being taken in, and processors to hash and decode their files.
type Intake struct {
	memory   quota // bytes of requests
	decoders quota
	discards quota
}

// NewIntake returns an intake for this machine. It has a decoder for every second
// processor that Go uses: decoding only computes, so that more of them would finish
// no sooner, and the other half is for everybody else.
func NewIntake() *Intake {
	return newIntake(intakeBytes, max(1, runtime.GOMAXPROCS(0)/2), intakePatience)
}

func newIntake(memory int64, decoders int, patience time.Duration) *Intake {
	return &Intake{
		memory:   quota{what: "memory for submissions", size: memory, patience: patience, most: mostWaiting},
		decoders: quota{what: "decoder for workflow files", size: int64(decoders), patience: patience, most: mostWaiting},
		discards: quota{what: "time to read on", size: discards, patience: discardTimeout, most: mostWaiting},
	}
}

// Memory returns how many bytes of large requests are in memory.
func (i *Intake) Memory() PoolUse { return i.memory.use() }

// Decoders returns how many files are being hashed or decoded.
func (i *Intake) Decoders() PoolUse { return i.decoders.use() }

// decode runs f, which computes, when a decoder is free.
func (i *Intake) decode(ctx context.Context, f func()) error {
	giveBack, err := i.decoders.take(ctx, 1)
	if err != nil {
		return err
	}
	defer giveBack()
	f()
	return nil
}

// digest returns the SHA-256 of a file.
func (i *Intake) digest(ctx context.Context, file []byte) (sum [32]byte, err error) {
	if len(file) <= smallFile {
		return sha256.Sum256(file), nil
	}
	err = i.decode(ctx, func() { sum = sha256.Sum256(file) })
	return sum, err
}

// admit lets a request in when there is memory for it, before its body is read.
func (i *Intake) admit(r *http.Request) (giveBack func(), err error) {
	size, err := bodySize(r)
	if err != nil || size <= smallBody {
		return func() {}, err
	}
	return i.memory.take(r.Context(), size)
}

// bodySize returns how large a request's body is, at most. Of one that does not say
// it reads the beginning, which is the whole of most.
func bodySize(r *http.Request) (int64, error) {
	for _, name := range []string{"Content-Encoding", "Connect-Content-Encoding", "Grpc-Encoding"} {
		if e := r.Header.Get(name); e != "" && e != "identity" {
			return MaxRequestBytes, nil // what it unpacks to is bounded, too
		}
	}
	if r.ContentLength >= 0 {
		return min(r.ContentLength, MaxRequestBytes), nil
	}
	begin := make([]byte, smallBody)
	n, err := io.ReadFull(r.Body, begin)
	body := io.Reader(bytes.NewReader(begin[:n]))
	size := int64(n)
	switch {
	case err == nil:
		body, size = io.MultiReader(body, r.Body), MaxRequestBytes
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return 0, err
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return size, nil
}

// discard reads the rest of a request that is refused, and keeps nothing of it: a
// client that is still sending would not hear the answer, but that the connection
// was reset. A few are read at a time, so that this takes little of everybody else.
func (i *Intake) discard(w http.ResponseWriter, r *http.Request) {
	giveBack, err := i.discards.take(r.Context(), 1)
	if err != nil {
		_ = r.Body.Close() // then the server lingers for a moment behind its answer
		return
	}
	defer giveBack()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardTimeout))
	_, _ = io.Copy(io.Discard, r.Body) // who is gone need not hear
}
