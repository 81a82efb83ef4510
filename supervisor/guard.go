package supervisor

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/ctxext"
)

// startFunc makes the actor that is called name below its parent.
type startFunc func(name string) actor.Actor

// guard wraps every actor. It makes the actor inside the actor's own turn, so
// that a panic there is a crash like any other, and it recovers in Stopping,
// Stopped and Restarting, where a panic would hang the parent or revive the
// actor. Wrapping costs one call a message and no allocation, where receiver
// middleware costs an envelope.
type guard struct {
	inner actor.Actor
	start startFunc // nil once the actor has stopped
}

var (
	_ actor.Actor              = (*guard)(nil)
	_ actor.SupervisorStrategy = (*guard)(nil)
)

// ending stands for an actor that waits for its children to stop. It must not
// restart them, nor escalate: its parent would bring it back to life.
type ending struct{ actor.Actor }

// Receive implements actor.Actor.
func (e ending) Receive(ctx actor.Context) {
	if e.Actor != nil {
		e.Actor.Receive(ctx)
	}
}

// HandleFailure implements actor.SupervisorStrategy.
func (ending) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, _, _ any,
) {
	sup.StopChildren(child)
}

// heritageID finds the start function of the previous life of an actor.
var heritageID = ctxext.NextContextExtensionID()

// heritage hands a start function on to the next life of an actor. Children of
// a Template share one Props, which therefore cannot hold it.
type heritage struct{ start startFunc }

// ExtensionID implements ctxext.ContextExtension.
func (*heritage) ExtensionID() ctxext.ContextExtensionID { return heritageID }

// Current returns the actor that handles ctx's messages now, without what this
// package wraps around it. A continuation that compares it with the actor that
// asked notices a restart in between.
func Current(ctx actor.Context) actor.Actor {
	g, ok := ctx.Actor().(*guard)
	if !ok {
		return ctx.Actor()
	}
	if e, ok := g.inner.(ending); ok {
		return e.Actor
	}
	return g.inner
}

// Receive implements actor.Actor.
func (g *guard) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		g.begin(ctx)
	case *actor.Stopping:
		g.receiveLast(ctx)
		g.inner = ending{g.inner}
	case *actor.Restarting:
		g.receiveLast(ctx)
		g.inner = ending{g.inner}
		ctx.Set(&heritage{g.start})
	case *actor.Stopped:
		g.receiveLast(ctx)
		g.inner, g.start = nil, nil
	default:
		if g.inner != nil {
			g.inner.Receive(ctx)
		}
	}
}

// HandleFailure implements actor.SupervisorStrategy for an actor that spawned
// children of its own.
func (g *guard) HandleFailure(system *actor.ActorSystem, sup actor.Supervisor, child *actor.PID,
	stats *actor.RestartStatistics, reason, message any,
) {
	if s, ok := g.inner.(actor.SupervisorStrategy); ok {
		s.HandleFailure(system, sup, child, stats, reason, message)
		return
	}
	sup.StopChildren(child)
	sup.EscalateFailure(reason, nil)
}

func (g *guard) begin(ctx actor.Context) {
	if g.start == nil {
		if h, ok := ctx.Get(heritageID).(*heritage); ok {
			g.start = h.start
		}
	}
	g.inner = g.start(nameBelow(ctx.Parent(), ctx.Self()))
	g.inner.Receive(ctx)
}

// receiveLast passes on a message that must not fail.
func (g *guard) receiveLast(ctx actor.Context) {
	defer func() {
		if r := recover(); r != nil {
			ctx.Logger().Error("panic while an actor ended", slog.String("actor", ctx.Self().GetId()),
				slog.String("message_type", fmt.Sprintf("%T", ctx.Message())),
				slog.String("reason", panicError(r).Error()), slog.String("stack", string(debug.Stack())))
		}
	}()
	if g.inner != nil {
		g.inner.Receive(ctx)
	}
}

// over reports whether the actor has stopped.
func (g *guard) over() bool { return g.start == nil }

// nameBelow returns the last part of child's ID, which its parent gave it.
func nameBelow(parent, child *actor.PID) string {
	if parent == nil || len(child.GetId()) <= len(parent.GetId()) {
		return child.GetId()
	}
	return child.GetId()[len(parent.GetId())+1:]
}

// below returns the PID of the child that parent calls name.
func below(parent *actor.PID, name string) *actor.PID {
	return actor.NewPID(parent.GetAddress(), parent.GetId()+"/"+name)
}

func typeName(message any) string { return fmt.Sprintf("%T", actor.UnwrapEnvelopeMessage(message)) }
