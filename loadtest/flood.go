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

const (
	callsPerClient = 64 // which is how many connections a client keeps
	quietWarmup    = 2 * time.Second
	mostQuiet      = time.Hour
	floodProject   = "loadtest-flood"
	otherProject   = "loadtest-others"
)

// Flood has one project submit a great many runs, one by one and from many clients at
// once, while another submits a few a second, as it did when nobody else was there.
type Flood struct {
	Jobs    int // of each burst
	Bursts  int
	Clients int // calls of the flood at once
	// Rate is how many runs a second the others submit.
	Rate float64
	// Quiet is how long the others are alone, before the first burst; a fifth of it
	// lies between two bursts.
	Quiet time.Duration
	// MostRSS is what the server may have resident, in bytes, if that is known.
	MostRSS int64
	// Dial returns one more client of the server, to be closed.
	Dial func() (*api.Client, error)
}

// Name implements Scenario.
func (Flood) Name() string { return "flood" }

// Question implements Scenario.
func (Flood) Question() string {
	return "How much longer does a project wait while another floods the server with submissions?"
}

// Params implements Scenario.
func (s Flood) Params() []Param {
	return []Param{
		param("jobs", s.Jobs), param("bursts", s.Bursts), param("clients", s.Clients), param("rate", s.Rate),
		param("quiet", s.Quiet), param("most-rss", mebibytes(s.MostRSS)),
	}
}

// Validate implements Scenario.
func (s Flood) Validate() error {
	var quiet error
	if s.Quiet <= quietWarmup || s.Quiet > mostQuiet || !(s.Rate > 0) {
		quiet = fmt.Errorf("loadtest: quiet is %s and can be from %s to %s, and rate is more than 0",
			s.Quiet, quietWarmup, mostQuiet)
	}
	return errors.Join(quiet, check("jobs", s.Jobs, 1, maxRuns), check("bursts", s.Bursts, 1, maxClients),
		check("jobs x bursts", s.Jobs*s.Bursts, 1, maxRuns), check("clients", s.Clients, 1, maxClients))
}

func (s Flood) run(ctx context.Context, b *bench) (err error) {
	if b.target.Client == nil || s.Dial == nil {
		return ErrNoServer
	}
	t := newTracker(s.Jobs*s.Bursts, b.base)
	w, err := startWatch(ctx, b, t)
	if err != nil {
		return err
	}
	clients, closeAll, err := s.dial()
	defer closeAll()
	if err != nil {
		w.stop()
		return err
	}
	stop := b.progress.follow(t.sample)
	others := newOthers(b, t, clients[0], s.Rate)
	floods := make([]*submitter, len(clients)-1)
	for i := range floods {
		floods[i] = newSubmitter(clients[i+1], workflow(""), true)
		floods[i].project = floodProject
	}
	submitted := make(chan struct{})
	submitting, cancel := context.WithCancel(ctx)
	go func() { // ends with submitting
		defer close(submitted)
		s.submit(submitting, b, t, others, floods)
		t.seal()
	}()
	err = w.await(ctx)
	cancel()
	<-submitted
	w.stop()
	stop()
	s.report(b, t, w, others, floods)
	return err
}

// dial returns a client for the others, and as many as the calls of the flood need.
func (s Flood) dial() (clients []*api.Client, closeAll func(), err error) {
	closeAll = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	for range 1 + (s.Clients+callsPerClient-1)/callsPerClient {
		c, err := s.Dial()
		if err != nil {
			return clients, closeAll, err
		}
		clients = append(clients, c)
	}
	return clients, closeAll, nil
}

// submit returns when everything has been submitted and answered.
func (s Flood) submit(ctx context.Context, b *bench, t *tracker, others *others, floods []*submitter) {
	stop := others.start(ctx)
	defer stop()
	if !pause(ctx, quietWarmup) {
		return
	}
	others.enter(&others.quiet)
	if !pause(ctx, s.Quiet-quietWarmup) {
		return
	}
	for n := range s.Bursts {
		others.enter(&others.flooded)
		b.progress.say("burst %d", n+1)
		s.pour(ctx, b, t, floods, n)
		others.enter(nil)
		if n+1 < s.Bursts && !pause(ctx, s.Quiet/5) {
			return
		}
	}
}

// pour makes one burst, with the calls at once divided among the clients.
func (s Flood) pour(ctx context.Context, b *bench, t *tracker, floods []*submitter, burst int) {
	var all sync.WaitGroup
	runs, calls := s.Jobs, s.Clients
	for i, sub := range floods {
		left := len(floods) - i
		torrent := torrent{
			first: burst * s.Jobs, runs: runs / left, batch: 1, clients: calls / left, now: b.now, taken: t.acknowledged,
		}
		runs, calls = runs-torrent.runs, calls-torrent.clients
		all.Go(func() { torrent.pour(ctx, sub) })
	}
	all.Wait()
}

// report tells of everything, and of the others when they were alone beside the
// others when they were not.
func (s Flood) report(b *bench, t *tracker, w *watch, o *others, floods []*submitter) {
	r := b.report
	r.Load, r.Counts = &Load{}, &Counts{}
	for _, sub := range append(floods, o.sub) {
		var one Counts
		sub.count(&one)
		r.Counts.plus(&one)
	}
	r.Counts.Resyncs = int(w.resyncs.Load())
	t.outcome(r, b.target.Alone, 0, latencyNames{acknowledged: "all: call to acknowledged"})
	r.judge()
	quiet, flooded := o.latencies(r, "quiet", o.quiet), o.latencies(r, "flooded", o.flooded)
	r.note("flooded, the others start after p50 %.1f and p99 %.1f times as long as when they are alone: "+
		"%.2f for %.2f and %.2f for %.2f ms", flooded.P50/max(quiet.P50, least), flooded.P99/max(quiet.P99, least),
		flooded.P50, quiet.P50, flooded.P99, quiet.P99)
	if b.target.ServerPID == 0 {
		return
	}
	if peak := readProcess("server", b.target.ServerPID).PeakRSS; peak > s.MostRSS {
		r.fault("the server had %s resident, more than %s", mebibytes(peak), mebibytes(s.MostRSS))
	}
}

// least is the shortest time in a histogram, in milliseconds.
const least = 0.001

// others submit a few runs a second, each at its time.
type others struct {
	b    *bench
	t    *tracker
	sub  *submitter
	rate float64

	mu             sync.Mutex
	quiet, flooded []string  // runs that were meant to be submitted at such a time
	phase          *[]string // one of them, or nil
}

func newOthers(b *bench, t *tracker, client *api.Client, rate float64) *others {
	o := &others{b: b, t: t, sub: newSubmitter(client, workflow(""), true), rate: rate}
	o.sub.project = otherProject
	return o
}

func (o *others) enter(phase *[]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.phase = phase
}

// start submits until the function that it returns is called, which returns when
// all has been answered.
func (o *others) start(calling context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(calling)
	var all sync.WaitGroup
	begin := o.b.now()
	all.Go(func() {
		for n := 0; ; n++ {
			intended := begin + int64(float64(n)/o.rate*float64(time.Second))
			if wait := time.Duration(intended - o.b.now()); wait > 0 && !pause(ctx, wait) || ctx.Err() != nil {
				return
			}
			o.mu.Lock()
			phase := o.phase
			o.mu.Unlock()
			o.t.plan(1)
			all.Go(func() { o.submit(calling, n, intended, phase) })
		}
	})
	return func() { cancel(); all.Wait() }
}

func (o *others) submit(ctx context.Context, number int, intended int64, phase *[]string) {
	runs := o.sub.submit(ctx, o.sub.request(1), number)
	if runs == nil {
		return
	}
	o.t.acknowledged(runs, intended, o.b.now())
	if phase != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		*phase = append(*phase, runs[0].GetRunId())
	}
}

// latencies adds those of some runs to the report, and returns how long they waited
// for their start.
func (o *others) latencies(r *Report, phase string, runs []string) Latency {
	ack, start, end := newHistogram(phase+": submit to acknowledged"), newHistogram(phase+": submit to start"),
		newHistogram(phase+": submit to finished")
	o.t.each(runs, func(f *fate) {
		ack.add(f.acked - f.sent)
		if f.started != 0 {
			start.add(f.started - f.sent)
		}
		if f.state == messages.JobState_JOB_STATE_SUCCESS && !f.listed {
			end.add(f.ended - f.sent)
		}
	})
	r.Latencies = append(r.Latencies, ack.latency(), start.latency(), end.latency())
	return start.latency()
}
