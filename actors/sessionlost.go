package actors

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/retry"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// This file is what a session does about a worker that is silent.

// A worker that is UNHEALTHY is called for a lease's length: its way to the node
// may be open again before it finds out by itself.
const (
	callFirst = 500 * time.Millisecond
	callCap   = 5 * time.Second
)

// callAgain is what a session sends itself to call its worker.
type callAgain struct{ turn int }

// leaseOver takes the worker's attempts away. The worker stays on the roster as
// UNHEALTHY for another lease, is called meanwhile, and is given up then.
func (s *Session) leaseOver(ctx actor.Context, m leaseOver) {
	if m.turn != s.turn || s.endRemoved(ctx) {
		return
	}
	silent := time.Since(s.heard).Round(time.Second)
	reason := fmt.Sprintf("worker %s was not heard of for %s", s.id, silent)
	if s.node == "" || s.state.State() == worker.Unhealthy {
		s.giveUp(ctx, reason)
		return
	}
	if s.miss(ctx, reason) != nil {
		return
	}
	ctx.Send(s.env.coordinator, workerState{s.id, s.standing()})
	ctx.Send(s.env.coordinator, workerSilent{s.id, reason})
	s.arm(ctx, time.Duration(s.env.lease.GivenAwayAt(0)))
	s.show()
	s.calls = 0
	s.call(ctx, callAgain{s.turn})
}

// miss stores that a lease ran out, and comes back to it when that cannot be done.
func (s *Session) miss(ctx actor.Context, reason string) error {
	err := s.handle(ctx, worker.MissHeartbeat{Incarnation: s.state.Incarnation}, principalSelf, reason)
	if err != nil {
		s.arm(ctx, storeAgain)
	}
	return err
}

// giveUp lets go of a worker that did not come back. One that never registered
// with this node or an earlier one has nothing that could be stored.
func (s *Session) giveUp(ctx actor.Context, reason string) {
	if s.state.Incarnation != "" {
		if s.state.Misses == 0 && s.miss(ctx, reason) != nil {
			return
		}
		if s.handle(ctx, worker.Forget{}, principalSelf, reason) != nil {
			s.arm(ctx, storeAgain)
			return
		}
	}
	s.leave(ctx, reason)
}

// call asks a silent worker to register again, until it is heard of or given up.
func (s *Session) call(ctx actor.Context, m callAgain) {
	if m.turn != s.turn {
		return
	}
	ctx.Send(actor.NewPID(s.node, agentID), &messages.SayHello{})
	s.calls++
	root, self := ctx.ActorSystem().Root, ctx.Self()
	s.caller = time.AfterFunc(retry.Backoff(callFirst, 2, callCap, s.calls, rand.Float64()), func() {
		root.Send(self, m)
	})
}
