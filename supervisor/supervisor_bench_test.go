package supervisor_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/supervisor"
)

// counter closes done after the nth message.
type counter struct {
	left int
	done chan struct{}
}

func (c *counter) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*ask); ok {
		if c.left--; c.left == 0 {
			close(c.done)
		}
	}
}

// BenchmarkTell measures messages from some senders to one actor, from the first
// sent to the last handled.
func BenchmarkTell(b *testing.B) {
	classes := map[string]*supervisor.MailboxClass{
		"plain": {}, "limit+gauge": {Limit: 1 << 30, Gauge: new(supervisor.Gauge)},
	}
	for _, senders := range []int{1, 8} {
		for name, class := range classes {
			b.Run(fmt.Sprintf("%dto1/%s", senders, name), func(b *testing.B) {
				b.ReportAllocs()
				sys, done := system(), make(chan struct{})
				each := b.N/senders + 1
				pid := sys.Root.Spawn(supervisor.Props(class, func() actor.Actor { return &counter{each * senders, done} }))
				message := &ask{}
				var all sync.WaitGroup
				b.ResetTimer()
				for range senders {
					all.Go(func() {
						for range each {
							sys.Root.Send(pid, message)
						}
					})
				}
				<-done
				b.StopTimer()
				all.Wait()
				_ = sys.Root.StopFuture(pid).Wait()
			})
		}
	}
}

type idler struct{ started *atomic.Int64 }

func (i *idler) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		i.started.Add(1)
	}
}

// BenchmarkSpawn measures children of a template, from the first asked for to
// the last started, 1,000 at a time.
func BenchmarkSpawn(b *testing.B) {
	const batch = 1000
	b.ReportAllocs()
	sys := system()
	var started atomic.Int64
	tree, err := supervisor.Start(sys, jobs(&supervisor.Template{
		Start: func(string) actor.Actor { return &idler{&started} },
	}, 1), nil)
	if err != nil {
		b.Fatal(err)
	}
	n := int64(0)
	for b.Loop() {
		for range batch {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: strconv.FormatInt(n, 10)})
			n++
		}
		for started.Load() < n {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "spawns/s")
	_ = supervisor.Stop(b.Context(), tree)
}

// BenchmarkIdleActors reports the heap of an idle child of a template, its name
// of 16 bytes and an actor of 8 bytes included.
func BenchmarkIdleActors(b *testing.B) {
	const actors = 100_000
	for b.Loop() {
		sys := system()
		var started atomic.Int64
		tree, err := supervisor.Start(sys, jobs(&supervisor.Template{
			Start: func(string) actor.Actor { return &idler{&started} },
		}, 1), nil)
		if err != nil {
			b.Fatal(err)
		}
		before := heap()
		for i := range actors {
			sys.Root.Send(tree.PID(""), &supervisor.Spawn{Name: fmt.Sprintf("%016d", i)})
		}
		for started.Load() < actors {
			runtime.Gosched()
		}
		b.ReportMetric(float64(heap()-before)/actors, "B/actor")
		_ = supervisor.Stop(b.Context(), tree)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
