package journal

import (
	"context"
	"errors"
)

// Store keeps the encoded batches of one partition, numbered by position without
// gaps. Every method may be called concurrently and ends with its context.
type Store interface {
	// Append stores raw behind the message at position last, durably, and returns
	// its position. raw is the caller's again when Append returns.
	// ErrWrongLast and ErrRefused say that this call stored nothing; ErrStorage that the store
	// is damaged; after any other error raw may be stored or not.
	Append(ctx context.Context, raw []byte, last uint64) (position uint64, err error)
	// Bounds returns the position of the oldest message kept and of the newest ever
	// stored; first is last+1 when none is kept. It never answers from a stale replica.
	Bounds(ctx context.Context) (first, last uint64, err error)
	// Get returns the message at a position, or ErrMissing.
	Get(ctx context.Context, position uint64) ([]byte, error)
	// Read calls fn for the messages from one position to another, both included,
	// in order, until fn returns an error, which it returns. raw may be kept.
	// A message that is not there makes it return ErrMissing.
	Read(ctx context.Context, from, to uint64, fn func(position uint64, raw []byte) error) error
	// Purge removes all messages below position.
	Purge(ctx context.Context, position uint64) error
}

// errEnough ends a read early.
var errEnough = errors.New("journal: enough")

// Answers of a Store.
var (
	ErrWrongLast = errors.New("journal: the last message is another")
	ErrRefused   = errors.New("journal: the store refused for now")
	ErrStorage   = errors.New("journal: the store cannot write")
	ErrMissing   = errors.New("journal: no such message")
)

// Marks remembers, outside the store, the last acknowledged point of a partition.
// It may be behind, never ahead.
type Marks interface {
	// Load returns the mark, the zero Point when none was ever set.
	Load(partition uint32) (Point, error)
	// Set replaces the mark. It must be quick.
	Set(partition uint32, p Point) error
}
