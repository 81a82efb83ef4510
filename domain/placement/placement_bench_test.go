package placement_test

import (
	"fmt"
	"runtime"
	"testing"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
)

// demands returns k different demands, each met by every worker of fleet.
func demands(k int) [][]string {
	all := make([][]string, k)
	for i := range all {
		for bit := range 10 {
			if i>>bit&1 == 1 {
				all[i] = append(all[i], fmt.Sprintf("l%d", bit))
			}
		}
	}
	return all
}

// fleet returns a yard with n workers of 4 slots, of as many kinds as said.
func fleet(n, kinds int) *placement.Yard {
	y := placement.New(2_000_000)
	for i := range n {
		labels := []string{fmt.Sprintf("host%d", i%kinds)}
		for bit := range 10 {
			labels = append(labels, fmt.Sprintf("l%d", bit))
		}
		y.Join(placement.Worker{ID: wid(i), Labels: worker.CanonicalLabels(labels), Slots: 4, State: worker.Available})
	}
	return y
}

func fill(b *testing.B, y *placement.Yard, from, n int, labels [][]string) {
	b.Helper()
	for i := range n {
		of := job.ID{Run: job.RunID(fmt.Sprintf("01JAB3N0Y6Z7Q4T2V9W8%06X", (from+i)/16)), Index: uint32(i % 16)}
		if err := y.Push(placement.Request{Job: of, Labels: labels[i%len(labels)], Priority: i % 3}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCycle is one job's way through a yard where all slots are taken: a slot
// comes free, the job that is due takes it, and another job comes.
func BenchmarkCycle(b *testing.B) {
	for _, c := range []struct{ queued, workers, kinds, classes int }{
		{100_000, 10, 1, 1},
		{100_000, 100, 1, 1},
		{100_000, 10_000, 1, 1},
		{1_000_000, 10_000, 1, 1},
		{100_000, 10_000, 10, 10},
		{100_000, 10_000, 10_000, 1},
		{100_000, 10_000, 10_000, 10},
		{100_000, 10_000, 100, 1000},
	} {
		name := fmt.Sprintf("queued=%d/workers=%d/kinds=%d/classes=%d", c.queued, c.workers, c.kinds, c.classes)
		b.Run(name, func(b *testing.B) {
			labels, y := demands(c.classes), fleet(c.workers, c.kinds)
			fill(b, y, 0, c.queued+4*c.workers, labels)
			var running []placement.Assignment
			for a, ok := y.Next(); ok; a, ok = y.Next() {
				running = append(running, a)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				done := &running[i*7919%len(running)]
				y.Free(done.Worker, done.Job)
				if err := y.Push(placement.Request{Job: done.Job, Labels: labels[i%len(labels)], Priority: i % 3}); err != nil {
					b.Fatal(err)
				}
				a, ok := y.Next()
				if !ok {
					b.Fatal("nothing placed")
				}
				*done = a
			}
		})
	}
}

// BenchmarkIdleCycle is one job's way through a yard with free slots everywhere.
func BenchmarkIdleCycle(b *testing.B) {
	for _, c := range []struct{ workers, kinds int }{{10, 1}, {100, 1}, {10_000, 1}, {10_000, 10_000}} {
		b.Run(fmt.Sprintf("workers=%d/kinds=%d", c.workers, c.kinds), func(b *testing.B) {
			y, demand := fleet(c.workers, c.kinds), []string{"l0", "l1"}
			b.ReportAllocs()
			for b.Loop() {
				if err := y.Push(placement.Request{Job: id(1), Labels: demand}); err != nil {
					b.Fatal(err)
				}
				a, _ := y.Next()
				y.Free(a.Worker, a.Job)
			}
		})
	}
}

func BenchmarkWhy(b *testing.B) {
	y := fleet(10_000, 100)
	fill(b, y, 0, 100_000, [][]string{{"l0", "gpu"}, nil})
	last := job.ID{Run: job.RunID(fmt.Sprintf("01JAB3N0Y6Z7Q4T2V9W8%06X", 99_999/16)), Index: 99_998 % 16}
	b.ReportAllocs()
	for b.Loop() {
		if !y.Why(last).Waiting {
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
		y := fleet(10_000, 1)
		joined := heap()
		fill(b, y, 0, 1_000_000, demands(16))
		full := heap()
		runtime.KeepAlive(y)
		jobs, workers = (full-joined)/1_000_000, (joined-empty)/10_000
	}
	b.ReportMetric(jobs, "B/job")
	b.ReportMetric(workers, "B/worker")
}
