package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/worker"
)

// This file is what a session does about a worker whose machine the scaler removes.

// workerRemoved tells a session that the machine of its worker, which the scaler
// holds back, is gone or bound to go: no alarm when it is not heard of any more.
type workerRemoved struct{ id worker.ID }

// machineGone hears that the worker was removed. It stays held back until it says
// goodbye, or is not heard of any more.
func (s *Session) machineGone(ctx actor.Context) {
	if s.timer != nil || s.node != "" {
		s.removed = true
		return
	}
	_ = s.endHold(ctx)
	ctx.Stop(ctx.Self())
}

// endRemoved ends the session of a worker that was removed, and reports whether it
// was: its silence is no news.
func (s *Session) endRemoved(ctx actor.Context) bool {
	if !s.removed {
		return false
	}
	reason := "worker " + string(s.id) + " was removed"
	if s.state.Incarnation != "" {
		leave := worker.Leave{Incarnation: s.state.Incarnation}
		if s.handle(ctx, leave, scalerPrincipal, reason) != nil {
			s.arm(ctx, storeAgain)
			return true
		}
	}
	_ = s.endHold(ctx) // what is left of it is forgotten with the worker
	s.leave(ctx, reason)
	return true
}

// endHold has nothing wanted any more, in the scaler's name, of a worker that is
// gone for good: what operators want of such a one would be remembered for longer.
func (s *Session) endHold(ctx actor.Context) error {
	if s.heldBy != scalerPrincipal {
		return nil
	}
	held := false
	return s.handle(ctx, worker.Adjust{HeldBack: &held}, scalerPrincipal, "its machine was removed")
}
