package actors

import (
	"context"
	"sync"
	"sync/atomic"

	"yardmaster/messages"
)

// feedLimit is how many changes wait for a slow watcher before it is told to
// read the state again instead.
const feedLimit = 16384

// Feed passes on changes to whoever watches. Publishing never blocks and cannot
// fail: a watcher that is too slow loses changes, and is told so.
type Feed struct {
	watched atomic.Int32 // so that nobody watching costs nothing
	mu      sync.RWMutex
	all     map[*watcher]struct{}
	byRun   map[string]map[*watcher]struct{}
}

// NewFeed returns a feed that nobody watches.
func NewFeed() *Feed {
	return &Feed{all: map[*watcher]struct{}{}, byRun: map[string]map[*watcher]struct{}{}}
}

// watcher gathers what one watcher has not taken yet.
type watcher struct {
	mu      sync.Mutex
	waiting []*messages.RunChange
	lost    bool
	ready   chan struct{} // holds one token when there is something to take
}

// Watched reports whether anybody would hear of a change.
func (f *Feed) Watched() bool { return f.watched.Load() > 0 }

// Publish hands a change to those who watch its run, or all runs.
func (f *Feed) Publish(c *messages.RunChange) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for w := range f.all {
		w.put(c)
	}
	for w := range f.byRun[c.GetRunId()] {
		w.put(c)
	}
}

func (w *watcher) put(c *messages.RunChange) {
	w.mu.Lock()
	if len(w.waiting) >= feedLimit {
		w.waiting, w.lost = w.waiting[:0], true
	} else {
		w.waiting = append(w.waiting, c)
	}
	w.mu.Unlock()
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

func (w *watcher) take(into []*messages.RunChange) ([]*messages.RunChange, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	got, lost := w.waiting, w.lost
	w.waiting, w.lost = into[:0], false
	return got, lost
}

// Watch sends the changes of a run, or of all runs when runID is empty, until
// ctx ends or send fails. It first sends an empty response: from then on no
// change is missed without resync being set.
func (f *Feed) Watch(ctx context.Context, runID string, send func(*messages.WatchRunsResponse) error) error {
	w := &watcher{ready: make(chan struct{}, 1)}
	f.join(w, runID)
	defer f.leave(w, runID)
	if err := send(&messages.WatchRunsResponse{}); err != nil {
		return err
	}
	var spare []*messages.RunChange
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.ready:
		}
		got, lost := w.take(spare)
		if len(got) == 0 && !lost {
			spare = got // each of the two slices is in one hand only
			continue
		}
		if err := send(&messages.WatchRunsResponse{Changes: got, Resync: lost}); err != nil {
			return err
		}
		clear(got)
		spare = got
	}
}

func (f *Feed) join(w *watcher, runID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watched.Add(1)
	if runID == "" {
		f.all[w] = struct{}{}
		return
	}
	if f.byRun[runID] == nil {
		f.byRun[runID] = map[*watcher]struct{}{}
	}
	f.byRun[runID][w] = struct{}{}
}

func (f *Feed) leave(w *watcher, runID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watched.Add(-1)
	delete(f.all, w)
	delete(f.byRun[runID], w)
	if len(f.byRun[runID]) == 0 {
		delete(f.byRun, runID)
	}
}
