// Package actors holds the actors of coordinator nodes and of workers, one to a
// file.
//
// Each actor's doc comment lists its mailbox protocol. What an actor needs from
// outside the actor system it asks for through an interface in this file.
package actors

import (
	"context"
	"errors"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/scale"
	"yardmaster/domain/sizing"
)

// Errors that ports answer with.
var (
	// ErrLostOwnership means another node owns the partition now, or the journal
	// cannot tell any more: the partition must be replayed before it goes on.
	ErrLostOwnership = errors.New("actors: partition is owned by another node")
	// ErrOverloaded means a queue is full and nothing was stored: try again.
	ErrOverloaded = errors.New("actors: overloaded")
	// ErrTooLarge means that events can never be stored together.
	ErrTooLarge = errors.New("actors: too large for the journal")
)

// Journal stores the events of one partition, in order.
type Journal interface {
	// Append stores events, all or none, and returns when they are durable.
	Append(events ...[]byte) error
	// AppendAsync does the same and tells done, which must not block.
	AppendAsync(events [][]byte, done func(error))
	// Close lets go of the partition; appends under way get ErrLostOwnership.
	Close()
}

// Opener replays a partition's history and takes its ownership.
type Opener interface {
	// Open hands the newest snapshot, if there is one, and then every event
	// behind it to the functions, verified, and returns the journal, owned.
	Open(ctx context.Context, p partition.Number, snapshot func([]byte) error,
		event func([]byte) error) (Journal, error)
	// Compact makes a new snapshot of a partition when its journal has grown
	// enough, with fold.
	Compact(ctx context.Context, p partition.Number, fold Folder) error
}

// Folder adds a history up to a snapshot.
type Folder interface {
	Snapshot(data []byte) error
	Event(data []byte) error
	Encode() []byte
}

// Logs keeps what attempts wrote.
type Logs interface {
	// Append stores a chunk and tells done, which must not block, when it is
	// durable. A chunk that is stored already is not stored again.
	Append(id job.ID, token job.Token, c attempt.Chunk, done func(error))
	// Read hands over the chunks from seq from on, in order. With follow it waits
	// for more until ctx ends or fn returns an error, which it returns; without, it
	// ends after the last one stored.
	Read(ctx context.Context, id job.ID, token job.Token, from uint64, follow bool,
		fn func(attempt.Chunk) error) error
	// Purge removes the logs of runs that are no longer kept.
	Purge(ctx context.Context, runs []job.RunID) error
}

// Machine tells how busy the machine of a worker is. It is implemented by package
// worker/machine.
type Machine interface {
	// Look returns what was seen since the call before, less what only the worker
	// knows: how many attempts run.
	Look(now time.Time) sizing.Sample
}

// Executor runs the steps of an attempt. It is implemented by package worker.
type Executor interface {
	// Execute returns when the attempt is over and none of its processes is left.
	// A cancelled ctx stops it; context.Cause says why.
	Execute(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result
}

// Provider starts and stops the workers of classes whose number follows the load.
// Every call may be repeated, and may come again after a restart of the node.
type Provider interface {
	// Launch starts a worker of the class under a name, which becomes its ID, and
	// returns when it is bound to run. A name that runs already is not started a
	// second time. After an error it may run or not.
	Launch(ctx context.Context, c scale.Class, name string) error
	// Remove stops a worker that takes no jobs any more, and returns when it is
	// gone or bound to go. It must not end the worker's attempts, if against all
	// promises there are any. A name that does not run is gone already.
	Remove(ctx context.Context, name string) error
	// List returns the names that run: each from when Launch returned nil to when
	// Remove did, unless it ended by itself.
	List(ctx context.Context) ([]string, error)
}
