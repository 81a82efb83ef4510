package loadtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	errandWithin = 2 * time.Minute // beyond which a run counts as lost
	maxEarly     = 10_000          // ends that are remembered before anybody waits for them
)

// errands are sent to a server at a steady rate, each followed to its end. All that
// is kept of one is gone when it has ended.
type errands struct {
	client  *api.Client
	ask     time.Duration // after which the server is asked about a run
	keys    string        // their beginning
	planned int
	stop    context.CancelFunc
	watched chan error

	mu      sync.Mutex
	waiting map[string]chan messages.JobState
	early   map[string]messages.JobState
	order   []string // of early, oldest first
	count   Counts
	late    time.Duration // of the latest
	wrong   []error
}

// startErrands returns when the watch over all runs is established. Close them.
func startErrands(ctx context.Context, b *bench, planned int) (*errands, error) {
	client := b.target.Client
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e := &errands{
		client: client, ask: b.stall, keys: "loadtest-" + rand.Text()[:keyDigits] + "-", planned: planned, stop: cancel,
		watched: make(chan error, 1), waiting: map[string]chan messages.JobState{}, early: map[string]messages.JobState{},
	}
	established := make(chan struct{})
	go func() { // ends with watching, see close
		first := true
		e.watched <- client.Watch(watching, "", func(res *messages.WatchRunsResponse) error {
			if first {
				first = false
				close(established)
			}
			e.take(res)
			return nil
		})
	}()
	select {
	case <-established:
		return e, nil
	case err := <-e.watched:
		cancel()
		return nil, err
	case <-ctx.Done():
		cancel()
		<-e.watched //nolint:errcheck // it was asked to end
		return nil, ctx.Err()
	}
}

// close ends the watch. An error means that it ended before.
func (e *errands) close() error {
	select {
	case err := <-e.watched:
		e.stop()
		return fmt.Errorf("loadtest: the watch ended: %w", err)
	default:
	}
	e.stop()
	<-e.watched //nolint:errcheck // it was asked to end
	return nil
}

// take hands ends to who waits for them.
func (e *errands) take(res *messages.WatchRunsResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if res.GetResync() {
		e.count.Resyncs++
	}
	for _, c := range res.GetChanges() {
		if !c.GetOfRun() || c.GetState() < messages.JobState_JOB_STATE_SUCCESS {
			continue
		}
		if waits, ok := e.waiting[c.GetRunId()]; ok {
			waits <- c.GetState() // has room for one, and is forgotten with it
			delete(e.waiting, c.GetRunId())
			continue
		}
		e.early[c.GetRunId()] = c.GetState()
		e.order = append(e.order, c.GetRunId())
		for len(e.order) > maxEarly {
			delete(e.early, e.order[0])
			e.order = e.order[1:]
		}
	}
}

// end waits for the end of a run.
func (e *errands) end(ctx context.Context, run string) (messages.JobState, error) {
	e.mu.Lock()
	state, known := e.early[run]
	delete(e.early, run)
	ended := make(chan messages.JobState, 1)
	if !known {
		e.waiting[run] = ended
	}
	e.mu.Unlock()
	if known {
		return state, nil
	}
	defer func() {
		e.mu.Lock()
		delete(e.waiting, run)
		e.mu.Unlock()
	}()
	ask := time.NewTicker(e.ask)
	defer ask.Stop()
	for {
		select {
		case state := <-ended:
			return state, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-ask.C: // the watch may have dropped it
			r, err := e.client.Run(ctx, run)
			if err != nil {
				return 0, err
			}
			if r.GetState() >= messages.JobState_JOB_STATE_SUCCESS {
				e.mu.Lock()
				e.count.Listed++
				e.mu.Unlock()
				return r.GetState(), nil
			}
		}
	}
}

// ends waits for the end of a run and checks it.
func (e *errands) ends(ctx context.Context, run string, want messages.JobState) error {
	got, err := e.end(ctx, run)
	if err == nil && got != want {
		err = fmt.Errorf("loadtest: run %s ended as %s, not as %s", run, got, want)
	}
	return err
}

// send sends errands at a rate until sending is over, and returns when all have
// ended, or with ctx.
func (e *errands) send(sending, ctx context.Context, rate float64, clients int) {
	all := allErrands()
	free := make(chan struct{}, clients)
	begin := time.Now()
	var under sync.WaitGroup
	for n := 0; n < e.planned; n++ {
		intended := begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		if wait := time.Until(intended); wait > 0 && !pause(sending, wait) {
			break
		}
		select {
		case <-sending.Done():
		case free <- struct{}{}:
		}
		if sending.Err() != nil {
			break
		}
		e.note(func() { e.late = max(e.late, time.Since(intended)) })
		under.Go(func() {
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, errandWithin)
			defer cancel()
			e.judge(errandAt(all, n), e.do(ctx, errandAt(all, n), n))
		})
	}
	under.Wait()
}

// do sees one errand through. Every second one has a key.
func (e *errands) do(ctx context.Context, what *errand, number int) error {
	key := ""
	if number%2 == 0 || what.meanwhile != nil {
		key = e.keys + strconv.Itoa(number)
	}
	runs, err := e.submit(ctx, e.request(key, what.file))
	if err != nil {
		e.note(func() { e.count.Errors++ })
		return err
	}
	run := runs[0].GetRunId()
	e.note(func() { e.count.Acknowledged++ })
	if what.meanwhile != nil {
		if err := what.meanwhile(ctx, e, run); err != nil {
			return fmt.Errorf("meanwhile: %w", err)
		}
	}
	got, err := e.end(ctx, run)
	if err != nil {
		return err
	}
	e.note(func() { e.count.Finished++ })
	if got != what.want {
		return fmt.Errorf("run %s ended as %s, not as %s", run, got, what.want)
	}
	if what.afterwards != nil {
		return what.afterwards(ctx, e, run)
	}
	return nil
}

// submit submits, and obeys a refusal.
func (e *errands) submit(ctx context.Context, req *messages.SubmitRunsRequest) ([]*messages.SubmittedRun, error) {
	for {
		runs, err := e.client.Submit(ctx, req)
		hint := api.RetryAfter(err)
		if connect.CodeOf(err) != connect.CodeResourceExhausted || hint == 0 || !sleep(ctx, hint) {
			return runs, err
		}
		e.note(func() { e.count.Refused++ })
	}
}

func (e *errands) request(key, jobs string) *messages.SubmitRunsRequest {
	return &messages.SubmitRunsRequest{
		FileName: "loadtest.yml", Workflow: []byte("name: loadtest\non: workflow_dispatch\njobs:\n" + jobs),
		Submissions: []*messages.Submission{{IdempotencyKey: key}},
	}
}

func (e *errands) note(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

const maxWrong = 20 // that are told of one by one

// judge counts what came of an errand.
func (e *errands) judge(what *errand, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.count.Succeeded++
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.count.Lost++
	}
	if len(e.wrong) < maxWrong {
		e.wrong = append(e.wrong, fmt.Errorf("%s: %w", what.name, err))
	}
}

func (e *errands) sample() Sample {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Sample{Planned: e.planned, Acknowledged: e.count.Acknowledged, Done: e.count.Finished}
}

func (e *errands) counts() *Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.count
	c.Planned = e.planned
	return &c
}

// faults tells of what went wrong.
func (e *errands) faults(r *Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if wrong := e.count.Acknowledged + e.count.Errors - e.count.Succeeded; wrong > 0 {
		r.fault("%d of %d errands did not go as they should", wrong, e.count.Acknowledged+e.count.Errors)
	}
	for _, err := range e.wrong {
		r.fault("%s", err)
	}
	r.note("the latest errand was sent %s late", e.late.Round(time.Millisecond))
}
