package bridge_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/asynkron/protoactor-go/actor"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/bridge"
	"yardmaster/cluster/natsjs"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// natsServer starts a real server.
func natsServer(t testing.TB) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(deadline))
	return s
}

// over returns transports that each have a connection of their own.
func over(t testing.TB, s *server.Server, options ...nats.Option) func(address, worker string) bridge.Transport {
	return func(address, worker string) bridge.Transport {
		options := append([]nats.Option{
			nats.ReconnectBufSize(-1), nats.MaxReconnects(-1),
			nats.ReconnectWait(10 * time.Millisecond),
		}, options...)
		c, err := nats.Connect(s.ClientURL(), options...)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return natsjs.NewTransport(c, address, worker)
	}
}

func transports(b *testing.B, run func(b *testing.B, on func(address, worker string) bridge.Transport)) {
	b.Run("tcp", func(b *testing.B) { run(b, over(b, natsServer(b))) })
	b.Run("inprocess", func(b *testing.B) {
		s := natsServer(b)
		run(b, over(b, s, nats.InProcessServer(s)))
	})
}

// BenchmarkOneWay sends small messages from many actors to many, as jobs and
// attempts do, with at most 20,000 under way.
func BenchmarkOneWay(b *testing.B) { oneWay(b, false) }

// BenchmarkOneWayThroughMailbox is what it would cost to hand each envelope to
// an endpoint actor's mailbox, instead of writing it into the frame directly.
func BenchmarkOneWayThroughMailbox(b *testing.B) { oneWay(b, true) }

func oneWay(b *testing.B, hop bool) {
	type mail struct {
		pid     *actor.PID
		message any
	}
	transports(b, func(b *testing.B, on func(string, string) bridge.Transport) {
		from, to := startOn(b, on, bridge.Coordinator, "n1"), startOn(b, on, bridge.Coordinator, "n2")
		const actors, window = 1000, 20_000
		credit := make(chan struct{}, window)
		for range window {
			credit <- struct{}{}
		}
		var arrived atomic.Int64
		targets, senders := make([]*actor.PID, actors), make([]*actor.PID, actors)
		for i := range actors {
			name := "jobs/01JD3ZV7Q8W5K2M4N6P8R0T2V4/" + strconv.Itoa(i)
			to.spawn(name, func(ctx actor.Context) {
				if _, ok := ctx.Message().(*messages.AttemptAlive); ok {
					arrived.Add(1)
					credit <- struct{}{}
				}
			})
			targets[i], senders[i] = to.pid(name), from.pid("attempts/"+strconv.Itoa(i))
		}
		awaitSubscriptions(b, from, to)
		root := from.system.Root
		post := root.Spawn(supervisor.Props(nil, func() actor.Actor {
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if m, ok := ctx.Message().(mail); ok {
					root.Send(m.pid, m.message)
				}
			})
		}))
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			<-credit
			if hop {
				envelope := &actor.MessageEnvelope{Message: token(uint64(i)), Sender: senders[i%actors]}
				root.Send(post, mail{targets[i%actors], envelope})
			} else {
				root.RequestWithCustomSender(targets[i%actors], token(uint64(i)), senders[i%actors])
			}
			i++
		}
		for range window {
			<-credit
		}
		b.ReportMetric(float64(arrived.Load())/b.Elapsed().Seconds(), "envelopes/s")
	})
}

// awaitSubscriptions waits until messages get through.
func awaitSubscriptions(t testing.TB, from, to *node) {
	t.Helper()
	to.spawn("echo", echo)
	awaitEcho(t, from, to.pid("echo"))
}

// awaitEcho waits until an actor answers.
func awaitEcho(t testing.TB, from *node, echo *actor.PID) {
	t.Helper()
	limit := time.Now().Add(deadline)
	for {
		_, err := from.system.Root.RequestFuture(echo, token(1), 50*time.Millisecond).Result()
		if err == nil {
			return
		}
		require.True(t, time.Now().Before(limit), "no answer")
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			transports(b, func(b *testing.B, on func(string, string) bridge.Transport) {
				from, to := startOn(b, on, bridge.Coordinator, "n1"), startOn(b, on, bridge.Coordinator, "n2")
				awaitSubscriptions(b, from, to)
				b.ReportAllocs()
				took := hdrhistogram.New(1, int64(time.Minute), 3)
				var mu sync.Mutex
				var wg sync.WaitGroup
				turns := make(chan struct{}, callers)
				for range callers {
					wg.Go(func() {
						pid := to.pid("echo")
						for range turns {
							begin := time.Now()
							_, err := from.system.Root.RequestFuture(pid, token(1), deadline).Result()
							since := time.Since(begin)
							mu.Lock()
							_ = took.RecordValue(int64(since))
							mu.Unlock()
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				for b.Loop() {
					turns <- struct{}{}
				}
				close(turns)
				wg.Wait()
				b.ReportMetric(float64(took.ValueAtQuantile(50))/1e3, "p50-µs")
				b.ReportMetric(float64(took.ValueAtQuantile(99))/1e3, "p99-µs")
			})
		})
	}
}
