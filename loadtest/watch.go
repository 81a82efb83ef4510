package loadtest

import (
	"context"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	pageSize    = 1000                   // of ListRuns, the most it gives
	lookEvery   = 250 * time.Millisecond // after a gap, for ends that were not told
	stallAfter  = 3 * time.Second        // without an end, ask the server what it still has
	maxAskedFor = 1000                   // runs that are asked for one by one, at the end
)

// watch follows the runs of a tracker through WatchRuns.
type watch struct {
	client  *api.Client
	tracker *tracker
	now     func() int64
	stall   time.Duration
	resyncs atomic.Int64
	gap     chan struct{} // holds one token when changes were dropped
	ended   chan error
	cancel  context.CancelFunc
}

// startWatch returns when the watch is established. Stop it.
func startWatch(ctx context.Context, b *bench, t *tracker) (*watch, error) {
	// Without the deadline: the server would end the stream at it, before we do.
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	client := b.target.Client
	w := &watch{
		client: client, tracker: t, now: b.now, stall: b.stall, gap: make(chan struct{}, 1), ended: make(chan error, 1),
		cancel: cancel,
	}
	established := make(chan struct{})
	go func() { // ends with watching, see stop
		first := true
		w.ended <- client.Watch(watching, "", func(res *messages.WatchRunsResponse) error {
			if first {
				first = false
				close(established)
			}
			w.take(res)
			return nil
		})
	}()
	select {
	case <-established:
		return w, nil
	case err := <-w.ended:
		cancel()
		return nil, err
	case <-ctx.Done():
		w.stop()
		return nil, ctx.Err()
	}
}

func (w *watch) take(res *messages.WatchRunsResponse) {
	now := w.now()
	if res.GetResync() {
		w.resyncs.Add(1)
		select {
		case w.gap <- struct{}{}:
		default:
		}
	}
	w.tracker.changes(res.GetChanges(), now)
}

func (w *watch) stop() {
	w.cancel()
	<-w.ended //nolint:errcheck // it was asked to end: await tells of an end that was not
}

// await returns when everything acknowledged has ended, or when the server has
// nothing left that could end: what is missing then is lost.
func (w *watch) await(ctx context.Context) error {
	tick := time.NewTicker(min(lookEvery, w.stall))
	defer tick.Stop()
	gaps := false
	last, since := w.tracker.sample(), time.Now()
	for {
		select {
		case <-w.tracker.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case err := <-w.ended:
			w.ended <- err // for stop
			return err
		case <-w.gap:
			gaps = true
		case <-tick.C:
		}
		if s := w.tracker.sample(); s.Done != last.Done {
			last, since = s, time.Now()
		}
		stalled := time.Since(since) > w.stall
		if !gaps && !stalled {
			continue
		}
		if over, err := w.look(ctx, stalled); err != nil || over {
			return err
		}
		if stalled {
			since = time.Now()
		}
	}
}

// look reads the ends that the watch may have missed. It reports whether nothing
// is left to wait for.
func (w *watch) look(ctx context.Context, stalled bool) (over bool, err error) {
	idle := false
	if stalled { // ask first: what ends after the answer is still read below
		info, err := w.client.Info(ctx)
		if err != nil {
			return false, err
		}
		idle = info.GetQueued()+info.GetRunning() == 0 && w.tracker.allSent()
	}
	if err := w.list(ctx); err != nil {
		return false, err
	}
	if idle {
		return true, w.askForRest(ctx)
	}
	return false, nil
}

// list reads the runs that ended since the scenario began, newest first.
func (w *watch) list(ctx context.Context) error {
	req := &messages.ListRunsRequest{Limit: pageSize, States: []messages.JobState{
		messages.JobState_JOB_STATE_SUCCESS, messages.JobState_JOB_STATE_FAILED, messages.JobState_JOB_STATE_CANCELLED,
	}}
	for {
		runs, err := w.client.Runs(ctx, req)
		if err != nil {
			return err
		}
		w.tracker.listed(runs)
		if len(runs) < pageSize || len(w.tracker.missing(1)) == 0 {
			return nil
		}
		oldest := runs[len(runs)-1]
		if oldest.GetSubmittedAt().AsTime().Before(w.tracker.base) {
			return nil
		}
		req.BeforeRunId = oldest.GetRunId()
	}
}

// askForRest asks for the runs that no list had: too many may have ended since.
func (w *watch) askForRest(ctx context.Context) error {
	for _, id := range w.tracker.missing(maxAskedFor) {
		r, err := w.client.Run(ctx, id)
		if connect.CodeOf(err) == connect.CodeNotFound {
			continue
		}
		if err != nil {
			return err
		}
		w.tracker.listed([]*messages.Run{r})
	}
	return nil
}
