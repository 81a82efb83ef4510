package actors

import (
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/worker"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// Registry is where workers announce themselves. It has a session started for
// each.
//
// Mailbox protocol
//
//	message       from         does                             answer
//	Hello         agent        hands it to the worker's session  Welcome or HelloRefused, from there
//	expectWorker  coordinator  hands it to the worker's session  -
//	announceAll   coordinator  asks every session to announce    -
//	disconnected  node         hands it to the worker's session  -
//	holdWorker    scaler       hands it to the worker's session  workerHeld, from the coordinator
//	releaseWorker scaler       hands it to the worker's session  -
//	workerRemoved scaler       hands it to the worker's session  -
type Registry struct {
	log      *slog.Logger
	roster   *Roster
	sessions *actor.PID // supervisor of the sessions
}

// expectWorker says that a worker holds attempts and has not been heard of.
type expectWorker struct {
	id   worker.ID
	node string
}

// disconnected says that the connection of a worker has ended.
type disconnected struct{ id worker.ID }

func newRegistry(log *slog.Logger, roster *Roster, sessions *actor.PID) *Registry {
	return &Registry{log: log, roster: roster, sessions: sessions}
}

// Receive implements actor.Actor.
func (r *Registry) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Hello:
		r.hello(ctx, m)
	case expectWorker:
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
	case disconnected:
		if r.roster.has(m.id) {
			ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
		}
	case holdWorker: // by the way that Hello goes, so that neither overtakes the other
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
	case releaseWorker:
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
	case workerRemoved:
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
	case announceAll:
		for _, w := range r.roster.Members() {
			ctx.Send(r.sessions, &supervisor.Spawn{Name: string(w.ID), First: m})
		}
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Started, *actor.Stopping, *actor.Restarting:
	default:
		r.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// hello checks what would be a session's name before there is one of that name.
func (r *Registry) hello(ctx actor.Context, m *messages.Hello) {
	if ctx.Sender() == nil {
		return
	}
	if err := registration(m).Validate(); err != nil {
		ctx.Respond(&messages.HelloRefused{Reason: err.Error()})
		return
	}
	ctx.Send(r.sessions, &supervisor.Spawn{
		Name: m.GetWorkerId(), First: &actor.MessageEnvelope{Message: m, Sender: ctx.Sender()},
	})
}

func registration(m *messages.Hello) worker.Register {
	return worker.Register{
		ID: worker.ID(m.GetWorkerId()), Incarnation: worker.Incarnation(m.GetIncarnation()),
		Labels: m.GetLabels(), Slots: int(m.GetSlots()), Held: min(len(m.GetHeld()), int(m.GetSlots())),
	}
}
