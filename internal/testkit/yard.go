package testkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/actors"
	"yardmaster/cluster/bridge"
	"yardmaster/domain/lease"
	"yardmaster/supervisor"
)

// throttle is the interval of Proto.Actor's log of dead letters: a goroutine sleeps
// so long behind the last one, and tests look for goroutines that stay.
const throttle = 50 * time.Millisecond

// stopWithin is how long a node may take to stop, by the clock of the test.
const stopWithin = time.Minute

// Yard is one coordinator node after the other, on one disk, and workers beside
// it, on one network.
type Yard struct {
	Net  *Network
	Disk *Disk
	Logs *Logs

	tb    testing.TB
	mu    sync.Mutex
	lives int    // of nodes and workers, so that no address is used twice
	node  string // address of the node that workers join, or ""
	stops []func()
	over  bool // the test has ended: nobody else starts
}

// NewYard returns a yard without nodes. What is started in it ends with the test,
// inside the bubble that the test runs in, if there is one.
func NewYard(tb testing.TB) *Yard {
	tb.Helper()
	y := &Yard{Net: NewNetwork(), Disk: NewDisk(), Logs: NewLogs(), tb: tb}
	tb.Cleanup(y.stopAll)
	return y
}

// later adds what ends with the test, before everything that was added earlier.
func (y *Yard) later(stop func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.stops = append(y.stops, stop)
}

func (y *Yard) stopAll() {
	y.mu.Lock()
	stops := y.stops
	y.over = true
	y.mu.Unlock()
	for i := len(stops) - 1; i >= 0; i-- {
		stops[i]()
	}
}

func (y *Yard) epoch(role bridge.Role) string {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.lives++
	return fmt.Sprintf("%s%d", string(role), y.lives)
}

func (y *Yard) join(address string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.node = address
}

var errNobody = errors.New("testkit: no node answers")

func (y *Yard) discover(context.Context) (string, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.node == "" {
		return "", errNobody
	}
	return y.node, nil
}

// Node is a coordinator node in a yard.
type Node struct {
	*actors.Node
	System  *actor.ActorSystem
	Metrics *actors.Metrics

	yard   *Yard
	bridge *bridge.Bridge
	once   sync.Once
}

// NodeConfig is what a yard's node is built from, for a test to change.
func (y *Yard) NodeConfig() actors.Config {
	return actors.Config{
		Log: slog.New(slog.DiscardHandler), Opener: y.Disk, Logs: y.Logs, Partitions: 2, Lease: lease.Default(),
		QueueLimit: 10_000, KeepRuns: 1000, NodeID: "n1", Version: "test", Metrics: actors.NewMetrics(),
		Gauges: new(actors.Gauges),
	}
}

// StartNode starts a node and returns when it is ready and can be joined.
func (y *Yard) StartNode(changes ...func(*actors.Config)) *Node {
	y.tb.Helper()
	n, err := y.TryNode(changes...)
	if err != nil {
		y.tb.Fatalf("the node does not start: %v", err)
	}
	return n
}

// TryNode is StartNode for a node that may not start.
func (y *Yard) TryNode(changes ...func(*actors.Config)) (*Node, error) {
	c := y.NodeConfig()
	c.System = newSystem(c.NodeID, y.epoch(bridge.Coordinator))
	for _, change := range changes {
		change(&c)
	}
	n := &Node{System: c.System, Metrics: c.Metrics, yard: y}
	b, err := bridge.Start(c.System, y.Net.On(c.System.Address(), ""), bridge.Config{
		NodeID: c.NodeID, Role: bridge.Coordinator,
		Allow: func(p bridge.Peer, target string, system bool, typeName string) bool {
			return p.Role == bridge.Coordinator || actors.WorkerMay(p.NodeID, target, system, typeName)
		},
	})
	if err != nil {
		return nil, err
	}
	n.bridge, n.Node = b, actors.NewNode(c)
	y.later(n.Stop)
	if err := n.Start(); err != nil {
		return n, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := n.AwaitReady(ctx); err != nil {
		return n, err
	}
	if err := b.Listen(); err != nil {
		return n, err
	}
	y.join(c.System.Address())
	return n, nil
}

// newSystem returns an actor system whose dead letters are logged rarely.
func newSystem(id, epoch string) *actor.ActorSystem {
	return bridge.NewSystem(id, epoch, nil, actor.WithDeadLetterThrottleInterval(throttle))
}

// Stop stops the node in good order. It may be called again.
func (n *Node) Stop() {
	n.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		n.yard.leave(n.System.Address())
		if err := errors.Join(n.bridge.Deafen(), n.Node.Stop(ctx), n.bridge.Close(ctx)); err != nil {
			n.yard.tb.Errorf("the node does not stop: %v", err)
		}
		n.System.Shutdown()
	})
}

// Kill ends the node with nothing said to anyone any more.
func (n *Node) Kill() {
	n.yard.Net.Cut(n.System.Address())
	n.Stop()
}

func (y *Yard) leave(address string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.node == address {
		y.node = ""
	}
}

// PID returns the PID of the actor of that local ID.
func (n *Node) PID(id string) *actor.PID { return actor.NewPID(n.System.Address(), id) }

// Worker is a worker in a yard.
type Worker struct {
	*actors.WorkerNode
	System *actor.ActorSystem
	ID     string

	yard   *Yard
	bridge *bridge.Bridge
	once   sync.Once
}

// StartWorker starts a worker with two slots that runs e.
func (y *Yard) StartWorker(id string, e actors.Executor, changes ...func(*actors.WorkerConfig)) *Worker {
	y.tb.Helper()
	epoch := y.epoch(bridge.Worker)
	c := actors.WorkerConfig{
		Log: slog.New(slog.DiscardHandler), System: newSystem(id, epoch), ID: id, Incarnation: epoch, Version: "test",
		Labels: []string{"linux"}, Slots: 2, Executor: e, Discover: y.discover,
	}
	for _, change := range changes {
		change(&c)
	}
	w := &Worker{WorkerNode: actors.NewWorkerNode(c), System: c.System, ID: id, yard: y}
	b, err := bridge.Start(c.System, y.Net.On(c.System.Address(), id), bridge.Config{
		NodeID: id, Role: bridge.Worker, Kinds: []bridge.Kind{{Name: actors.AttemptKind, Spawn: w.SpawnAttempt}},
	})
	if err != nil {
		y.tb.Fatalf("the worker's bridge does not start: %v", err)
	}
	w.bridge = b
	err = errors.Join(b.Listen(), w.Start())
	y.later(w.Stop) // once it is whole: it may have been started on another goroutine than the test's
	if err != nil {
		y.tb.Fatalf("the worker does not start: %v", err)
	}
	return w
}

// Stop stops the worker, and every attempt that it still has.
func (w *Worker) Stop() {
	w.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		if err := errors.Join(w.WorkerNode.Stop(ctx), w.bridge.Close(ctx)); err != nil {
			w.yard.tb.Errorf("the worker does not stop: %v", err)
		}
		w.System.Shutdown()
	})
}

// Kill ends the worker with nothing said to anyone any more.
func (w *Worker) Kill() {
	w.Cut()
	w.Stop()
}

// Cut cuts the worker off. It runs on.
func (w *Worker) Cut() { w.yard.Net.Cut(w.System.Address()) }

// Mend ends a Cut.
func (w *Worker) Mend() { w.yard.Net.Mend(w.System.Address()) }

// Restarts counts the failures of actors, by class. Use its Hooks.
type Restarts struct {
	mu sync.Mutex
	by map[string]int
}

// Hooks returns hooks that count.
func (r *Restarts) Hooks() supervisor.Hooks {
	return supervisor.Hooks{Restarted: r.add, Quarantined: r.add, Escalated: r.add}
}

func (r *Restarts) add(f supervisor.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]int{}
	}
	r.by[f.Class]++
}

// Of returns how many failures there were of classes that end so.
func (r *Restarts) Of(suffix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for class, count := range r.by {
		if strings.HasSuffix(class, suffix) {
			n += count
		}
	}
	return n
}
