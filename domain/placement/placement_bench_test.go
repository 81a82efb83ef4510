package placement_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// shape is what a yard is measured with.
type shape struct {
	workers, projects, kinds, demands int
	resources                         bool
}

func (s shape) String() string {
	return fmt.Sprintf("workers=%d/projects=%d/kinds=%d/demands=%d/resources=%v",
		s.workers, s.projects, s.kinds, s.demands, s.resources)
}

// shapes are those for which the limits hold.
var shapes = []shape{
	{workers: 100, projects: 1, kinds: 1, demands: 1},
	{workers: 10_000, projects: 1, kinds: 1, demands: 1},
	{workers: 100, projects: 200, kinds: 1, demands: 8},
	{workers: 10_000, projects: 200, kinds: 1, demands: 8},
	{workers: 100, projects: 1, kinds: 1, demands: 8, resources: true},
	{workers: 10_000, projects: 1, kinds: 1, demands: 8, resources: true},
	{workers: 100, projects: 200, kinds: 100, demands: 8, resources: true},
	{workers: 10_000, projects: 200, kinds: 10_000, demands: 8, resources: true},
	{workers: 100, projects: 200, kinds: 100, demands: 256, resources: true},
	{workers: 10_000, projects: 200, kinds: 1000, demands: 256, resources: true},
}

// fleet returns a yard with workers of 4 slots, where every demand is met by all.
func (s shape) fleet() *placement.Yard {
	y := placement.New(placement.Config{Limit: 2_000_000})
	for i := range s.workers {
		labels := []string{fmt.Sprintf("host%d", i%s.kinds)}
		for bit := range 10 {
			labels = append(labels, fmt.Sprintf("l%d", bit))
		}
		w := placement.Worker{ID: wid(i), Labels: worker.CanonicalLabels(labels), Slots: 4, State: worker.Available}
		if s.resources {
			w.Total = resource.Amount{CPU: 16 * resource.Core, Memory: 64 << 30}
		}
		y.Join(w)
	}
	return y
}

// request returns number i of the jobs that wait, the older ones first.
func (s shape) request(i int) placement.Request {
	r := placement.Request{
		Job:      job.ID{Run: job.RunID(fmt.Sprintf("01JAB3N0Y6Z7Q4T2V9W8%06X", i/16)), Index: uint32(i % 16)},
		Project:  fmt.Sprintf("project%d", i/16%s.projects),
		Priority: i % 3, QueuedAt: start.Add(time.Duration(i) * time.Microsecond),
		Affinity: fmt.Sprintf("affinity%d", i%1000),
	}
	for bit := range 10 {
		if i%s.demands>>bit&1 == 1 {
			r.Labels = append(r.Labels, fmt.Sprintf("l%d", bit))
		}
	}
	if s.resources {
		n := int64(1 + i%s.demands%7)
		r.Resources = resource.Amount{CPU: n * resource.Core, Memory: (8 - n) << 30}
	}
	return r
}

func (s shape) fill(b *testing.B, y *placement.Yard, n int) {
	b.Helper()
	for i := range n {
		if err := y.Push(s.request(i)); err != nil {
			b.Fatal(err)
		}
	}
}

// meet has every demand asked for once: the first of its kind costs more.
func (s shape) meet(b *testing.B, y *placement.Yard) {
	b.Helper()
	for i := range s.demands {
		if err := y.Push(s.request(i)); err != nil {
			b.Fatal(err)
		}
		y.Remove(s.request(i).Job)
	}
}

// percentiles reports how long single operations took.
func percentiles(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100])/1e3, "p99-µs")
	b.ReportMetric(0, "ns/op") // of the whole loop
}

// BenchmarkFreeAndNext is a placement where all is taken and a million jobs wait:
// something comes free, and the job whose turn it is takes it.
func BenchmarkFreeAndNext(b *testing.B) {
	const queued = 1_000_000
	for _, s := range shapes {
		b.Run(s.String(), func(b *testing.B) {
			y := s.fleet()
			s.fill(b, y, queued)
			now := start.Add(time.Hour)
			var running []placement.Assignment
			for a, ok := y.Next(now); ok; a, ok = y.Next(now) {
				running = append(running, a)
			}
			took := make([]time.Duration, 0, 1<<20)
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Millisecond)
				at := i * 7919 % len(running)
				done := running[at]
				before := time.Now()
				y.Free(done.Worker, done.Job, now)
				a, ok := y.Next(now)
				took = append(took, time.Since(before))
				running[at] = running[len(running)-1]
				running = running[:len(running)-1]
				for ; ok; a, ok = y.Next(now) {
					running = append(running, a)
				}
				if err := y.Push(s.request(queued + i)); err != nil {
					b.Fatal(err)
				}
			}
			percentiles(b, took)
		})
	}
}

// BenchmarkPushAndNext is a placement where there is room, though a million jobs wait
// that nobody can take: a job comes, and is placed.
func BenchmarkPushAndNext(b *testing.B) {
	const queued = 1_000_000
	for _, s := range shapes {
		b.Run(s.String(), func(b *testing.B) {
			y := s.fleet()
			for i := range queued {
				r := s.request(i)
				r.Job.Run, r.Pool = "x"+r.Job.Run, "nobody's"
				if err := y.Push(r); err != nil {
					b.Fatal(err)
				}
			}
			now := start.Add(time.Hour)
			var running []placement.Assignment
			s.meet(b, y)
			took := make([]time.Duration, 0, 1<<20)
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Millisecond)
				r := s.request(queued + i)
				before := time.Now()
				err := y.Push(r)
				a, ok := y.Next(now)
				took = append(took, time.Since(before))
				if err != nil || !ok {
					b.Fatal(err, ok)
				}
				if running = append(running, a); len(running) > s.workers {
					y.Free(running[0].Worker, running[0].Job, now)
					running = running[1:]
				}
			}
			percentiles(b, took)
		})
	}
}

// BenchmarkDemand is a placement of the first job of its kind, which every worker is
// looked at for.
func BenchmarkDemand(b *testing.B) {
	s := shape{workers: 10_000, projects: 1, kinds: 10_000, demands: 1}
	y := s.fleet()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := placement.Request{Job: id(1), Resources: resource.Amount{CPU: int64(i)}}
		if err := y.Push(r); err != nil {
			b.Fatal(err)
		}
		a, _ := y.Next(start)
		y.Free(a.Worker, a.Job, start)
	}
}

func BenchmarkWhy(b *testing.B) {
	s := shape{workers: 10_000, projects: 20, kinds: 100, demands: 8, resources: true}
	y := s.fleet()
	s.fill(b, y, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if !y.Why(s.request(99_999).Job, start).Waiting {
			b.Fatal("no such job")
		}
	}
}

// BenchmarkHeap reports the bytes of heap that a waiting job and a worker take.
func BenchmarkHeap(b *testing.B) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var jobs, workers float64
	for b.Loop() {
		empty := heap()
		s := shape{workers: 10_000, projects: 20, kinds: 1, demands: 16}
		y := s.fleet()
		joined := heap()
		s.fill(b, y, 1_000_000)
		full := heap()
		runtime.KeepAlive(y)
		jobs, workers = (full-joined)/1_000_000, (joined-empty)/10_000
	}
	b.ReportMetric(jobs, "B/job")
	b.ReportMetric(workers, "B/worker")
}
