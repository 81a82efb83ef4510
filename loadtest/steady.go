package loadtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Steady submits runs one by one at a fixed rate, whatever the server makes of
// them: an open loop. A submission that starts late is late by the server's
// fault or ours, and counts as such.
type Steady struct {
	Rate     float64 // submissions a second
	Duration time.Duration
	Warmup   time.Duration // of Duration, what is left out of the latencies
	Clients  int           // submissions under way at once; when all are, the next is late
	Keys     bool
}

// Name implements Scenario.
func (Steady) Name() string { return "steady" }

// Question implements Scenario.
func (Steady) Question() string {
	return "How long does a job wait to be acknowledged, to start and to finish under a steady load?"
}

// Params implements Scenario.
func (s Steady) Params() []Param {
	return []Param{
		param("rate", s.Rate), param("duration", s.Duration), param("warmup", s.Warmup), param("clients", s.Clients),
		param("keys", s.Keys),
	}
}

// Validate implements Scenario.
func (s Steady) Validate() error {
	var order error
	if s.Warmup < 0 || s.Warmup >= s.Duration {
		order = fmt.Errorf("loadtest: warmup is %s; it can be from 0s to less than the duration, %s", s.Warmup, s.Duration)
	}
	return errors.Join(order, check("rate x duration", s.runs(), 1, maxRuns), check("clients", s.Clients, 1, maxClients))
}

func (s Steady) runs() int { return int(s.Rate * s.Duration.Seconds()) }

// intended is when a submission shall be made, from the first one.
func (s Steady) intended(i int) time.Duration {
	return time.Duration(float64(i) / s.Rate * float64(time.Second))
}

func (s Steady) run(ctx context.Context, b *bench) error {
	late := newHistogram("intended to sent")
	sub := newSubmitter(b.target.Client, workflow(""), s.Keys)
	err := b.follow(ctx, s.runs(), sub, followed{
		names: latencyNames{
			acknowledged: "submit to acknowledged", started: "submit to start", finished: "submit to finished",
		},
		submit: func(ctx context.Context, sub *submitter, t *tracker) int64 {
			start := b.now()
			s.submitAll(ctx, b, sub, t, start, late)
			return start + int64(s.Warmup)
		},
	})
	if b.report.Load != nil {
		b.report.Load.Offered = s.Rate
		b.report.Latencies = append(b.report.Latencies, late.latency())
		b.report.note("latencies count from the intended start; the first %s are left out of them", s.Warmup)
		b.report.note("start is by the worker's clock, finished is when the client was told")
	}
	return err
}

// submitAll has each client take the next submission, wait for its time, and make
// it. late, in the end, has how much later than intended they were made.
func (s Steady) submitAll(ctx context.Context, b *bench, sub *submitter, t *tracker, start int64, late *histogram) {
	var next atomic.Int64
	var clients sync.WaitGroup
	var mu sync.Mutex // of late
	for range s.Clients {
		clients.Go(func() {
			clock, err := newAlarm()
			if err != nil {
				sub.fail(err, 0)
				return
			}
			defer clock.close()
			req := sub.request(1)
			for {
				i := int(next.Add(1)) - 1
				intended := start + int64(s.intended(i))
				if i >= s.runs() || !clock.wait(ctx, time.Duration(intended-b.now())) {
					return
				}
				lateBy := b.now() - intended
				if runs := sub.submit(ctx, req, i); runs != nil {
					t.acknowledged(runs, intended, b.now())
				}
				mu.Lock()
				late.add(lateBy)
				mu.Unlock()
			}
		})
	}
	clients.Wait()
}
