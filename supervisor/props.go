package supervisor

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
)

// Props returns what spawns the actor that start makes, anew at each restart,
// with a mailbox of class (nil: unbounded). Build it once and share it: each
// Props weighs 250 bytes. It is for actors outside a tree, or for children that
// an actor spawns itself.
func Props(class *MailboxClass, start func() actor.Actor, options ...actor.PropsOption) *actor.Props {
	return guardedProps(class, func(string) actor.Actor { return start() }, options...)
}

// guardedProps returns Props of guarded actors. A nil start must be set by an
// OnInit option.
func guardedProps(class *MailboxClass, start startFunc, options ...actor.PropsOption) *actor.Props {
	if class == nil {
		class = new(MailboxClass)
	}
	props := actor.PropsFromProducer(func() actor.Actor { return &guard{start: start} },
		actor.WithMailbox(class.New))
	return props.Configure(options...)
}

// NewSystem returns an actor system that logs to log, but only warnings and
// worse: Proto.Actor's other lines hold whole messages, and so secrets, and
// repeat what this package reports. Set its ProcessRegistry.Address before the
// first spawn, if it is to have one.
func NewSystem(log *slog.Logger, options ...actor.ConfigOption) *actor.ActorSystem {
	quiet := slog.New(atLeastWarn{log.Handler()})
	options = append([]actor.ConfigOption{
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }),
	}, options...)
	return actor.NewActorSystem(options...)
}
