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
	root  *actor.RootContext
	id    job.ID
	token job.Token

	mu      sync.Mutex
	waiting []attempt.Chunk
	busy    bool
}

// put queues a chunk, and starts storing if nothing is being stored. What comes
// beyond twice the attempt's window is dropped: the attempt sends it again.
func (w *logWriter) put(c attempt.Chunk, sender *actor.PID) {
	w.mu.Lock()
	known := len(w.waiting) > 0 && c.Seq <= w.waiting[len(w.waiting)-1].Seq && c.Seq >= w.waiting[0].Seq
	if known || len(w.waiting) >= 2*chunkWindow {
		w.mu.Unlock()
		return
	}
	w.waiting = append(w.waiting, c)
	start := !w.busy
	w.busy = true
	w.mu.Unlock()
	if start {
		w.store(sender)
	}
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
		w.mu.Lock()
		if err != nil {
			w.waiting, w.busy = nil, false
			w.mu.Unlock()
			return
		}
		w.waiting = w.waiting[1:]
		w.mu.Unlock()
		if sender != nil {
			w.root.Send(sender, &messages.ChunkStored{Seq: c.Seq})
		}
		w.store(sender)
	})
}
