package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/messages"
)

// logWriter stores the chunks of one attempt one after the other, and tells the
// attempt of each. Chunks that come again while they wait are not queued twice.
type logWriter struct {
	logs  Logs
	room  *logRoom
	root  *actor.RootContext
	id    job.ID
	token job.Token

	mu      sync.Mutex
	waiting []attempt.Chunk
	held    int64  // bytes of them
	missing uint64 // seq of the first chunk that was put off; 0: none was
	busy    bool
}

// put queues a chunk, and starts storing if nothing is being stored. What comes
// beyond twice the attempt's window, or finds no room, is put off, and all behind it
// with it: the attempt sends it again.
func (w *logWriter) put(c attempt.Chunk, sender *actor.PID) {
	if w.take(c) {
		w.store(sender)
	}
}

// take queues a chunk, and reports whether storing must be started.
func (w *logWriter) take(c attempt.Chunk) (start bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) > 0 && c.Seq <= w.waiting[len(w.waiting)-1].Seq && c.Seq >= w.waiting[0].Seq {
		return false
	}
	if w.missing != 0 && c.Seq > w.missing {
		return false
	}
	n := int64(len(c.Data))
	if len(w.waiting) >= 2*chunkWindow || !w.room.take(w.held, n) {
		w.missing = c.Seq
		return false
	}
	w.waiting, w.held, w.missing = append(w.waiting, c), w.held+n, 0
	start = !w.busy
	w.busy = true
	return start
}

// store appends the first waiting chunk and goes on with the next when that is
// done. After a failure it lets go of all that wait: they come again in order.
func (w *logWriter) store(sender *actor.PID) {
	w.mu.Lock()
	if len(w.waiting) == 0 {
		w.busy = false
		w.mu.Unlock()
		return
	}
	c := w.waiting[0]
	w.mu.Unlock()
	w.logs.Append(w.id, w.token, c, func(err error) {
		again := w.stored(c, err)
		if err != nil {
			return
		}
		if sender != nil {
			w.root.Send(sender, &messages.ChunkStored{Seq: c.Seq, Again: again})
		}
		w.store(sender)
	})
}

// stored lets go of a chunk that was stored, or of all after a failure. It reports
// whether what was put off may come now.
func (w *logWriter) stored(c attempt.Chunk, err error) (again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.room.giveBack(0, w.held)
		w.waiting, w.held, w.missing, w.busy = nil, 0, 0, false
		return false
	}
	n := int64(len(c.Data))
	w.held -= n
	w.waiting = w.waiting[1:]
	w.room.giveBack(w.held, n)
	if w.missing == 0 || len(w.waiting) > 0 || !w.room.fair() {
		return false
	}
	w.missing = 0
	return true
}
