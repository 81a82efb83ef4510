package journal

import (
	"errors"
	"fmt"
)

// What may be wrong with a stored journal. A Fault wraps one of them.
var (
	ErrHole           = errors.New("events are missing")
	ErrBadHash        = errors.New("the hash chain is broken")
	ErrTruncated      = errors.New("the journal ends before the last acknowledged event")
	ErrWrongPartition = errors.New("a batch of another partition")
	ErrCorrupt        = errors.New("a batch is corrupt")
)

// Fault is damage found in a stored journal: where, what, and what to do. The
// partition takes no decision until an operator has acted.
type Fault struct {
	Kind      error // one of the sentinels
	Partition uint32
	Sequence  uint64 // own sequence number expected at that place
	Position  uint64 // the store's number of the message; 0 when there is none
	Detail    string
}

// Error says place, fault and remedy in one sentence each.
func (f *Fault) Error() string {
	return fmt.Sprintf("journal: partition %d, sequence %d, stream message %d: %v: %s; "+
		"stop the server, keep a copy of the data directory, and restore the partition from a backup or a replica",
		f.Partition, f.Sequence, f.Position, f.Kind, f.Detail)
}

// Unwrap returns the kind.
func (f *Fault) Unwrap() error { return f.Kind }

// What an append may be answered with.
var (
	// ErrLostOwnership means another owner has written to the partition: nothing
	// more may be decided here.
	ErrLostOwnership = errors.New("journal: ownership of the partition is lost")
	// ErrOverloaded means the queue is full: nothing was taken, try again later.
	ErrOverloaded = errors.New("journal: too much is waiting to be stored")
	// ErrTooLarge means an entry can never be stored, or holds no event.
	ErrTooLarge = errors.New("journal: entry is empty or larger than a batch may be")
	// ErrClosed means the journal was closed before the entry was taken.
	ErrClosed = errors.New("journal: closed")
	// ErrUncertain means the store gave no answer in time: the entry may be
	// stored or not. The journal has stopped; opening it again tells.
	ErrUncertain = errors.New("journal: no answer from the store, outcome unknown")
	// ErrNoFloor means Trim has not been told what the snapshots still need.
	ErrNoFloor = errors.New("journal: trim without a floor")
)
