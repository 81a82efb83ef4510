package loadtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

const (
	leastDuration = time.Second
	mostDuration  = 30 * 24 * time.Hour
)

// Soak keeps a server under a steady, mixed load for long, and looks for what grows:
// memory, goroutines, files, data. Workers come and go meanwhile, in good order or by
// force.
type Soak struct {
	Rate     float64 // runs a second
	Duration time.Duration
	// Warmup is left out of the slopes. What is kept must be full by then: ended
	// runs, keys, history.
	Warmup  time.Duration
	Every   time.Duration // between two looks
	Comers  int           // workers that come and go; at most so many are there at once
	Stay    time.Duration // of each of them, and its absence
	Clients int           // runs under way at once; when so many are, the next is late
	// Bound is the share of a series' mean by which it may grow in an hour.
	Bound float64
}

// Name implements Scenario.
func (Soak) Name() string { return "soak" }

// Question implements Scenario.
func (Soak) Question() string {
	return "Does anything grow in a server or a worker under a steady, mixed load?"
}

// Params implements Scenario.
func (s Soak) Params() []Param {
	return []Param{
		param("rate", s.Rate), param("duration", s.Duration), param("warmup", s.Warmup), param("every", s.Every),
		param("comers", s.Comers), param("stay", s.Stay), param("clients", s.Clients), param("bound", s.Bound),
	}
}

// Validate implements Scenario.
func (s Soak) Validate() error {
	var faults []error
	if s.Duration < leastDuration || s.Duration > mostDuration {
		faults = append(faults,
			fmt.Errorf("loadtest: duration is %s; it can be from %s to %s", s.Duration, leastDuration, mostDuration))
	}
	if s.Warmup < 0 || s.Warmup >= s.Duration {
		faults = append(faults,
			fmt.Errorf("loadtest: warmup is %s; it can be from 0s to less than the duration, %s", s.Warmup, s.Duration))
	}
	if s.Every <= 0 || s.Stay <= 0 {
		faults = append(faults, errors.New("loadtest: every and stay are more than 0s"))
	}
	if s.Bound < 0 || math.IsNaN(s.Bound) {
		faults = append(faults, errors.New("loadtest: bound is negative"))
	}
	return errors.Join(errors.Join(faults...), check("rate x duration", int(s.Rate*s.Duration.Seconds()), 1, maxRuns),
		check("comers", s.Comers, 0, maxWorkers), check("clients", s.Clients, 1, maxClients))
}

func (s Soak) run(ctx context.Context, b *bench) error {
	if b.target.Client == nil {
		return ErrNoServer
	}
	if b.target.Fleet == nil {
		return ErrNotSpawned
	}
	e, err := startErrands(ctx, b, int(s.Rate*s.Duration.Seconds()))
	if err != nil {
		return err
	}
	p := newProbe(b.target.Fleet, b.base)
	stop := b.progress.follow(e.sample)
	soaking, cancel := context.WithTimeout(ctx, s.Duration)
	var parts sync.WaitGroup
	failures := make([]error, s.Comers+1)
	parts.Go(func() { failures[s.Comers] = s.look(soaking, p) })
	for i := range s.Comers {
		parts.Go(func() { failures[i] = s.comeAndGo(soaking, b.target.Fleet, i) })
	}
	e.send(soaking, ctx, s.Rate, s.Clients)
	parts.Wait()
	cancel()
	stop()
	err = errors.Join(append(failures, e.close())...)
	s.report(b, e, p)
	return err
}

// look measures again and again.
func (s Soak) look(ctx context.Context, p *probe) error {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	profiled := false
	for {
		if err := p.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		if !profiled && time.Since(p.base) > s.Warmup {
			p.fleet.profileMemory()
			profiled = true
		}
		select {
		case <-ctx.Done():
			p.fleet.profileMemory()
			return nil
		case <-tick.C:
		}
	}
}

// comeAndGo has a worker come, go, and come again. Every second time it is killed.
func (s Soak) comeAndGo(ctx context.Context, f *Fleet, number int) error {
	name := fmt.Sprintf("comer-%d", number+1)
	for n := 1; sleep(ctx, s.Stay); n++ {
		stop, err := f.StartWorker(ctx, name, "--slots", "20")
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it is over
			}
			return err
		}
		sleep(ctx, s.Stay)
		stopping, kill := context.WithCancel(context.WithoutCancel(ctx))
		if n%2 == 0 && ctx.Err() == nil {
			kill()
		}
		err = stop(stopping)
		kill()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s Soak) report(b *bench, e *errands, p *probe) {
	r := b.report
	r.Load, r.Counts = &Load{Offered: s.Rate}, e.counts()
	passed := time.Since(b.base)
	r.Load.Seconds = passed.Seconds()
	r.Load.Acknowledged = perSecond(r.Counts.Acknowledged, int64(passed))
	r.Load.Finished = perSecond(r.Counts.Finished, int64(passed))
	e.faults(r)
	for i := range p.series {
		one := p.series[i]
		one.judge(s.Warmup, s.Bound)
		if g := one.Growth; g != nil && g.Verdict == Grows {
			r.fault("%s grows by %s an hour (%s to %s)", one.Name, one.change(g.Slope), one.change(g.Low), one.change(g.High))
		}
		r.Series = append(r.Series, *one)
	}
	r.note("slopes are of what came after the first %s, with 95 %% confidence; each may be %.0f %% of the mean an hour",
		s.Warmup, 100*s.Bound)
	r.note("succeeded here means: ended as that errand should, with its log, its retry or its cancel")
}
