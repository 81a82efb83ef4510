package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Tree is a running tree of supervisors.
type Tree struct {
	env      *env
	pid      *actor.PID
	onGiveUp func(reason error)
	once     sync.Once
	asked    atomic.Bool // to stop
	done     chan struct{}
}

// Option changes how a tree runs.
type Option func(*env)

// WithHooks sets who is told of restarts, escalations and quarantines.
func WithHooks(h Hooks) Option { return func(e *env) { e.hooks = h } }

// WithLogger sets where failures are logged, instead of the actor system's own
// logger.
func WithLogger(log *slog.Logger) Option { return func(e *env) { e.log = log } }

// WithChance sets the source of jitter: numbers in [0, 1). It must be safe for
// concurrent use.
func WithChance(chance func() float64) Option { return func(e *env) { e.chance = chance } }

// WithDispatchers sets the dispatcher of the actors of each class, for
// simulations. Classes are as in Failure.
func WithDispatchers(of func(class string) actor.Dispatcher) Option {
	return func(e *env) { e.dispatchers = of }
}

// Start runs the tree of spec. It returns an error if the spec is faulty or its
// name is taken; it does not wait for the actors to start.
//
// onGiveUp is called at most once, when the root passes its own limit or ends
// without having been asked to: then main should end the process. It runs in the
// root's turn, so it must not wait for Stop.
func Start(system *actor.ActorSystem, spec Spec, onGiveUp func(reason error), options ...Option) (*Tree, error) {
	if err := Validate(spec); err != nil {
		return nil, err
	}
	e := &env{system: system, log: system.Logger(), chance: rand.Float64, mailbox: new(MailboxClass)}
	for _, option := range options {
		option(e)
	}
	t := &Tree{env: e, onGiveUp: onGiveUp, done: make(chan struct{})}
	props := guardedProps(e.mailbox, func(string) actor.Actor { return newSupervisor(e, &spec, spec.Name, t) },
		e.options(spec.Name)...)
	pid, err := system.Root.SpawnNamed(props, spec.Name)
	if err != nil {
		return nil, fmt.Errorf("supervisor: start %s: %w", spec.Name, err)
	}
	t.pid = pid
	return t, nil
}

// Stop stops a tree: children in the reverse of their order, each awaited. When
// ctx ends first, it tells all that are left to stop at once, and returns the
// error without waiting for them.
func Stop(ctx context.Context, root *Tree) error {
	root.asked.Store(true)
	select {
	case <-root.done:
		return nil
	default:
		root.env.system.Root.Send(root.pid, drain{})
	}
	select {
	case <-root.done:
		return nil
	case <-ctx.Done():
		root.env.system.Root.Stop(root.pid)
		return fmt.Errorf("supervisor: stop %s: %w", root.pid.GetId(), ctx.Err())
	}
}

// Done is closed when the root and all below it have stopped.
func (t *Tree) Done() <-chan struct{} { return t.done }

// PID returns the PID of the root, or of the actor at path below it: the names
// with slashes between. It does not look whether that actor exists.
func (t *Tree) PID(path string) *actor.PID {
	address := t.env.system.Address()
	if path == "" {
		return actor.NewPID(address, t.pid.GetId())
	}
	return actor.NewPID(address, t.pid.GetId()+"/"+path)
}

func (t *Tree) giveUp(reason error) {
	t.once.Do(func() {
		if t.onGiveUp != nil {
			t.env.shield("onGiveUp panicked", func() { t.onGiveUp(reason) })
		}
	})
}

// ended notes that the root has stopped. It may be nil: then it is not the root
// that stopped.
func (t *Tree) ended() {
	if t == nil {
		return
	}
	if !t.asked.Load() {
		t.giveUp(ErrStopped)
	}
	close(t.done)
}

// newSupervisor returns the actor that keeps the children of spec running.
func newSupervisor(e *env, spec *Spec, class string, tree *Tree) actor.Actor {
	if spec.template() != nil {
		return newOnDemand(e, spec, class, tree)
	}
	return &static{env: e, spec: spec, class: class, tree: tree}
}

// props returns what spawns a listed child, which calls begun in each of its
// lives.
func (e *env) props(c Child, class string, begun func()) *actor.Props {
	start := func(string) actor.Actor {
		begun()
		return c.Start()
	}
	if c.Supervisor != nil {
		start = func(string) actor.Actor {
			begun()
			return newSupervisor(e, c.Supervisor, class, nil)
		}
	}
	mailbox := c.Mailbox
	if mailbox == nil {
		mailbox = e.mailbox
	}
	return guardedProps(mailbox, start, e.options(class)...)
}

func (e *env) options(class string) []actor.PropsOption {
	if e.dispatchers == nil {
		return nil
	}
	return []actor.PropsOption{actor.WithDispatcher(e.dispatchers(class))}
}
