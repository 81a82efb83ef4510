package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// hangups are the SIGHUPs of this process: the wish to stop, unless there is another
// use for them.
type hangups struct {
	signals chan os.Signal

	mu sync.Mutex
	to chan struct{}
}

// use returns what tells of each SIGHUP from now on, instead of a stop; of several
// that come close together, maybe once. It returns nil where none are listened for.
func (h *hangups) use() <-chan struct{} {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to == nil {
		h.to = make(chan struct{}, 1)
	}
	signal.Notify(h.signals, syscall.SIGHUP) // also under nohup: it does no harm any more
	return h.to
}

// used passes a SIGHUP on, and reports whether there is a use for it.
func (h *hangups) used() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to == nil {
		return false
	}
	select {
	case h.to <- struct{}{}:
	default: // the one before has not been heard yet
	}
	return true
}
