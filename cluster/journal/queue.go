package journal

import (
	"slices"
	"sync"
)

const (
	spareSegments  = 4
	spareSegmentMu = 1 << 20 // a larger buffer is left to the collector
)

// waiter is one entry's callback and the number of its events.
type waiter struct {
	done  func(first uint64, err error)
	count int
}

// segment is a batch in the making: room for a header, then encoded events.
type segment struct {
	buf     []byte
	events  int
	waiters []waiter
}

// queue gathers entries into segments while the committer is busy. Its limits
// count what is in it and what the committer has taken but not finished.
type queue struct {
	batchBytes, batchEvents  int
	entryBytes               int
	queueBytes, queueEntries int

	mu     sync.Mutex
	wake   *sync.Cond
	segs   []*segment
	spare  []*segment
	bytes  int
	length int
	refuse error // set when nothing more is taken
}

func newQueue(c Config) *queue {
	q := &queue{
		batchBytes: c.BatchBytes, batchEvents: c.BatchEvents, entryBytes: c.EntryBytes,
		queueBytes: c.QueueBytes, queueEntries: c.QueueLength,
	}
	q.wake = sync.NewCond(&q.mu)
	return q
}

// put copies the events into the queue, or returns why not.
func (q *queue) put(events [][]byte, done func(uint64, error)) error {
	size := 0
	for _, e := range events {
		size += len(e) + Overhead
	}
	if size == 0 || size > q.entryBytes {
		return ErrTooLarge
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		return q.refuse
	}
	// An empty queue takes any entry that a batch may hold.
	if q.length > 0 && (q.bytes+size > q.queueBytes || q.length >= q.queueEntries) {
		return ErrOverloaded
	}
	s := q.open(size, len(events))
	before := len(s.buf)
	for _, e := range events {
		s.buf = appendEvent(s.buf, e)
	}
	s.events += len(events)
	s.waiters = append(s.waiters, waiter{done, len(events)})
	q.bytes += len(s.buf) - before
	if q.length++; len(q.segs) == 1 {
		q.wake.Signal()
	}
	return nil
}

// open returns the segment that takes an entry of that size.
func (q *queue) open(size, events int) *segment {
	if n := len(q.segs); n > 0 {
		s := q.segs[n-1]
		if len(s.buf)+size <= q.batchBytes && s.events+events <= q.batchEvents {
			return s
		}
	}
	s := &segment{buf: make([]byte, HeaderSize, 4<<10)}
	if n := len(q.spare); n > 0 {
		s, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	q.segs = append(q.segs, s)
	return s
}

// take waits for a segment and removes it; nil when the queue is shut and empty.
func (q *queue) take() *segment {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.segs) == 0 {
		if q.refuse != nil {
			return nil
		}
		q.wake.Wait()
	}
	s := q.segs[0]
	q.segs = slices.Delete(q.segs, 0, 1)
	return s
}

// give returns a segment whose waiters have been answered.
func (q *queue) give(s *segment, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= bytes
	q.length -= len(s.waiters)
	clear(s.waiters)
	s.buf, s.waiters, s.events = s.buf[:HeaderSize], s.waiters[:0], 0
	if len(q.spare) < spareSegments && cap(s.buf) <= spareSegmentMu {
		q.spare = append(q.spare, s)
	}
}

// shut makes put answer with err from now on.
func (q *queue) shut(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse == nil {
		q.refuse = err
	}
	q.wake.Broadcast()
}
