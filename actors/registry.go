package actors

import (
	"fmt"
	"log/slog"
	"strings"

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
//	message        from         does                             answer
//	Hello          agent        hands it to the worker's session  Welcome or HelloRefused, from there
//	changeWorker   backend      hands it to the worker's session  workerChangeDone, from there
//	changeWorker   scaler       hands it to the worker's session  workerChangeDone, from there
//	expectWorker   coordinator  hands it to the worker's session  -
//	announceAll    coordinator  asks every session to announce    -
//	disconnected   node         hands it to the worker's session  -
//	workerRemoved  scaler       hands it to the worker's session  -
//	fleetReplayed  node         expects every worker not gone     -
type Registry struct {
	log      *slog.Logger
	roster   *Roster
	board    *Board     // of the fleet
	sessions *actor.PID // supervisor of the sessions
}

// expectWorker says that a worker holds attempts and has not been heard of.
type expectWorker struct {
	id   worker.ID
	node string
}

// disconnected says that the connection of a worker has ended.
type disconnected struct{ id worker.ID }

// fleetReplayed says that what is stored of workers has been read.
type fleetReplayed struct{}

func newRegistry(log *slog.Logger, roster *Roster, board *Board, sessions *actor.PID) *Registry {
	return &Registry{log: log, roster: roster, board: board, sessions: sessions}
}

// Receive implements actor.Actor.
func (r *Registry) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Hello:
		r.hello(ctx, m)
	case changeWorker: // by the way that Hello goes, so that neither overtakes the other
		first := &actor.MessageEnvelope{Message: m, Sender: ctx.Sender()}
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: first})
	case expectWorker:
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
	case disconnected:
		if r.roster.has(m.id) {
			ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
		}
	case workerRemoved:
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(m.id), First: m})
	case announceAll:
		for _, id := range r.roster.IDs() {
			ctx.Send(r.sessions, &supervisor.Spawn{Name: string(id), First: m})
		}
	case fleetReplayed, *actor.Started: // sessions that were lost together are watched again
		r.expectAll(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Stopping, *actor.Restarting:
	default:
		r.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// expectAll has a session watch each worker that was there when this node, or an
// earlier one, heard of it last: it may be dead, and nobody else would notice.
func (r *Registry) expectAll(ctx actor.Context) {
	for _, id := range r.board.workersThere() {
		ctx.Send(r.sessions, &supervisor.Spawn{Name: string(id), First: expectWorker{id: id}})
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
	if node, _, _ := strings.Cut(ctx.Sender().GetAddress(), "."); node != m.GetWorkerId() { // it speaks for another
		ctx.Respond(&messages.HelloRefused{Reason: "worker " + m.GetWorkerId() + " does not speak from node " + node})
		return
	}
	ctx.Send(r.sessions, &supervisor.Spawn{
		Name: m.GetWorkerId(), First: &actor.MessageEnvelope{Message: m, Sender: ctx.Sender()},
	})
}

func registration(m *messages.Hello) worker.Register {
	return worker.Register{
		ID: worker.ID(m.GetWorkerId()), Incarnation: worker.Incarnation(m.GetIncarnation()),
		Labels: m.GetLabels(), Found: m.GetFound(), Slots: int(m.GetSlots()), Pool: m.GetPool(),
		Resources: messages.ResourcesFromProto(m.GetResources()), Held: min(len(m.GetHeld()), int(m.GetSlots())),
	}
}
