package loadtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	gatherWithin = 2 * time.Minute // for all idle workers to be known
	joinsAtOnce  = 16
)

// crowd is many workers that are connected and idle.
type crowd struct {
	mu    sync.Mutex
	stops []func(context.Context) error
	errs  []error
}

// gather connects the idle workers and returns when the server knows all of them. The
// crowd must be stopped also when there is an error.
func (s Queued) gather(ctx context.Context, b *bench) (*crowd, error) {
	c := &crowd{}
	info, err := b.target.Client.Info(ctx)
	if err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(ctx, gatherWithin)
	defer cancel()
	c.each(s.Idle, func(i int) error {
		stop, err := s.Join(ctx, info.GetNatsUrl(), fmt.Sprintf("loadtest-idle-%d", i+1))
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.stops = append(c.stops, stop)
		}
		return err
	})
	wanted := int(info.GetWorkers()) + s.Idle
	for err = errors.Join(c.errs...); err == nil; {
		if info, err = b.target.Client.Info(ctx); err != nil || int(info.GetWorkers()) >= wanted {
			break
		}
		if !sleep(ctx, shortest) {
			err = fmt.Errorf("loadtest: only %d of %d workers are there after %s", info.GetWorkers(), wanted, gatherWithin)
		}
	}
	return c, err
}

// stop ends the workers.
func (c *crowd) stop(ctx context.Context) error {
	c.errs = nil
	c.each(len(c.stops), func(i int) error { return c.stops[i](ctx) })
	return errors.Join(c.errs...)
}

// each does something for each of n workers, for some at once, and keeps the errors.
func (c *crowd) each(n int, do func(i int) error) {
	var all sync.WaitGroup
	for first := range min(n, joinsAtOnce) {
		all.Go(func() {
			for i := first; i < n; i += joinsAtOnce {
				if err := do(i); err != nil {
					c.mu.Lock()
					c.errs = append(c.errs, err)
					c.mu.Unlock()
				}
			}
		})
	}
	all.Wait()
}
