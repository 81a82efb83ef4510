package journal

import (
	"context"
	"fmt"
	"time"
)

// Trim removes the batches that end at or before upTo, except those that the
// older snapshot kept still needs, and the newest. Nothing of a batch that
// reaches beyond upTo is removed.
func (j *Journal) Trim(ctx context.Context, upTo uint64) error {
	if j.cfg.Floor == nil {
		return ErrNoFloor
	}
	floor, err := j.cfg.Floor()
	if err != nil {
		return fmt.Errorf("journal: partition %d: trim: %w", j.cfg.Partition, err)
	}
	upTo = min(upTo, floor)
	first, last, err := j.store.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("journal: partition %d: trim: %w", j.cfg.Partition, err)
	}
	// The first batch that reaches beyond upTo, by halving.
	for hi := last; first < hi; {
		mid := first + (hi-first)/2
		b, err := batchAt(ctx, j.store, j.cfg.Partition, mid)
		if err != nil {
			return err
		}
		if b.Last() > upTo {
			hi = mid
		} else {
			first = mid + 1
		}
	}
	if first > last {
		return nil
	}
	return j.store.Purge(ctx, first)
}

// LastBefore returns the own sequence number of the last event that was stored
// before a time, by the wall clock of whoever stored it; 0 when none was.
func LastBefore(ctx context.Context, s Store, partition uint32, t time.Time) (uint64, error) {
	first, last, err := s.Bounds(ctx)
	if err != nil {
		return 0, fmt.Errorf("journal: partition %d: bounds: %w", partition, err)
	}
	upTo := uint64(0)
	for first <= last { // by halving: what is older than t, is before it
		mid := first + (last-first)/2
		b, err := batchAt(ctx, s, partition, mid)
		if err != nil {
			return 0, err
		}
		if b.Time.Before(t) {
			upTo, first = b.Last(), mid+1
		} else {
			last = mid - 1
		}
	}
	return upTo, nil
}

// ReadRange hands fn the verified batches after the point from, up to and
// including the one that ends at upTo, as a snapshot is made of an older one. It
// needs no ownership. A journal that ends before upTo is a Fault.
func ReadRange(
	ctx context.Context, s Store, partition uint32, from Point, upTo uint64, fn func(Batch) error,
) (Point, error) {
	if upTo <= from.Sequence {
		return from, nil
	}
	first, last, err := s.Bounds(ctx)
	if err != nil {
		return Point{}, fmt.Errorf("journal: partition %d: bounds: %w", partition, err)
	}
	pos, err := begin(ctx, s, partition, from, first, last)
	if err != nil {
		return Point{}, err
	}
	v := NewVerifier(partition, from, Point{})
	err = read(ctx, s, v, pos, last, func(_ uint64, b Batch) error {
		if b.Last() > upTo {
			return fmt.Errorf("journal: partition %d: sequence %d is inside a batch", partition, upTo)
		}
		if err := fn(b); err != nil || b.Last() < upTo {
			return err
		}
		return errEnough
	})
	if err == errEnough { //nolint:errorlint // our own mark, never wrapped
		err = nil
	}
	if err == nil && v.at.Sequence < upTo {
		v.mark.Sequence = upTo
		err = v.End()
	}
	return v.at, err
}
