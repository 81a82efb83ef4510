package actors

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/ledger"
	"yardmaster/domain/run"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// This file is how a Partition goes on with what is alive: after a replay, for a
// coordinator that is new, and when a run has to end for another.

// revive goes on with what was alive when the journal ended: every job that may have
// been released, and the runs, which find what was left undone.
func (p *Partition) revive(ctx actor.Context) {
	for _, e := range p.env.board.live() {
		next, _ := p.env.board.next(e.Run.ID)
		for _, i := range next.Release {
			e.Release(i)
		}
		p.announce(ctx, &e)
		p.supersede(ctx, e.Run)
		if len(next.Skip)+len(next.Cancel) > 0 {
			ctx.Send(p.runs, &supervisor.Spawn{Name: string(e.Run.ID)})
		}
	}
}

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

// supersede cancels the runs that have to end for another of their concurrency group.
func (p *Partition) supersede(ctx actor.Context, r *run.Run) {
	for _, id := range p.env.board.superseded(r.ID) {
		ctx.Send(p.runs, &supervisor.Spawn{Name: string(id), First: &cancelRun{
			reason:    fmt.Sprintf("run %s of the concurrency group %q takes its place", r.ID, r.Plan.Concurrency.Group),
			principal: "yardmaster",
		}})
	}
}
