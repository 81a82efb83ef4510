package actors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/run"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// BenchmarkJob takes jobs in batches of 1000 through the whole node and a worker,
// with the journal, the network and the steps being nothing.
func BenchmarkJob(b *testing.B) {
	const batch = 1000
	y := testkit.NewYard(b)
	n := y.StartNode()
	slots := func(c *workerConfig) { c.Slots = 64 }
	y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), slots)
	keys, w := make([]string, batch), workflow(aJob("a"))
	ended := make(chan struct{}, 1<<20)
	watching := make(chan struct{}, 1)
	stopped := make(chan struct{})
	ctx, stop := withTimeout(b, time.Hour)
	go func() {
		defer close(stopped)
		_ = n.Backend().WatchRuns(ctx, "", func(m *messages.WatchRunsResponse) error {
			if len(m.Changes) == 0 {
				watching <- struct{}{}
			}
			for _, c := range m.Changes {
				if c.OfRun && c.State == success {
					ended <- struct{}{}
				}
			}
			return nil
		})
	}()
	<-watching
	b.ReportAllocs()
	for b.Loop() {
		_, err := n.Backend().Submit(b.Context(), actors.Submission{Plan: w, Keys: keys, Principal: "alice"})
		require.NoError(b, err)
		for range batch {
			<-ended
		}
	}
	b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds(), "jobs/s")
	stop()
	<-stopped
}

func BenchmarkReadRun(b *testing.B) {
	y := testkit.NewYard(b)
	n := y.StartNode()
	for _, size := range []int{1, 100} {
		w := workflow()
		for i := range size {
			w.Jobs = append(w.Jobs, aJob(fmt.Sprint("j", i)))
		}
		id := submit(b, n, w)
		b.Run(fmt.Sprint(size, " jobs"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				get(b, n, id)
			}
		})
	}
}

func BenchmarkBoardPutJob(b *testing.B) {
	put, err := actors.BenchBoard(run.Submission{ID: "01A", Plan: workflow(aJob("a")), At: time.Now()})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		put()
	}
}

// BenchmarkAssign is what it costs each attempt that it is shown which worker has it.
func BenchmarkAssign(b *testing.B) {
	j := aJob("a")
	j.RunsOn = []string{"linux"}
	assign := actors.BenchAssign(&j, 64)
	b.ReportAllocs()
	for b.Loop() {
		assign()
	}
}
