package natsjs_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

func payload(n int) [][]byte {
	events := make([][]byte, n)
	for i := range events {
		events[i] = make([]byte, 128)
	}
	return events
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint("events=", n), func(b *testing.B) {
			m := start(b, b.TempDir())
			j, err := m.open(b, 0, nil)
			require.NoError(b, err)
			events := payload(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := j.Append(events); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkAppendParallel(b *testing.B) {
	for _, partitions := range []int{1, 4} {
		b.Run(fmt.Sprintf("goroutines=256/partitions=%d", partitions), func(b *testing.B) {
			m := start(b, b.TempDir())
			js := make([]*journal.Journal, partitions)
			for p := range js {
				var err error
				js[p], err = m.open(b, uint32(p), nil)
				require.NoError(b, err)
			}
			events := payload(1)
			var next atomic.Int64
			b.SetParallelism(128)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				j := js[int(next.Add(1))%partitions]
				for pb.Next() {
					if _, err := j.Append(events); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkAppendAsync(b *testing.B) {
	m := start(b, b.TempDir())
	j, err := m.open(b, 0, nil)
	require.NoError(b, err)
	events := payload(1)
	room := make(chan struct{}, 8192)
	done := func(uint64, error) { <-room }
	b.ReportAllocs()
	for b.Loop() {
		room <- struct{}{}
		j.AppendAsync(events, done)
	}
	require.NoError(b, j.Close(b.Context()))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkReplay(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			m := start(b, b.TempDir())
			j, err := m.open(b, 0, nil)
			require.NoError(b, err)
			for range 2000 {
				_, err := j.Append(payload(size))
				require.NoError(b, err)
			}
			s, n := m.store(b, 0), 0
			b.ReportAllocs()
			for b.Loop() {
				_, err := journal.ReadRange(b.Context(), s, 0, journal.Point{}, j.Head().Sequence,
					func(batch journal.Batch) error { n += len(batch.Events); return nil })
				require.NoError(b, err)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkLogs(b *testing.B) {
	for _, attempts := range []int{1, 64} {
		b.Run(fmt.Sprint("attempts=", attempts), func(b *testing.B) {
			l := logs(b, start(b, b.TempDir()))
			b.ReportAllocs()
			each := b.N/attempts + 1
			var all sync.WaitGroup
			for a := range attempts {
				all.Go(func() {
					log := natsjs.AttemptLog{Job: job.ID{Run: "R", Index: uint32(a)}, Token: 1}
					c := attempt.Chunk{Data: make([]byte, 4<<10)}
					for i := range each {
						c.Seq = uint64(i + 1)
						if err := l.Append(b.Context(), log, c); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(each*attempts)/b.Elapsed().Seconds(), "chunks/s")
		})
	}
}
