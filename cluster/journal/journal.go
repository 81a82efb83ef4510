package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Ack says where an entry was stored: its first event has the sequence number
// First, the others follow.
type Ack struct {
	First uint64
	Epoch uint64
}

// Journal is the open journal of one partition, owned by this node until Lost.
// All methods may be called concurrently.
type Journal struct {
	store Store
	cfg   Config
	epoch uint64
	queue *queue
	out   *writer

	head    atomic.Pointer[Point] // after the last acknowledged batch
	lost    chan struct{}
	ended   chan struct{}
	abort   context.CancelFunc
	waiting sync.Pool

	mu  sync.Mutex
	err error
}

// Open verifies and replays every batch after cfg.From, then claims the
// partition under the next epoch, and returns the journal. Claims are replayed
// too. A damaged journal is answered with a Fault, an error of replay as it is.
// The journal does not end with ctx, but with Close.
func Open(ctx context.Context, s Store, cfg Config, replay func(Batch) error) (*Journal, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	mark, err := cfg.Marks.Load(cfg.Partition)
	if err != nil {
		return nil, fmt.Errorf("journal: partition %d: load the mark: %w", cfg.Partition, err)
	}
	v := NewVerifier(cfg.Partition, cfg.From, mark)
	first, last, err := s.Bounds(ctx)
	if err != nil {
		return nil, fmt.Errorf("journal: partition %d: bounds: %w", cfg.Partition, err)
	}
	next, err := begin(ctx, s, cfg.Partition, cfg.From, first, last)
	if err != nil {
		return nil, truncatedOr(err, v, last)
	}
	if v.epoch, err = epochBefore(ctx, s, cfg.Partition, next, first); err != nil {
		return nil, err
	}
	w := newWriter(s, cfg)
	epoch, err := claim(ctx, s, v, w, next, last, replay)
	if err != nil {
		return nil, err
	}
	run, abort := context.WithCancel(context.WithoutCancel(ctx))
	j := &Journal{
		store: s, cfg: cfg, epoch: epoch, queue: newQueue(cfg), out: w,
		lost: make(chan struct{}), ended: make(chan struct{}), abort: abort,
	}
	j.waiting.New = func() any { return newWaiting() }
	at := w.at
	j.head.Store(&at)
	go j.commit(run)
	return j, nil
}

// truncatedOr prefers, for an empty journal, the fault that names the mark.
func truncatedOr(err error, v *Verifier, last uint64) error {
	if last == 0 && errors.Is(err, ErrTruncated) && v.End() != nil {
		return v.End()
	}
	return err
}

// epochBefore returns the epoch of the batch before position next, 0 when it is not kept.
func epochBefore(ctx context.Context, s Store, partition uint32, next, first uint64) (uint64, error) {
	if next <= first {
		return 0, nil
	}
	b, err := batchAt(ctx, s, partition, next-1)
	return b.Epoch, err
}

// claim reads to the end and appends a claim behind it. Its success proves that
// nothing follows what was read.
func claim(
	ctx context.Context, s Store, v *Verifier, w *writer, next, last uint64, replay func(Batch) error,
) (uint64, error) {
	each := func(_ uint64, b Batch) error { return replay(b) }
	for range claimTries {
		if err := read(ctx, s, v, next, last, each); err != nil {
			return 0, err
		}
		if err := v.End(); err != nil {
			return 0, err
		}
		b := Batch{
			Partition: w.cfg.Partition, Epoch: v.epoch + 1, First: v.at.Sequence + 1, Kind: Claim,
			Time: time.Now(), Prev: v.at.Hash, Events: [][]byte{[]byte(w.cfg.Owner)},
		}
		raw := Encode(nil, b)
		w.last = last
		err := w.store1(ctx, raw)
		if err == nil {
			own, err := v.Check(w.last, raw)
			if err == nil {
				err = replay(own)
			}
			w.at, w.epoch = v.at, b.Epoch
			return b.Epoch, errors.Join(err, w.mark())
		}
		if !errors.Is(err, ErrLostOwnership) {
			return 0, err
		}
		if err := w.pause(ctx, err); err != nil { // somebody appended: read on
			return 0, err
		}
		next = last + 1
		if _, last, err = s.Bounds(ctx); err != nil {
			return 0, fmt.Errorf("journal: partition %d: bounds: %w", w.cfg.Partition, err)
		}
	}
	return 0, fmt.Errorf("%w: partition %d: %d claims were overtaken", ErrLostOwnership, w.cfg.Partition, claimTries)
}

// Epoch returns the epoch under which this journal owns the partition.
func (j *Journal) Epoch() uint64 { return j.epoch }

// Head returns the point after the last acknowledged batch: where a snapshot of
// everything acknowledged would end.
func (j *Journal) Head() Point { return *j.head.Load() }

// Lost is closed when the journal has stopped for good for another reason than
// Close; Err then says why.
func (j *Journal) Lost() <-chan struct{} { return j.lost }

// Err returns why the journal stopped: ErrLostOwnership, ErrStorage,
// ErrUncertain, or nil while it runs or after Close.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// AppendAsync stores the events of one entry together, in one batch, behind
// those of earlier calls. It copies them. done is called once, on the journal's
// goroutine, in the order of the calls, and must not block; for an entry that is
// refused (ErrOverloaded, ErrTooLarge, ErrClosed, or the journal's Err) it is called before
// AppendAsync returns.
func (j *Journal) AppendAsync(events [][]byte, done func(firstSeq uint64, err error)) {
	if err := j.queue.put(events, done); err != nil {
		done(0, err)
	}
}

// Append stores like AppendAsync and waits for the result; no longer than
// Config.GiveUp for each batch before it.
func (j *Journal) Append(events [][]byte) (Ack, error) {
	w, _ := j.waiting.Get().(*waiting)
	j.AppendAsync(events, w.done)
	r := <-w.result
	j.waiting.Put(w)
	if r.err != nil {
		return Ack{}, r.err
	}
	return Ack{First: r.first, Epoch: j.epoch}, nil
}

// Close takes no more entries, stores those it has, and returns. When ctx ends
// first, it answers the rest with ErrUncertain and returns the error of ctx.
func (j *Journal) Close(ctx context.Context) error {
	j.queue.shut(ErrClosed)
	defer j.abort()
	select {
	case <-j.ended:
		return nil
	case <-ctx.Done():
		j.abort()
		<-j.ended
		return ctx.Err()
	}
}

type result struct {
	first uint64
	err   error
}

type waiting struct {
	result chan result
	done   func(uint64, error)
}

func newWaiting() *waiting {
	w := &waiting{result: make(chan result, 1)}
	w.done = func(first uint64, err error) { w.result <- result{first, err} }
	return w
}
