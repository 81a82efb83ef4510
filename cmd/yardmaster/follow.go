package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yardmaster/messages"
)

const (
	redrawEvery   = 200 * time.Millisecond
	lateLogs      = 10 * time.Second // for more of the logs to arrive once the run is over
	maxLogReaders = 32               // logs that are followed at once
	eventBuffer   = 64
)

// errRunOver ends a watch from within: the run has ended.
var errRunOver = errors.New("yardmaster: the run is over")

// allJobs is the job of a follower that follows them all.
const allJobs = -1

// source is what a follower asks: an *api.Client.
type source interface {
	Run(ctx context.Context, id string) (*messages.Run, error)
	Watch(ctx context.Context, runID string, handle func(*messages.WatchRunsResponse) error) error
	ReadLog(ctx context.Context, req *messages.ReadLogRequest, handle func(*messages.ReadLogResponse) error) error
}

// follower shows one run from now to its end. One goroutine, the caller's, owns
// the board and the display; the others only bring it events.
type follower struct {
	client source
	runID  string
	show   display
	logs   bool
	only   int // index of the one job to follow, or allJobs
	// interrupted asks for what onInterrupt does, once; may be nil.
	interrupted <-chan struct{}
	onInterrupt func(context.Context) error
	complain    func(string) // of what the user should know beside the display

	board   board
	events  chan event
	read    map[int]uint32 // newest attempt of each job whose log was asked for
	waiting []logRequest
	readers int
}

// event is one thing that a goroutine of the follower has to say.
type event struct {
	watch   *messages.WatchRunsResponse
	run     *messages.Run // with watch, when the state was read anew
	log     *messages.ReadLogResponse
	request logRequest // of log
	logDone bool
	err     error
}

type logRequest struct {
	job     int
	attempt uint32
}

// follow returns the run at its end, or, when one job is followed, at that job's.
func (f *follower) follow(ctx context.Context) (*messages.Run, error) {
	ctx, cancel := context.WithCancel(ctx)
	f.events = make(chan event, eventBuffer)
	f.read = make(map[int]uint32)
	goroutines := 1
	go f.watch(ctx)
	defer func() {
		cancel()
		for f.readers+goroutines > 0 { // each says one last thing
			if e := <-f.events; e.logDone {
				f.readers--
			} else if e.err != nil {
				goroutines = 0
			}
		}
	}()
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	var late <-chan time.Time
	for {
		select {
		case e := <-f.events:
			if e.err != nil && !e.logDone {
				goroutines = 0
				if !errors.Is(e.err, errRunOver) {
					return nil, e.err
				}
			} else {
				f.take(ctx, e)
				if e.log != nil || e.logDone {
					late = nil // while logs arrive there is nothing to give up on
				}
			}
		case <-ticker.C:
			f.show.tick(&f.board)
		case <-f.interrupted:
			f.interrupted = nil
			if err := f.onInterrupt(ctx); err != nil {
				return nil, err
			}
		case <-late:
			if len(f.events) > 0 { // it is the display that was slow
				late = nil
				break
			}
			f.complain("the end of a log did not arrive")
			return f.end(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if f.over() && late == nil {
			late = time.After(lateLogs)
		}
		if f.over() && f.readers == 0 {
			return f.end(ctx)
		}
	}
}

func (f *follower) over() bool {
	return final(f.board.state) || f.only != allJobs && f.only < len(f.board.jobs) && final(f.board.jobs[f.only].state)
}

// end reads the run a last time, for what changes do not tell.
func (f *follower) end(ctx context.Context) (*messages.Run, error) {
	run, err := f.client.Run(ctx, f.runID)
	if err != nil {
		return nil, err
	}
	f.board.load(run)
	if final(f.board.state) && !final(run.GetState()) { // what answered lags behind what it told
		run.State, run.Reason = f.board.state, f.board.reason
	}
	f.show.closed(&f.board, run)
	return run, nil
}

// watch brings the changes of the run, and its state whenever that was to be read.
func (f *follower) watch(ctx context.Context) {
	first := true
	err := f.client.Watch(ctx, f.runID, func(res *messages.WatchRunsResponse) error {
		e := event{watch: res}
		if first || res.GetResync() {
			run, err := f.client.Run(ctx, f.runID)
			if err != nil {
				return err
			}
			first, e.run = false, run
		}
		over := final(e.run.GetState())
		for _, c := range res.GetChanges() {
			over = over || c.GetOfRun() && final(c.GetState())
		}
		f.say(ctx, e)
		if over {
			return errRunOver
		}
		return nil
	})
	if err == nil {
		err = serverError("the server ended the watch before the run ended")
	}
	f.events <- event{err: err}
}

// say hands an event over, unless the follower has gone.
func (f *follower) say(ctx context.Context, e event) {
	select {
	case f.events <- e:
	case <-ctx.Done():
	}
}

// take brings the board up to date with an event.
func (f *follower) take(ctx context.Context, e event) {
	switch {
	case e.logDone:
		f.readers--
		if e.err != nil && ctx.Err() == nil {
			f.complain(fmt.Sprintf("log of %s: %s", f.board.jobs[e.request.job].key, e.err))
		}
		f.startWaiting(ctx)
	case e.log != nil:
		f.show.logged(&f.board, e.request.job, e.log)
		if why := incomplete(e.log.GetEnd()); why != "" {
			f.complain(fmt.Sprintf("log of %s, attempt %d: %s", f.board.jobs[e.request.job].key, e.request.attempt, why))
		}
	case e.watch != nil:
		var all []news
		if e.run != nil {
			all = f.board.load(e.run)
		}
		for _, c := range e.watch.GetChanges() {
			if c.GetRunId() == f.runID {
				all = append(all, f.board.apply(c)...)
			}
		}
		f.show.changed(&f.board, all, e.watch)
		f.startLogs(ctx)
	}
}

// startLogs asks for the log of each attempt that was not asked for yet.
func (f *follower) startLogs(ctx context.Context) {
	if !f.logs {
		return
	}
	for i := range f.board.jobs {
		attempt := f.board.jobs[i].attempt
		if attempt > f.read[i] && (f.only == allJobs || f.only == i) {
			f.read[i] = attempt
			f.waiting = append(f.waiting, logRequest{i, attempt})
		}
	}
	f.startWaiting(ctx)
}

func (f *follower) startWaiting(ctx context.Context) {
	for len(f.waiting) > 0 && f.readers < maxLogReaders {
		r := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.readers++
		go f.readLog(ctx, r)
	}
}

func (f *follower) readLog(ctx context.Context, r logRequest) {
	req := &messages.ReadLogRequest{RunId: f.runID, JobIndex: uint32(r.job), Attempt: r.attempt, Follow: true}
	err := f.client.ReadLog(ctx, req, func(res *messages.ReadLogResponse) error {
		f.say(ctx, event{log: res, request: r})
		return nil
	})
	f.events <- event{logDone: true, request: r, err: err}
}

// incomplete says what is missing from a log that has ended; nothing when it is whole.
func incomplete(end *messages.LogEnd) string {
	switch {
	case end == nil || end.GetSum() == nil:
		return ""
	case !end.GetComplete():
		return fmt.Sprintf("not complete: the whole log has %d bytes", end.GetSum().GetBytes())
	case end.GetSum().GetDropped() > 0:
		return fmt.Sprintf("cut at its limit: %d more bytes were written", end.GetSum().GetDropped())
	}
	return ""
}
