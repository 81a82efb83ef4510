package loadtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"yardmaster/api"
	"yardmaster/messages"
)

// nobody is a label that no worker has.
const nobody = "loadtest-nobody"

// Queued fills the queue with jobs that no worker can take, and weighs the server.
type Queued struct {
	Jobs    int
	Batch   int // runs a call, at most 1000
	Clients int // calls at once
	// Idle is how many workers are connected beside, which are given none of the jobs.
	Idle int
	// Settle is how long to wait at most for two collections of garbage after the
	// last submission. Go makes one after two minutes in any case.
	Settle time.Duration
	// Metrics reads the text of the server's /metrics.
	Metrics func(ctx context.Context) ([]byte, error)
	// Join connects an idle worker to the server's NATS and returns what stops it.
	Join func(ctx context.Context, server, id string) (stop func(context.Context) error, err error)
}

// Name implements Scenario.
func (Queued) Name() string { return "queued" }

// Question implements Scenario.
func (Queued) Question() string { return "How much memory does a queued job take in the server?" }

// Params implements Scenario.
func (s Queued) Params() []Param {
	return []Param{
		param("jobs", s.Jobs), param("batch", s.Batch), param("clients", s.Clients), param("idle", s.Idle),
		param("settle", s.Settle),
	}
}

// Validate implements Scenario.
func (s Queued) Validate() error {
	return errors.Join(check("jobs", s.Jobs, 1, maxRuns), check("batch", s.Batch, 1, api.MaxSubmissions),
		check("clients", s.Clients, 1, maxClients), check("idle", s.Idle, 0, maxWorkers))
}

func (s Queued) run(ctx context.Context, b *bench) (err error) {
	if b.target.Client == nil || s.Metrics == nil || s.Idle > 0 && s.Join == nil {
		return ErrNoServer
	}
	before, err := s.weigh(ctx, b)
	if err != nil {
		return err
	}
	idle := before
	if s.Idle > 0 {
		crowd, failed := s.gather(ctx, b)
		defer func() { err = errors.Join(err, crowd.stop(context.WithoutCancel(ctx))) }()
		if failed != nil {
			return failed
		}
		if idle, err = s.settled(ctx, b); err != nil {
			return err
		}
	}
	sub := newSubmitter(b.target.Client, workflow(nobody), true)
	q := &queue{b: b, planned: s.Jobs, started: b.now()}
	stop := b.progress.follow(q.sample)
	f := torrent{runs: s.Jobs, batch: s.Batch, clients: s.Clients, now: b.now, taken: q.taken}
	f.pour(ctx, sub)
	after, err := s.settled(ctx, b)
	stop()
	q.report(b.report, sub)
	b.report.Memory = compare(len(q.ids), idle, after)
	b.report.Memory.addIdle(s.Idle, before, idle)
	if !b.target.Alone {
		err = errors.Join(err, q.cancel(context.WithoutCancel(ctx), s.Clients))
	}
	return err
}

const (
	weighEvery = 500 * time.Millisecond
	weighings  = 4 // after a collection, which takes time to sweep
	// enough is how many collections of garbage it takes: the first may have begun
	// before the last submission, and keeps what was allocated meanwhile.
	enough = 2
)

// settled waits for collections of garbage, then weighs the server: the least heap of
// a few weighings counts, since any other holds new garbage.
func (s Queued) settled(ctx context.Context, b *bench) (weight, error) {
	full, err := s.weigh(ctx, b)
	if err != nil {
		return full, err
	}
	waiting, cancel := context.WithTimeout(ctx, s.Settle)
	defer cancel()
	now := full
	for now.collections < full.collections+enough && sleep(waiting, weighEvery) {
		if now, err = s.weigh(ctx, b); err != nil {
			return now, err
		}
	}
	for range weighings {
		if now.collections == full.collections || !sleep(ctx, weighEvery) {
			break
		}
		next, err := s.weigh(ctx, b)
		if err != nil {
			return now, err
		}
		next.heap = min(next.heap, now.heap)
		now = next
	}
	now.collections -= full.collections
	if now.collections < enough {
		b.report.note("only %d collections of garbage were seen: a heap holds more than what lives", now.collections)
	}
	return now, nil
}

// weight is what the server takes now.
type weight struct {
	rss, heap   int64
	collections int
}

func (s Queued) weigh(ctx context.Context, b *bench) (w weight, err error) {
	text, err := s.Metrics(ctx)
	if err != nil {
		return w, fmt.Errorf("loadtest: read the metrics: %w", err)
	}
	w.heap = int64(metric(text, "go_memstats_heap_alloc_bytes"))
	w.collections = int(metric(text, "go_gc_duration_seconds_count"))
	w.rss = int64(metric(text, "process_resident_memory_bytes"))
	if b.target.ServerPID != 0 {
		w.rss = readProcess("server", b.target.ServerPID).RSS
	}
	return w, nil
}

func compare(jobs int, before, after weight) *Memory {
	m := &Memory{
		Jobs: jobs, RSSBefore: before.rss, RSSAfter: after.rss, HeapBefore: before.heap, HeapAfter: after.heap,
		Collections: after.collections,
	}
	if jobs > 0 {
		m.RSSPerJob = float64(after.rss-before.rss) / float64(jobs)
		m.HeapPerJob = float64(after.heap-before.heap) / float64(jobs)
	}
	return m
}

// addIdle reports what idle workers weigh, of whom there may be none.
func (m *Memory) addIdle(workers int, before, after weight) {
	if m.Workers = workers; workers > 0 {
		m.RSSPerWorker = float64(after.rss-before.rss) / float64(workers)
		m.HeapPerWorker = float64(after.heap-before.heap) / float64(workers)
	}
}

// queue is what was queued.
type queue struct {
	b       *bench
	planned int
	started int64

	mu   sync.Mutex
	ids  []string
	last int64
}

func (q *queue) taken(runs []*messages.SubmittedRun, _, now int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = max(q.last, now)
	for _, r := range runs {
		q.ids = append(q.ids, r.GetRunId())
	}
}

func (q *queue) sample() Sample {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Sample{Planned: q.planned, Acknowledged: len(q.ids)}
}

func (q *queue) report(r *Report, s *submitter) {
	r.Counts = &Counts{Planned: q.planned, Acknowledged: len(q.ids)}
	s.count(r.Counts)
	r.Load = &Load{
		Acknowledged: perSecond(len(q.ids), q.last-q.started), Seconds: time.Duration(q.last - q.started).Seconds(),
	}
	r.judge()
}

// cancel takes the jobs out of a queue that others use too.
func (q *queue) cancel(ctx context.Context, clients int) error {
	ctx, stop := context.WithTimeout(ctx, time.Minute+time.Duration(len(q.ids))*10*time.Millisecond)
	defer stop()
	errs := make([]error, clients)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := c; i < len(q.ids) && errs[c] == nil; i += clients {
				req := &messages.CancelRunRequest{RunId: q.ids[i], Reason: "the load test is over"}
				errs[c] = q.b.target.Client.Cancel(ctx, req)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
