package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

// writer stores one batch after the other. It is used by one goroutine.
type writer struct {
	store   Store
	cfg     Config
	breaker *gobreaker.CircuitBreaker[uint64]
	waits   *backoff.ExponentialBackOff

	last  uint64 // position of the last message
	at    Point  // after the last batch stored
	epoch uint64
}

func newWriter(s Store, cfg Config) *writer {
	w := &writer{store: s, cfg: cfg, waits: backoff.NewExponentialBackOff()}
	w.waits.InitialInterval, w.waits.MaxInterval, w.waits.Multiplier = cfg.RetryFrom, cfg.RetryTo, 2
	w.breaker = gobreaker.NewCircuitBreaker[uint64](gobreaker.Settings{
		Name:        fmt.Sprintf("journal/%d", cfg.Partition),
		Timeout:     cfg.RetryTo,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerTrips },
		// These are answers: the store can be reached.
		IsSuccessful: func(err error) bool {
			return err == nil || errors.Is(err, ErrWrongLast) || errors.Is(err, ErrStorage)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if cfg.Hooks.Breaker != nil {
				cfg.Hooks.Breaker(to.String())
			}
		},
	})
	return w
}

// store1 stores raw behind the last message. An attempt without a clear answer
// is repeated with the same bytes and the same expectation, which can store them
// only once. It returns nil, ErrLostOwnership, ErrStorage or ErrUncertain.
func (w *writer) store1(ctx context.Context, raw []byte) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.GiveUp)
	defer cancel()
	w.waits.Reset()
	var cause error // what the store said last; not that the breaker is open
	for {
		position, err := w.breaker.Execute(func() (uint64, error) { return w.try(ctx, raw) })
		switch {
		case err == nil:
			w.last = position
			return nil
		case errors.Is(err, ErrWrongLast):
			ours, checkErr := w.ours(ctx, raw)
			if checkErr == nil && ours {
				w.last++
				return nil
			}
			if checkErr == nil {
				return fmt.Errorf("%w: partition %d, epoch %d", ErrLostOwnership, w.cfg.Partition, w.epoch)
			}
			err = checkErr
		case errors.Is(err, ErrStorage):
			return fmt.Errorf("partition %d: %w", w.cfg.Partition, err)
		}
		if cause == nil || !errors.Is(err, gobreaker.ErrOpenState) {
			cause = err
		}
		if w.pause(ctx, err) != nil {
			return fmt.Errorf("%w: partition %d: %w", ErrUncertain, w.cfg.Partition, cause)
		}
	}
}

func (w *writer) try(ctx context.Context, raw []byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Try)
	defer cancel()
	return w.store.Append(ctx, raw, w.last)
}

// ours reports whether the message behind the last is raw: an earlier attempt
// whose answer was lost.
func (w *writer) ours(ctx context.Context, raw []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Try)
	defer cancel()
	got, err := w.store.Get(ctx, w.last+1)
	if errors.Is(err, ErrMissing) {
		_, last, err := w.store.Bounds(ctx)
		if err == nil && last == w.last { // a refusal that no longer holds: try again
			err = ErrRefused
		}
		return false, err
	}
	return err == nil && bytes.Equal(got, raw), err
}

// pause waits before the next attempt, or returns the error of ctx.
func (w *writer) pause(ctx context.Context, cause error) error {
	pause := w.waits.NextBackOff()
	w.cfg.Hooks.Retrying(cause, pause)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) mark() error { return w.cfg.Marks.Set(w.cfg.Partition, w.at) }

// commit is the journal's goroutine: it stores segment after segment, and answers.
func (j *Journal) commit(ctx context.Context) {
	defer close(j.ended)
	for {
		s := j.queue.take()
		if s == nil {
			return
		}
		bytes := len(s.buf) - HeaderSize
		first := j.out.at.Sequence + 1
		err := j.Err()
		if err == nil {
			if err = j.out.segment(ctx, s); err != nil {
				j.fail(err)
			} else {
				at := j.out.at
				j.head.Store(&at)
			}
		}
		for _, w := range s.waiters {
			if err != nil {
				w.done(0, err)
				continue
			}
			w.done(first, nil)
			first += uint64(w.count)
		}
		j.queue.give(s, bytes)
	}
}

// segment stores one segment and sets the mark behind it.
func (w *writer) segment(ctx context.Context, s *segment) error {
	start := time.Now()
	s.buf = seal(s.buf, Batch{
		Partition: w.cfg.Partition, Epoch: w.epoch, First: w.at.Sequence + 1, Time: start, Prev: w.at.Hash,
	}, s.events)
	if err := w.store1(ctx, s.buf); err != nil {
		return err
	}
	w.at = Point{Sequence: w.at.Sequence + uint64(s.events), Hash: HashOf(s.buf)}
	if err := w.mark(); err != nil {
		return fmt.Errorf("%w: mark of partition %d: %w", ErrStorage, w.cfg.Partition, err)
	}
	w.cfg.Hooks.Appended(s.events, len(s.buf), time.Since(start))
	return nil
}

// fail stops the journal: what waits, and what comes, is answered with err.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	j.err = err
	j.mu.Unlock()
	j.queue.shut(err)
	close(j.lost)
}
