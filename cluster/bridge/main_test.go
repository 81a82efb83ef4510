package bridge_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/cluster/bridge"
	"yardmaster/messages"
)

// deadline is how long a test waits for something that must happen.
const deadline = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// laterError is what a transport returns while it is disconnected.
type laterError struct{}

func (laterError) Error() string   { return "not now" }
func (laterError) Temporary() bool { return true }

// network is a network in memory. Each listener has a goroutine that hands over
// its frames in order.
type network struct {
	mu    sync.Mutex
	nodes map[string]*listener
	// fate says, if set, how often a frame arrives, and after what delay.
	fate func(from, to string) (copies int, delay time.Duration)
	// failure is returned by Send, if set.
	failure error
	largest int
	sends   atomic.Int64
}

type listener struct {
	frames chan arrival
	done   chan struct{}
}

type arrival struct {
	worker string
	wire   []byte
	delay  time.Duration
}

func newNetwork() *network { return &network{nodes: map[string]*listener{}, largest: 1 << 20} }

func (n *network) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failure = err
}

func (n *network) suffer(fate func(from, to string) (int, time.Duration)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate = fate
}

// port is one node's side of a network.
type port struct {
	net             *network
	address, worker string
}

func (p port) Send(_, address string, wire []byte) error {
	n := p.net
	n.mu.Lock()
	to, fate, failure := n.nodes[address], n.fate, n.failure
	n.mu.Unlock()
	n.sends.Add(1)
	if failure != nil {
		return failure
	}
	if to == nil {
		return nil
	}
	copies, delay := 1, time.Duration(0)
	if fate != nil {
		copies, delay = fate(p.address, address)
	}
	for range copies {
		select {
		case to.frames <- arrival{p.worker, append([]byte(nil), wire...), delay}:
		case <-to.done:
		}
	}
	return nil
}

func (p port) Listen(receive func(string, []byte)) (func() error, error) {
	l := &listener{frames: make(chan arrival, 1024), done: make(chan struct{})}
	p.net.mu.Lock()
	p.net.nodes[p.address] = l
	p.net.mu.Unlock()
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case a := <-l.frames:
				if a.delay > 0 {
					time.Sleep(a.delay) // how long the network takes, not a wait for something
				}
				receive(a.worker, a.wire)
			case <-l.done:
				return
			}
		}
	})
	return func() error {
		p.net.mu.Lock()
		delete(p.net.nodes, p.address)
		p.net.mu.Unlock()
		close(l.done)
		ended.Wait()
		return nil
	}, nil
}

func (port) Flush(context.Context) error { return nil }

func (p port) MaxFrame() int { return p.net.largest }

// counter counts by reason.
type counter struct {
	mu      sync.Mutex
	counts  map[bridge.Reason]int
	changed chan struct{}
}

func newCounter() *counter {
	return &counter{counts: map[bridge.Reason]int{}, changed: make(chan struct{}, 1)}
}

func (c *counter) add(r bridge.Reason, n int) {
	c.mu.Lock()
	c.counts[r] += n
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *counter) of(r bridge.Reason) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[r]
}

// await waits until n were counted.
func (c *counter) await(t testing.TB, r bridge.Reason, n int) {
	t.Helper()
	limit := time.After(deadline)
	for c.of(r) < n {
		select {
		case <-c.changed:
		case <-limit:
			require.FailNow(t, "not counted", "%s: %d of %d", r, c.of(r), n)
		}
	}
}

// node is an actor system with a bridge.
type node struct {
	t                testing.TB
	system           *actor.ActorSystem
	bridge           *bridge.Bridge
	dropped, refused *counter
}

type setup func(*bridge.Config)

func address(role bridge.Role, id string) string { return bridge.JoinAddress(id, string(role)+"1") }

// startOn starts a listening node, whose address is "<id>.c1" or "<id>.w1".
func startOn(t testing.TB, on func(address, worker string) bridge.Transport, role bridge.Role, id string,
	setups ...setup,
) *node {
	t.Helper()
	n := &node{t: t, dropped: newCounter(), refused: newCounter()}
	n.system = bridge.NewSystem(id, string(role)+"1", slog.New(slog.DiscardHandler),
		actor.WithDeadLetterThrottleInterval(10*time.Millisecond))
	worker := ""
	if role == bridge.Worker {
		worker = id
	}
	cfg := bridge.Config{NodeID: id, Role: role, ResyncEvery: -1}
	cfg.Hooks.Dropped = n.dropped.add
	cfg.Hooks.Refused = func(r bridge.Reason) { n.refused.add(r, 1) }
	for _, s := range setups {
		s(&cfg)
	}
	b, err := bridge.Start(n.system, on(address(role, id), worker), cfg)
	require.NoError(t, err)
	n.bridge = b
	require.NoError(t, b.Listen())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		_ = b.Close(ctx)
	})
	return n
}

func (n *network) on(address, worker string) bridge.Transport { return port{n, address, worker} }

func (n *network) start(t testing.TB, role bridge.Role, id string, setups ...setup) *node {
	t.Helper()
	return startOn(t, n.on, role, id, setups...)
}

func (n *node) pid(id string) *actor.PID { return actor.NewPID(n.bridge.Address(), id) }

// spawn starts an actor that does what receive says.
func (n *node) spawn(name string, receive func(actor.Context)) *actor.PID {
	n.t.Helper()
	pid, err := n.system.Root.SpawnNamed(actor.PropsFromFunc(receive), name)
	require.NoError(n.t, err)
	return pid
}

// echo answers a token with its successor.
func echo(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.AttemptAlive); ok {
		ctx.Respond(&messages.AttemptAlive{Token: m.GetToken() + 1})
	}
}

// collect starts an actor that reports the messages of type M that it gets.
func collect[M any](n *node, name string) <-chan M {
	got := make(chan M, 1<<16)
	n.spawn(name, func(ctx actor.Context) {
		if m, ok := ctx.Message().(M); ok {
			got <- m
		}
	})
	return got
}

// receive waits for the next one.
func receive[M any](t testing.TB, from <-chan M) M {
	t.Helper()
	select {
	case m := <-from:
		return m
	case <-time.After(deadline):
		require.FailNow(t, "nothing arrived")
		panic("unreachable")
	}
}

// watcher starts an actor that watches what it is told to, and reports the ends.
func (n *node) watcher(name string) (watch func(*actor.PID), ends <-chan *actor.Terminated) {
	ended := make(chan *actor.Terminated, 64)
	watching := make(chan struct{})
	type order struct{ pid *actor.PID }
	pid := n.spawn(name, func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case order:
			ctx.Watch(m.pid)
			watching <- struct{}{}
		case *actor.Terminated:
			ended <- m
		}
	})
	return func(who *actor.PID) {
		n.system.Root.Send(pid, order{who})
		<-watching
	}, ended
}

func token(n uint64) *messages.AttemptAlive { return &messages.AttemptAlive{Token: n} }
