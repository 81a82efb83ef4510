package journal

import (
	"context"
	"errors"
	"fmt"
)

// seek returns the position of the batch that begins after sequence, and the
// hash of the batch before it as far as that is kept. When nothing follows,
// position is last+1.
func seek(ctx context.Context, s Store, partition uint32, sequence, first, last uint64) (uint64, error) {
	want := sequence + 1
	fault := func(kind error, at uint64, detail string) error {
		return &Fault{Kind: kind, Partition: partition, Sequence: want, Position: at, Detail: detail}
	}
	lo, hi := first, last+1 // the answer lies in [lo, hi]
	for lo < hi {
		mid := lo + (hi-lo)/2
		b, err := batchAt(ctx, s, partition, mid)
		if err != nil {
			return 0, err
		}
		switch {
		case b.First == want:
			return mid, nil
		case b.First > want:
			hi = mid
		case b.Last() >= want:
			return 0, fault(ErrHole, mid, "the snapshot ends inside the batch there")
		default:
			lo = mid + 1
		}
	}
	if lo <= last {
		return 0, fault(ErrHole, lo, "the journal begins later; an older snapshot does not help, a newer one is needed")
	}
	return last + 1, nil
}

func batchAt(ctx context.Context, s Store, partition uint32, position uint64) (Batch, error) {
	raw, err := s.Get(ctx, position)
	if errors.Is(err, ErrMissing) {
		return Batch{}, &Fault{Kind: ErrHole, Partition: partition, Position: position, Detail: "the message was removed"}
	}
	if err != nil {
		return Batch{}, fmt.Errorf("journal: partition %d: read message %d: %w", partition, position, err)
	}
	b, err := Decode(raw)
	if err != nil {
		return Batch{}, &Fault{Kind: ErrCorrupt, Partition: partition, Position: position, Detail: err.Error()}
	}
	return b, nil
}

// begin returns the position of the first batch after from, and checks the batch
// that ends there where there is one.
func begin(ctx context.Context, s Store, partition uint32, from Point, first, last uint64) (uint64, error) {
	if first > last && (last > 0 || from.Sequence > 0) {
		return 0, &Fault{Kind: ErrTruncated, Partition: partition, Sequence: from.Sequence, Detail: "the journal is empty"}
	}
	pos, err := seek(ctx, s, partition, from.Sequence, first, last)
	if err != nil || pos == first {
		return pos, err
	}
	b, err := batchAt(ctx, s, partition, pos-1)
	if err != nil {
		return 0, err
	}
	switch {
	case b.Last() != from.Sequence:
		return 0, &Fault{
			Kind: ErrTruncated, Partition: partition, Sequence: from.Sequence, Position: pos - 1,
			Detail: fmt.Sprintf("the snapshot is of sequence %d, the journal ends at %d", from.Sequence, b.Last()),
		}
	case b.Hash != from.Hash:
		return 0, &Fault{
			Kind: ErrBadHash, Partition: partition, Sequence: from.Sequence, Position: pos - 1,
			Detail: "the snapshot was made of another history",
		}
	}
	return pos, nil
}

// read verifies the messages from one position to another and hands them to fn.
func read(
	ctx context.Context, s Store, v *Verifier, from, to uint64, fn func(position uint64, b Batch) error,
) error {
	if from > to {
		return nil
	}
	next := from
	err := s.Read(ctx, from, to, func(pos uint64, raw []byte) error {
		if pos != next {
			return v.fault(ErrHole, next, fmt.Sprintf("message %d follows", pos))
		}
		b, err := v.Check(pos, raw)
		if err != nil {
			return err
		}
		next = pos + 1
		return fn(pos, b)
	})
	if errors.Is(err, ErrMissing) {
		return v.fault(ErrHole, next, "the message was removed")
	}
	return err
}
