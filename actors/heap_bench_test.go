package actors_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/partition"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// BenchmarkHeap fills a node with idle workers and then with jobs that none of them
// can take, each a run of its own with an idempotency key, and reports the heap that
// either takes, and the whole node. The workers are nothing but their words, and the
// journal keeps nothing, so that all the heap is the node's.
func BenchmarkHeap(b *testing.B) {
	const workers, jobs, batch = 1000, 100_000, 1000
	var perWorker, perJob, all float64
	for b.Loop() {
		b.StopTimer()
		y := testkit.NewYard(b)
		before := heap()
		n := y.StartNode(func(c *actors.Config) { c.Opener, c.QueueLimit = forgetful{}, 2*jobs })
		empty := heap()
		b.StartTimer()
		for i := range workers {
			hello(n, fmt.Sprintf("idle-%d", i))
		}
		joined(b, n, workers)
		idle := heap()
		queueRuns(b, n, jobs, batch)
		full := heap()
		b.StopTimer()
		perWorker, perJob, all = (idle-empty)/workers, (full-idle)/jobs, (full-before)/(1<<20)
		n.Stop()
		b.StartTimer()
	}
	b.ReportMetric(perWorker, "B/worker")
	b.ReportMetric(perJob, "B/job")
	b.ReportMetric(all, "MiB")
}

// heap returns how many bytes of heap live.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools let go of at the first
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// hello says what the agent of a worker says at its start.
func hello(n *testkit.Node, id string) {
	agent := actor.NewPID(id+".w1", "worker/agent")
	n.System.Root.RequestWithCustomSender(n.PID("yardmaster/fleet/registry"), &messages.Hello{
		WorkerId: id, Incarnation: "w1", Version: "test", Slots: 4, Labels: []string{"gpu"},
		Found: []string{"linux", "amd64", "bash", "docker", "git", "go1.26"},
	}, agent)
}

// joined returns when the node knows so many workers.
func joined(b *testing.B, n *testkit.Node, count int) {
	b.Helper()
	for known := 0; known < count; runtime.Gosched() {
		require.NoError(b, b.Context().Err())
		all, err := n.Backend().Workers(b.Context())
		require.NoError(b, err)
		known = len(all)
	}
}

// queueRuns submits runs that no worker can take, and returns when all are queued.
func queueRuns(b *testing.B, n *testkit.Node, count, batch int) {
	b.Helper()
	j := aJob("a")
	j.RunsOn = []string{"nobody"}
	w, keys := workflow(j), make([]string, batch)
	for done := 0; done < count; done += batch {
		for i := range keys {
			keys[i] = fmt.Sprintf("key-%016d", done+i)
		}
		runs, err := n.Backend().Submit(b.Context(), actors.Submission{Plan: w, Keys: keys, Principal: "alice"})
		require.NoError(b, err)
		_, err = n.Backend().Explain(b.Context(), runs[batch-1].RunId, 0) // the coordinator has heard of it
		require.NoError(b, err)
	}
}

// forgetful is a journal that keeps nothing.
type forgetful struct{}

func (forgetful) Open(context.Context, partition.Number, func([]byte) error, func([]byte) error,
) (actors.Journal, error) {
	return forgetful{}, nil
}

func (forgetful) Compact(context.Context, partition.Number, actors.Folder) error { return nil }
func (forgetful) Append(...[]byte) error                                         { return nil }
func (forgetful) AppendAsync(_ [][]byte, done func(error))                       { done(nil) }
func (forgetful) Close()                                                         {}
