package loadtest

import (
	"context"
	"errors"

	"yardmaster/api"
)

// Bounds of parameters.
const (
	maxRuns    = 10_000_000
	maxClients = 1000
)

// Burst submits runs of one job that does nothing, as fast as they are accepted.
type Burst struct {
	Jobs    int
	Batch   int // runs a call, at most 1000
	Clients int // calls at once
	// Keys gives every submission an idempotency key, without which a call that
	// was cut off cannot be made again safely.
	Keys bool
}

// Name implements Scenario.
func (Burst) Name() string { return "burst" }

// Question implements Scenario.
func (Burst) Question() string {
	return "How many jobs a second go from submission to a durable end when all come at once?"
}

// Params implements Scenario.
func (s Burst) Params() []Param {
	return []Param{param("jobs", s.Jobs), param("batch", s.Batch), param("clients", s.Clients), param("keys", s.Keys)}
}

// Validate implements Scenario.
func (s Burst) Validate() error {
	return errors.Join(check("jobs", s.Jobs, 1, maxRuns), check("batch", s.Batch, 1, api.MaxSubmissions),
		check("clients", s.Clients, 1, maxClients))
}

func (s Burst) run(ctx context.Context, b *bench) error {
	return b.follow(ctx, s.Jobs, newSubmitter(b.target.Client, workflow(""), s.Keys), followed{
		names: latencyNames{acknowledged: "call to acknowledged", finished: "call to finished"},
		submit: func(ctx context.Context, sub *submitter, t *tracker) int64 {
			f := torrent{runs: s.Jobs, batch: s.Batch, clients: s.Clients, now: b.now, taken: t.acknowledged}
			f.pour(ctx, sub)
			return 0
		},
	})
}

// followed is a scenario whose runs are followed to their end.
type followed struct {
	// submit returns when everything has been submitted. Runs sent before warm are
	// not in the latencies.
	submit func(ctx context.Context, s *submitter, t *tracker) (warm int64)
	names  latencyNames
}

// follow watches, submits, and waits until all has ended.
func (b *bench) follow(ctx context.Context, planned int, s *submitter, f followed) error {
	if b.target.Client == nil {
		return ErrNoServer
	}
	t := newTracker(planned, b.base)
	w, err := startWatch(ctx, b, t)
	if err != nil {
		return err
	}
	stop := b.progress.follow(t.sample)
	submitting, cancel := context.WithCancel(ctx)
	sent := make(chan int64, 1)
	go func() { // ends with submitting
		warm := f.submit(submitting, s, t)
		t.seal()
		sent <- warm
	}()
	err = w.await(ctx)
	cancel()
	warm := <-sent
	w.stop()
	stop()
	b.report.Load, b.report.Counts = &Load{}, &Counts{Resyncs: int(w.resyncs.Load())}
	s.count(b.report.Counts)
	t.outcome(b.report, b.target.Alone, warm, f.names)
	b.report.judge()
	return err
}
