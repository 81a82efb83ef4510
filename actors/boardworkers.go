package actors

import (
	"yardmaster/domain/fleet"
	"yardmaster/domain/partition"
	"yardmaster/domain/worker"
)

// fleetPartition is the partition whose journal keeps what happens to workers.
const fleetPartition partition.Number = 0

// replayed reports whether the board shows a ledger yet.
func (b *Board) replayed() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.ledger != nil
}

// worker returns what is stored of a worker.
func (b *Board) worker(id worker.ID) (fleet.Record, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ledger == nil {
		return fleet.Record{}, false
	}
	return b.ledger.Workers.Worker(id)
}

// putWorker shows a change of a worker that is durable.
func (b *Board) putWorker(id worker.ID, says fleet.Says, c fleet.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Workers.Apply(id, says, c)
}

// workersThere returns the workers that are not gone, by what is stored.
func (b *Board) workersThere() (there []worker.ID) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ledger == nil {
		return nil
	}
	for r := range b.ledger.Workers.All() {
		if r.Last().State != worker.Gone {
			there = append(there, r.ID)
		}
	}
	return there
}

// workersNear returns a few workers whose IDs look like id.
func (b *Board) workersNear(id worker.ID) []worker.ID {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ledger == nil {
		return nil
	}
	return b.ledger.Workers.Near(id)
}
