package loadtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"yardmaster/api"
	"yardmaster/messages"
)

// ErrNotSpawned means that the scenario starts workers of its own, beside a server
// that it has started.
var ErrNotSpawned = errors.New("loadtest: this scenario needs --spawn: it starts workers of its own")

const (
	maxPoolJobs = api.MaxSubmissions // one call submits them all
	maxPoolSize = 10_000
	glanceEvery = 200 * time.Millisecond
)

// Pool runs the same jobs, as real processes, on workers of fixed sizes and on one
// that sizes its slots by itself, one after the other on the same machine.
type Pool struct {
	Jobs    int           // of each mix
	Compute time.Duration // of a processor, that a job takes which computes
	Wait    time.Duration // that a job takes which only waits
	Sizes   []int         // the fixed ones
	Most    int           // slots of the worker that sizes itself, at most
}

// Name implements Scenario.
func (Pool) Name() string { return "pool" }

// Question implements Scenario.
func (Pool) Question() string {
	return "Is a worker that sizes its slots by itself as quick as the best fixed size, whatever its jobs do?"
}

// Params implements Scenario.
func (s Pool) Params() []Param {
	return []Param{
		param("jobs", s.Jobs), param("compute", s.Compute), param("wait", s.Wait), param("sizes", s.Sizes),
		param("most", s.Most),
	}
}

// Validate implements Scenario.
func (s Pool) Validate() error {
	faults := []error{
		check("jobs", s.Jobs, 2, maxPoolJobs), check("most", s.Most, 1, maxPoolSize),
		check("number of sizes", len(s.Sizes), 1, 100),
		checkDuration("compute", s.Compute), checkDuration("wait", s.Wait),
	}
	for _, n := range s.Sizes {
		faults = append(faults, check("size", n, 1, maxPoolSize))
	}
	return errors.Join(faults...)
}

func checkDuration(name string, d time.Duration) error {
	const least, most = 10 * time.Millisecond, time.Minute
	if d < least || d > most {
		return fmt.Errorf("loadtest: %s is %s; it can be from %s to %s", name, d, least, most)
	}
	return nil
}

// mix is what the jobs of a measurement do.
type mix struct {
	name     string
	workflow []byte
	runs     int
}

// mixes returns what is measured: all compute, all wait, half of each.
func (s Pool) mixes(loops int) []mix {
	compute := fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); done", loops)
	wait := fmt.Sprintf("sleep %.3f", s.Wait.Seconds())
	return []mix{
		{"compute", scripts(compute), s.Jobs},
		{"wait", scripts(wait), s.Jobs},
		{"mixed", scripts(compute, wait), s.Jobs / 2},
	}
}

// scripts returns a workflow of one job for each script.
func scripts(all ...string) []byte {
	text := "name: loadtest-pool\non: workflow_dispatch\njobs:\n"
	for i, script := range all {
		text += fmt.Sprintf("  job%d:\n    steps:\n      - shell: sh\n        run: %s\n", i+1, strconv.Quote(script))
	}
	return []byte(text)
}

func (s Pool) run(ctx context.Context, b *bench) error {
	if b.target.Client == nil {
		return ErrNoServer
	}
	if b.target.Fleet == nil {
		return ErrNotSpawned
	}
	loops, err := calibrate(ctx, s.Compute)
	if err != nil {
		return err
	}
	b.report.Counts = &Counts{}
	for _, m := range s.mixes(loops) {
		for _, n := range s.Sizes {
			args := []string{"--slots", strconv.Itoa(n)}
			if err := s.measure(ctx, b, m, strconv.Itoa(n), args); err != nil {
				return err
			}
		}
		args := []string{"--slots-min", "1", "--slots-max", strconv.Itoa(s.Most)}
		if err := s.measure(ctx, b, m, selfSized, args); err != nil {
			return err
		}
		b.report.compareSizes(m.name)
	}
	return nil
}

// measure runs the jobs of a mix on a worker of its own.
func (s Pool) measure(ctx context.Context, b *bench, m mix, slots string, args []string) error {
	b.progress.say("%s, slots: %s", m.name, slots)
	name := "pool-" + strconv.Itoa(len(b.report.Sizes)+1)
	stop, err := b.target.Fleet.StartWorker(ctx, name, args...)
	if err != nil {
		return err
	}
	t := newTracker(m.runs, b.base)
	w, err := startWatch(ctx, b, t)
	if err != nil {
		return errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	sub := newSubmitter(b.target.Client, m.workflow, true)
	following := b.progress.follow(t.sample)
	seen := glance(ctx, b.target.Client)
	sent := b.now()
	if runs := sub.submit(ctx, sub.request(m.runs), 0); runs != nil {
		t.acknowledged(runs, sent, b.now())
	}
	t.seal()
	err = w.await(ctx)
	glances := seen()
	w.stop()
	following()
	err = errors.Join(err, stop(context.WithoutCancel(ctx)))

	part := &Report{Load: &Load{}, Counts: &Counts{Resyncs: int(w.resyncs.Load())}}
	sub.count(part.Counts)
	t.outcome(part, true, 0, latencyNames{})
	part.judge()
	for _, f := range part.Faults {
		b.report.fault("%s, slots %s: %s", m.name, slots, f)
	}
	b.report.Counts.plus(part.Counts)
	b.report.Sizes = append(b.report.Sizes, glances.size(m.name, slots, part.Load))
	return err
}

// plus adds the counts of another measurement.
func (c *Counts) plus(d *Counts) {
	c.Planned += d.Planned
	c.Acknowledged += d.Acknowledged
	c.Finished += d.Finished
	c.Succeeded += d.Succeeded
	c.Lost += d.Lost
	c.Duplicated += d.Duplicated
	c.Restarted += d.Restarted
	c.Refused += d.Refused
	c.Errors += d.Errors
	c.Resyncs += d.Resyncs
	c.Listed += d.Listed
	if c.FirstError == "" {
		c.FirstError = d.FirstError
	}
}

// seenAt is what was seen of the machine and the fleet at one moment.
type seenAt struct {
	at     time.Time
	system system
	queued bool // work waited
	slots  uint32
}

type glances []seenAt

// glance looks again and again, until the function it returns is called.
func glance(ctx context.Context, client *api.Client) (stop func() glances) {
	var all glances
	look := func() {
		now := seenAt{at: time.Now(), system: readSystem()}
		if info, err := client.Info(ctx); err == nil {
			now.queued = info.GetQueued() > 0
		}
		if workers, err := client.Workers(ctx); err == nil {
			now.slots = mostSlots(workers)
		}
		all = append(all, now)
	}
	stopped, ended := make(chan struct{}), make(chan struct{})
	look()
	go func() { // ends with stop
		defer close(ended)
		tick := time.NewTicker(glanceEvery)
		defer tick.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-tick.C:
				look()
			}
		}
	}()
	return func() glances {
		close(stopped)
		<-ended
		look()
		return all
	}
}

func mostSlots(workers []*messages.Worker) (most uint32) {
	for _, w := range workers {
		most = max(most, w.GetSlots())
	}
	return most
}

// size sums a measurement up. Processors count while work waited: at the end the
// last jobs cannot fill them.
func (g glances) size(mixName, slots string, load *Load) Size {
	s := Size{Mix: mixName, Slots: slots, Seconds: load.Seconds, RunsPerSecond: load.Finished}
	last := len(g) - 1
	for last > 1 && !g[last].queued {
		last--
	}
	passed := g[last].at.Sub(g[0].at).Seconds()
	from, to := g[0].system, g[last].system
	if total := to.total - from.total; total > 0 && passed > 0 {
		s.CPU = float64(to.busy-from.busy) / float64(total)
		s.Switches = float64(to.switches-from.switches) / passed
	}
	for _, seen := range g {
		s.Most = max(s.Most, int(seen.slots))
	}
	return s
}
