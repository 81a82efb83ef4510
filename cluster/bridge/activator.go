package bridge

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"yardmaster/messages"
)

// ActivatorName is the local ID of each node's activator.
const ActivatorName = "activator"

// Kind is something that other nodes may spawn here.
type Kind struct {
	Name string
	// Spawn starts the actor called name, or returns the one that is there; it
	// may do so by returning its PID with actor.ErrNameExists. It runs in the
	// activator's turn, so it must not block. argument may be nil. Its error is
	// told to the other node, so it must not hold secrets.
	Spawn func(ctx actor.Context, name string, argument proto.Message) (*actor.PID, error)
}

// ActivatorPID returns the PID of the activator of the node at address.
func ActivatorPID(address string) *actor.PID { return actor.NewPID(address, ActivatorName) }

// NewSpawn returns the message that asks an activator for an actor. argument may
// be nil. Sent as a request it is answered with *messages.Spawned; sent without
// a sender it is not answered.
func NewSpawn(kind, name string, argument proto.Message) (*messages.Spawn, error) {
	m := &messages.Spawn{Kind: kind, Name: name}
	if argument == nil {
		return m, nil
	}
	wire, err := proto.Marshal(argument)
	if err != nil {
		return nil, fmt.Errorf("bridge: argument of %s: %w", kind, err)
	}
	m.ArgumentType, m.Argument = string(argument.ProtoReflect().Descriptor().FullName()), wire
	return m, nil
}

var (
	errNameMissing  = errors.New("bridge: spawn without a name")
	errArgument     = errors.New("bridge: spawn with an argument that cannot be read")
	errKindPanicked = errors.New("bridge: spawning panicked")
	errNothing      = errors.New("bridge: spawning gave no actor")
)

// activator spawns actors for other nodes.
//
// Mailbox protocol
//
//	message          from       does                       answer
//	*messages.Spawn  any node   has the kind spawn it      *messages.Spawned, if asked
type activator struct {
	kinds map[string]Kind
	types messageTypes
	log   *slog.Logger
}

func newActivator(b *Bridge) *activator {
	kinds := make(map[string]Kind, len(b.cfg.Kinds))
	for _, k := range b.cfg.Kinds {
		kinds[k.Name] = k
	}
	return &activator{kinds: kinds, types: b.types, log: b.log}
}

// Receive implements actor.Actor.
func (a *activator) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.Spawn); ok {
		a.spawn(ctx, m)
	}
}

func (a *activator) spawn(ctx actor.Context, m *messages.Spawn) {
	pid, err := a.start(ctx, m)
	if err != nil {
		a.log.Warn("actor not spawned", slog.String("kind", m.GetKind()), slog.String("name", m.GetName()),
			slog.String("error", err.Error()))
	}
	if ctx.Sender() == nil {
		return
	}
	answer := &messages.Spawned{Name: m.GetName()}
	if err != nil {
		answer.Error = err.Error()
	} else {
		answer.Id = pid.Id
	}
	ctx.Respond(answer)
}

func (a *activator) start(ctx actor.Context, m *messages.Spawn) (pid *actor.PID, err error) {
	defer func() {
		if r := recover(); r != nil {
			pid, err = nil, errKindPanicked
		}
	}()
	kind, ok := a.kinds[m.GetKind()]
	switch {
	case !ok:
		return nil, fmt.Errorf("bridge: unknown kind %.80q", m.GetKind())
	case m.GetName() == "":
		return nil, errNameMissing
	}
	argument, err := a.argument(m)
	if err != nil {
		return nil, err
	}
	pid, err = kind.Spawn(ctx, m.GetName(), argument)
	switch {
	case pid != nil && errors.Is(err, actor.ErrNameExists):
		return pid, nil
	case err == nil && pid == nil:
		return nil, errNothing
	}
	return pid, err
}

func (a *activator) argument(m *messages.Spawn) (proto.Message, error) {
	if m.GetArgumentType() == "" {
		return nil, nil //nolint:nilnil // no argument is a valid argument
	}
	t := a.types[m.GetArgumentType()]
	if t == nil || t.system {
		return nil, errArgument
	}
	argument, err := t.decode(m.GetArgument())
	if err != nil {
		return nil, errArgument
	}
	return argument, nil
}
