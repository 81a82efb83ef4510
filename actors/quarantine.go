package actors

import (
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/messages"
)

// poisoned ends a job whose actor crashed again and again. The event is stored
// here, since the job's own actor cannot be trusted with it.
func (p *Partition) poisoned(ctx actor.Context, m jobPoisoned) {
	id, err := job.ParseID(m.name)
	if err != nil {
		return
	}
	defer p.env.board.absolve(id)
	j, facts, ok := p.env.board.lookup(id)
	if !ok {
		return
	}
	now, held := time.Now(), j.Worker()
	text := strings.ToValidUTF8(m.reason.Error(), "?") // a panic may say anything
	reason := "its actor failed again and again: " + text
	events, err := job.Decide(*j, job.Fail{Cause: job.CausePoison, Reason: reason}, now)
	if err != nil {
		return
	}
	stamp := messages.Stamp{At: now, Principal: "yardmaster"}
	stored := [][]byte{messages.EncodeQuarantine(m.name, text, id, stamp)}
	next := *j
	for _, e := range events {
		next = job.Evolve(next, e)
		stored = append(stored, messages.EncodeJobEvent(id, e, stamp))
	}
	if err := p.journal.Append(stored...); err != nil {
		panic(err)
	}
	p.env.metrics.jobChanged(facts.run.Project, j, &next, now)
	ended := p.env.board.putJob(&next, now)
	ctx.Send(p.env.coordinator, &messages.SlotFreed{RunId: string(id.Run), JobIndex: id.Index, WorkerId: held})
	ctx.Send(p.env.coordinator, &messages.JobWithdrawn{RunId: string(id.Run), JobIndex: id.Index})
	p.jobEnded(ctx, jobEnded{id, ended})
}
