package api

import (
	"context"
	"sync"
	"time"

	"yardmaster/domain/problem"
)

const (
	hintLeast = time.Second
	hintMost  = 30 * time.Second
	// remembered is the weight of the last use in what a use takes on average.
	remembered = 0.1
)

// quota is so much of something that is used for a while and given back. Who finds
// too little waits behind those who came before, but not for ever: when too many
// wait, or it takes too long, the answer is when to come back.
type quota struct {
	what     string // for people: "memory for submissions"
	patience time.Duration
	most     int // that may wait

	mu      sync.Mutex
	size    int64
	used    int64
	waiting []*waiter // in order
	wanted  int64     // by those who wait
	average float64   // nanoseconds that one unit is used
	refused int64
}

type waiter struct {
	n     int64
	ready chan struct{} // closed when it has its part
}

// PoolUse is how much of a pool is in use.
type PoolUse struct {
	Size, InUse int64
	Waiting     int   // calls that wait for a part of it
	Refused     int64 // calls that were told to come back, so far
}

func (q *quota) use() PoolUse {
	q.mu.Lock()
	defer q.mu.Unlock()
	return PoolUse{Size: q.size, InUse: q.used, Waiting: len(q.waiting), Refused: q.refused}
}

// take returns when n are the caller's, and how to give them back. n may be more
// than there is in all: then it is all.
func (q *quota) take(ctx context.Context, n int64) (giveBack func(), err error) {
	n = min(n, q.size)
	q.mu.Lock()
	if len(q.waiting) == 0 && q.used+n <= q.size {
		q.used += n
		q.mu.Unlock()
		return q.back(n), nil
	}
	if len(q.waiting) >= q.most {
		defer q.mu.Unlock()
		return nil, q.refuse(n)
	}
	w := &waiter{n: n, ready: make(chan struct{})}
	q.waiting = append(q.waiting, w)
	q.wanted += n
	q.mu.Unlock()
	timer := time.NewTimer(q.patience)
	defer timer.Stop()
	select {
	case <-w.ready:
		return q.back(n), nil
	case <-ctx.Done():
	case <-timer.C:
	}
	if q.leave(w) {
		return q.back(n), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return nil, q.refuse(n)
}

// leave takes a waiter out of the queue. It reports true when the waiter has got
// its part just now.
func (q *quota) leave(w *waiter) (ready bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.waiting {
		if other == w {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			q.wanted -= w.n
			q.admit() // those behind it may be smaller
			return false
		}
	}
	return true
}

// admit gives those at the head of the queue their parts. The caller holds the lock.
func (q *quota) admit() {
	for len(q.waiting) > 0 && q.used+q.waiting[0].n <= q.size {
		w := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.wanted -= w.n
		q.used += w.n
		close(w.ready)
	}
}

func (q *quota) back(n int64) func() {
	begun := time.Now()
	return sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.average += remembered * (float64(time.Since(begun)) - q.average)
		q.used -= n
		q.admit()
	})
}

// refuse says when to come back: when those who wait have had their turn, as long as
// a turn takes on average. The caller holds the lock.
func (q *quota) refuse(n int64) error {
	q.refused++
	turns := float64(q.wanted+n)/float64(q.size) + 1
	after := time.Duration(q.average * turns).Round(time.Millisecond)
	return problem.RetryIn(problem.Exhausted, min(max(after, hintLeast), hintMost),
		"the server has no %s left: %d calls wait for it", q.what, len(q.waiting))
}
