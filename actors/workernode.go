package actors

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// AttemptKind is the kind of actor that jobs spawn on workers.
const AttemptKind = "attempt"

// WorkerConfig is what a worker is built from.
type WorkerConfig struct {
	Log         *slog.Logger
	System      *actor.ActorSystem // its address set
	ID          string
	Incarnation string
	Version     string
	// Labels are what its operator says it has, Found what it found by itself.
	Labels, Found []string
	Slots         int // attempts at once; with SlotsMin and SlotsMax, at first
	// SlotsMin and SlotsMax are between what the worker sizes its slots by itself, by
	// what Machine shows; 0 means Slots.
	SlotsMin, SlotsMax int
	Machine            Machine         // nil: the size stays, and nobody hears how busy it is
	Resources          resource.Amount // what attempts may take of the machine in all
	Pool               string          // the trust pool it belongs to; "" means the default
	Executor           Executor
	// Discover returns the address of the coordinator node that workers join.
	Discover func(context.Context) (string, error)
	// Joined is told each time a coordinator node has welcomed the worker.
	Joined func()
	Hooks  supervisor.Hooks
	// Dispatcher runs the actors, and the attempts; nil means Proto.Actor's own.
	Dispatcher actor.Dispatcher
}

// WorkerNode is the actors of a worker.
type WorkerNode struct {
	env         *agentEnv
	log         *slog.Logger
	hooks       supervisor.Hooks
	dispatcher  actor.Dispatcher
	system      *actor.ActorSystem
	supervision *supervisor.Tree
	failed      chan error
	executions  sync.WaitGroup // begun by actors, which may end before them
}

// NewWorkerNode prepares a worker and starts nothing.
func NewWorkerNode(c WorkerConfig) *WorkerNode {
	n := &WorkerNode{
		log: c.Log, hooks: c.Hooks, dispatcher: c.Dispatcher, system: c.System, failed: make(chan error, 1),
	}
	joined := c.Joined
	if joined == nil {
		joined = func() {}
	}
	n.env = &agentEnv{
		log: c.Log, id: c.ID, incarnation: c.Incarnation, version: c.Version, labels: c.Labels, found: c.Found,
		size: newSizer(c), resources: c.Resources, pool: c.Pool, executor: c.Executor, discover: c.Discover,
		joined: joined, refused: n.fail, run: func(f func()) { go f() },
	}
	if c.Dispatcher != nil {
		n.env.run = c.Dispatcher.Schedule
	}
	run := n.env.run
	n.env.run = func(execute func()) {
		n.executions.Add(1)
		run(func() {
			defer n.executions.Done()
			execute()
		})
	}
	return n
}

func (n *WorkerNode) local(id string) *actor.PID { return actor.NewPID(n.system.Address(), id) }

func (n *WorkerNode) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// Start runs the actors.
func (n *WorkerNode) Start() error {
	tree, err := supervisor.Start(n.system, n.tree(), func(reason error) {
		n.fail(fmt.Errorf("the actors of the worker failed beyond repair: %w", reason))
	}, supervisionOptions(n.log, n.hooks, n.dispatcher)...)
	n.supervision = tree
	return err
}

// Failed tells that the worker was refused, or has failed beyond repair.
func (n *WorkerNode) Failed() <-chan error { return n.failed }

// Reconnected tells that the way to the coordinator nodes was cut and is back.
func (n *WorkerNode) Reconnected() { n.system.Root.Send(n.local(agentID), reconnected{}) }

// SpawnAttempt is how jobs spawn attempts on the worker: the name makes it safe
// to repeat.
func (n *WorkerNode) SpawnAttempt(ctx actor.Context, name string, argument proto.Message) (*actor.PID, error) {
	m, ok := argument.(*messages.SpawnAttempt)
	id := job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()}
	if !ok || attempt.Name(id, job.Token(m.GetToken())) != name {
		return nil, fmt.Errorf("actors: %q is not the attempt it says it is", name)
	}
	ctx.Send(n.local(agentID), m)
	return n.local(attemptID(name)), nil
}

// Drain takes no more attempts and returns when none is left.
func (n *WorkerNode) Drain(ctx context.Context) error {
	timeout := 24 * time.Hour
	if deadline, ok := ctx.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	future := n.system.Root.RequestFuture(n.local(agentID), drainAgent{}, timeout)
	done := make(chan error, 1)
	go func() { // ends with the future's timeout
		_, err := future.Result()
		done <- err
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("actors: attempts are still running: %w", ctx.Err())
	case err := <-done:
		return err
	}
}

// Stop ends the actors, and with them every attempt. It returns when nothing of
// these is left, or the error of ctx.
func (n *WorkerNode) Stop(ctx context.Context) error {
	if n.supervision == nil {
		return nil
	}
	if err := supervisor.Stop(ctx, n.supervision); err != nil {
		return err
	}
	over := make(chan struct{})
	go func() { // ends with the last attempt
		n.executions.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("actors: attempts are still ending: %w", ctx.Err())
	}
}
