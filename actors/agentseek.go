package actors

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/retry"
	"yardmaster/messages"
)

// This file is how an agent finds the coordinator node and announces its worker.

const (
	helloTimeout = 3 * time.Second // then the coordinator node is looked for again
	seekFirst    = 100 * time.Millisecond
	seekCap      = 2 * time.Second
)

type (
	found struct {
		epoch   int
		address string
		err     error
	}
	seekAgain struct{ epoch int }
)

// seek looks for the coordinator node that workers join, without blocking.
func (a *Agent) seek(ctx actor.Context) {
	a.epoch++
	a.seeking = true
	root, self, epoch := ctx.ActorSystem().Root, ctx.Self(), a.epoch
	go func() { // ends with its deadline
		deadline, cancel := context.WithTimeout(context.Background(), helloTimeout)
		defer cancel()
		address, err := a.env.discover(deadline)
		root.Send(self, found{epoch, address, err})
	}()
}

func (a *Agent) found(ctx actor.Context, m found) {
	if m.epoch != a.epoch {
		return
	}
	wait := helloTimeout
	if m.err != nil {
		a.tries++
		if a.tries == 1 {
			a.env.log.Warn("no coordinator node answers: trying again", slog.String("error", m.err.Error()))
		}
		wait = retry.Backoff(seekFirst, 2, seekCap, a.tries, rand.Float64())
	} else {
		if a.greeted.IsZero() { // the owner may have heard the first of several
			a.greeted = time.Now()
		}
		ctx.Request(actor.NewPID(m.address, registryID), a.hello())
	}
	a.after(ctx, &a.seekT, wait, seekAgain{a.epoch})
}

func (a *Agent) seekAgain(ctx actor.Context, m seekAgain) {
	if m.epoch == a.epoch && a.seeking {
		a.seek(ctx)
	}
}

func (a *Agent) hello() *messages.Hello {
	size := a.env.size
	return &messages.Hello{
		WorkerId: a.env.id, Incarnation: a.env.incarnation, Labels: a.env.labels, Version: a.env.version, Held: a.list(),
		Slots: uint32(size.state.Slots), SlotsMin: uint32(size.bounds.Least), SlotsMax: uint32(size.bounds.Most),
		Found: a.env.found, Pool: a.env.pool,
		Resources: messages.ResourcesToProto(a.env.resources),
	}
}

func (a *Agent) list() []*messages.HeldAttempt {
	list := make([]*messages.HeldAttempt, 0, len(a.held))
	for _, h := range a.held {
		list = append(list, &messages.HeldAttempt{
			RunId: h.held.RunId, JobIndex: h.held.JobIndex, Token: h.held.Token, Ended: h.ended,
		})
	}
	return list
}
