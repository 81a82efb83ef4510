package bridge

import (
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"

	"yardmaster/supervisor"
)

// linkID finds the link of an actor system.
var linkID = extensions.NextExtensionID()

// link leads from an actor system to its bridge, once there is one. PIDs keep
// what they were resolved to for ever, so it must outlive the bridge.
type link struct {
	system *actor.ActorSystem
	bridge atomic.Pointer[Bridge]
}

// ExtensionID implements extensions.Extension.
func (*link) ExtensionID() extensions.ExtensionID { return linkID }

// resolve says who takes messages for a PID of another node.
func (l *link) resolve(pid *actor.PID) (actor.Process, bool) {
	if b := l.bridge.Load(); b != nil {
		if p, _ := b.reach(pid.Address); p != nil {
			return p, true
		}
	}
	return stray{l}, true
}

// NewSystem returns an actor system whose actors have the address
// "<nodeID>.<epoch>". Messages to other nodes become dead letters until Start.
// It logs warnings and worse to logger (nil: nowhere), and never a message.
func NewSystem(nodeID, epoch string, logger *slog.Logger, options ...actor.ConfigOption) *actor.ActorSystem {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	system := supervisor.NewSystem(logger, options...)
	l := &link{system: system}
	system.Extensions.Register(l)
	system.ProcessRegistry.Address = JoinAddress(nodeID, epoch)
	system.ProcessRegistry.RegisterAddressResolver(l.resolve)
	return system
}

// props returns what spawns this package's own actors.
func props(start func() actor.Actor) *actor.Props { return supervisor.Props(nil, start) }
