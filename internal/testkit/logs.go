package testkit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

// Logs keeps the logs of attempts in memory. It implements actors.Logs.
type Logs struct {
	mu      sync.Mutex
	by      map[string][]attempt.Chunk
	judge   func(id job.ID, token job.Token, c attempt.Chunk) error
	late    time.Duration
	changed chan struct{} // closed at the next change
}

var _ actors.Logs = (*Logs)(nil)

// NewLogs returns an empty store.
func NewLogs() *Logs { return &Logs{by: map[string][]attempt.Chunk{}, changed: make(chan struct{})} }

// Judge has f asked before each chunk is stored; an error of f is the answer. f
// may panic, as a store with a defect would. A nil f ends it.
func (l *Logs) Judge(f func(id job.ID, token job.Token, c attempt.Chunk) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.judge = f
}

// Late has chunks stored, and answered, late by that much.
func (l *Logs) Late(by time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = by
}

// Chunks returns what is stored of an attempt.
func (l *Logs) Chunks(id job.ID, token job.Token) []attempt.Chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.by[attempt.Name(id, token)])
}

// Append implements actors.Logs.
func (l *Logs) Append(id job.ID, token job.Token, c attempt.Chunk, done func(error)) {
	l.mu.Lock()
	judge, late := l.judge, l.late
	l.mu.Unlock()
	if judge != nil {
		if err := judge(id, token, c); err != nil {
			done(err)
			return
		}
	}
	if late == 0 {
		done(l.append(attempt.Name(id, token), c))
		return
	}
	time.AfterFunc(late, func() { done(l.append(attempt.Name(id, token), c)) })
}

func (l *Logs) append(name string, c attempt.Chunk) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := uint64(len(l.by[name]))
	switch {
	case c.Seq <= have:
		return nil
	case c.Seq != have+1:
		return fmt.Errorf("testkit: chunk %d after %d", c.Seq, have)
	}
	l.by[name] = append(l.by[name], c)
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// Read implements actors.Logs.
func (l *Logs) Read(ctx context.Context, id job.ID, token job.Token, from uint64, follow bool,
	fn func(attempt.Chunk) error,
) error {
	name, next := attempt.Name(id, token), 0
	for {
		l.mu.Lock()
		chunks, changed := l.by[name], l.changed
		l.mu.Unlock()
		for ; next < len(chunks); next++ {
			if chunks[next].Seq < from {
				continue
			}
			if err := fn(chunks[next]); err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Purge implements actors.Logs.
func (l *Logs) Purge(_ context.Context, runs []job.RunID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.by {
		if id, _, err := attempt.ParseName(name); err == nil && slices.Contains(runs, id.Run) {
			delete(l.by, name)
		}
	}
	return nil
}
