package actors

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/worker"
)

type (
	// holdWorker asks a worker's session that it take nothing new, also when it has
	// not registered yet. The coordinator tells the one who asked what it holds, as
	// workerHeld. Who wants it to stay so says it again within a lease.
	holdWorker struct {
		id        worker.ID
		principal string // who wants it
		reason    string
		from      *actor.PID
	}
	// releaseWorker ends what holdWorker began, if it was the same principal's wish.
	releaseWorker struct {
		id        worker.ID
		principal string
	}
	// workerRemoved tells a session that its worker, held back, is gone or bound to
	// go: no alarm when it is not heard of any more.
	workerRemoved struct{ id worker.ID }
)

// hold makes the worker take nothing new, and has the coordinator say what it
// holds: after what it was told of this, nothing is assigned any more.
func (s *Session) hold(ctx actor.Context, m holdWorker) {
	s.holder, s.holdReason = m.principal, m.reason
	if s.node == "" {
		if !s.expected { // else its lease runs, which must not be renewed
			s.renew(ctx)
		}
	} else if err := s.drainHeld(ctx); err != nil {
		s.env.log.Warn("worker not held back", slog.String("worker_id", string(s.id)), slog.String("error", err.Error()))
		return
	}
	ctx.Send(s.env.coordinator, askHeld{id: s.id, registered: s.node != "", held: len(s.held), to: m.from})
}

// drainHeld drains a worker that is held back, if it does not drain already.
func (s *Session) drainHeld(ctx actor.Context) error {
	if s.holder == "" {
		return nil
	}
	before := s.state.State()
	if err := s.handleFor(s.holder, worker.Drain{}, s.holdReason); err != nil {
		return err
	}
	s.show()
	if s.state.State() != before {
		ctx.Send(s.env.coordinator, workerState{s.id, s.state.State()})
	}
	return nil
}

// release lets the worker take jobs again.
func (s *Session) release(ctx actor.Context, m releaseWorker) {
	if s.holder != m.principal {
		return
	}
	unseen := s.unseen()
	s.holder, s.holdReason = "", ""
	switch {
	case unseen: // nobody else waits for it
		s.leave(ctx, "worker "+string(s.id)+" never came")
		return
	case s.node == "":
		return
	}
	if err := s.handleFor(m.principal, worker.Resume{}, "it is needed again"); err != nil {
		return // it has left meanwhile
	}
	s.show()
	ctx.Send(s.env.coordinator, workerState{s.id, s.state.State()})
}

// gone hears that the worker was removed. It stays held back until it says goodbye,
// or is not heard of any more.
func (s *Session) gone(ctx actor.Context) {
	if s.node == "" && !s.expected {
		s.leave(ctx, "worker "+string(s.id)+" never came")
		return
	}
	s.removed = true
}

// endRemoved ends the session of a worker that was removed, and reports whether it
// was: its silence is no news.
func (s *Session) endRemoved(ctx actor.Context) bool {
	if !s.removed || s.node == "" {
		return false
	}
	reason := "worker " + string(s.id) + " was removed: " + s.holdReason
	_ = s.handleFor(s.holder, worker.Leave{Incarnation: s.state.Incarnation}, reason)
	s.leave(ctx, reason)
	return true
}

// unseen reports whether the session knows its worker by a hold alone.
func (s *Session) unseen() bool { return s.node == "" && s.holder != "" && !s.expected }
