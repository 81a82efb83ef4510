package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/ledger"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// This file is how a Partition has its jobs say where they stand.

// announceAll has every job that lives say where it stands, for a coordinator
// that knows nothing yet.
func (p *Partition) announceAll(ctx actor.Context) {
	for _, e := range p.env.board.live() {
		p.announce(ctx, &e)
	}
}

// announce has the jobs of a run say where they stand, those that may have been
// released. The actor of one may be there already, also after a replay, started by
// a message that had waited in a mailbox: it looks at the new replay then.
func (p *Partition) announce(ctx actor.Context, e *ledger.Entry) {
	for i, j := range e.Jobs {
		if j.State.Final() || !e.Released(uint32(i)) {
			continue
		}
		name := j.ID.String()
		_, awake := ctx.ActorSystem().ProcessRegistry.GetLocal(p.jobs.GetId() + "/" + name)
		if !awake && idle(j) {
			p.jobEnv.queue(ctx, j.ID)
		} else {
			ctx.Send(p.jobs, &supervisor.Spawn{Name: name, First: &messages.AnnounceJob{}})
		}
	}
}
