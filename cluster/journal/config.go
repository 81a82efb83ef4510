package journal

import (
	"errors"
	"fmt"
	"time"
)

// Limits of a Config left zero.
const (
	defaultBatchBytes  = 512 << 10
	defaultBatchEvents = 4096
	defaultEntryBytes  = 4 << 20
	defaultQueueBytes  = 64 << 20
	defaultQueueLength = 1 << 17
	defaultTry         = 5 * time.Second
	defaultGiveUp      = 60 * time.Second
	defaultRetryFrom   = 20 * time.Millisecond
	defaultRetryTo     = 2 * time.Second
	breakerTrips       = 5
	claimTries         = 64
)

// Config is how a partition's journal is opened.
type Config struct {
	Partition uint32
	Owner     string // ID of this node, written with the claim; required
	From      Point  // where the snapshot ends; zero without one
	Marks     Marks  // required
	// Floor returns the sequence Trim may not go beyond: that of the older snapshot kept.
	Floor func() (uint64, error)
	Hooks Hooks

	BatchBytes  int           // a batch is closed at this size; 512 KiB
	BatchEvents int           // or with this many events; 4096
	EntryBytes  int           // most bytes of one entry; 4 MiB; the store must take that and 128 bytes
	QueueBytes  int           // most bytes waiting; 64 MiB
	QueueLength int           // most entries waiting; 131,072
	Try         time.Duration // of one attempt at an append; 5 s
	GiveUp      time.Duration // of all attempts at one append; 60 s
	RetryFrom   time.Duration // first pause between attempts; 20 ms, doubling, jittered
	RetryTo     time.Duration // longest pause; 2 s
}

// Hooks are told what happens, on the committer's goroutine; they must not block.
// Each may be nil.
type Hooks struct {
	Appended func(events, bytes int, took time.Duration) // one batch is stored
	Retrying func(err error, pause time.Duration)        // an attempt had no success
	Breaker  func(state string)                          // closed, half-open, open
}

func (c Config) withDefaults() (Config, error) {
	defaultTo(&c.BatchBytes, defaultBatchBytes)
	defaultTo(&c.BatchEvents, defaultBatchEvents)
	defaultTo(&c.EntryBytes, defaultEntryBytes)
	defaultTo(&c.QueueBytes, defaultQueueBytes)
	defaultTo(&c.QueueLength, defaultQueueLength)
	defaultTo(&c.Try, defaultTry)
	defaultTo(&c.GiveUp, defaultGiveUp)
	defaultTo(&c.RetryFrom, defaultRetryFrom)
	defaultTo(&c.RetryTo, defaultRetryTo)
	var faults []error
	if c.Owner == "" {
		faults = append(faults, errors.New("no owner"))
	}
	if c.Marks == nil {
		faults = append(faults, errors.New("no marks"))
	}
	if min(c.BatchBytes, c.BatchEvents, c.EntryBytes, c.QueueBytes, c.QueueLength) < 0 {
		faults = append(faults, errors.New("a limit is negative"))
	}
	if c.Hooks.Appended == nil {
		c.Hooks.Appended = func(int, int, time.Duration) {}
	}
	if c.Hooks.Retrying == nil {
		c.Hooks.Retrying = func(error, time.Duration) {}
	}
	if err := errors.Join(faults...); err != nil {
		return c, fmt.Errorf("journal: configuration: %w", err)
	}
	return c, nil
}

func defaultTo[T int | time.Duration](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}
