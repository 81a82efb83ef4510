package actors

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/fleet"
	"yardmaster/domain/problem"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// This file is how a worker changes: decided, stored, and shown.

// principalSelf is who caused what nobody asked for.
const principalSelf = "yardmaster"

type (
	// changeWorker is what an operator, or the scaler, wants of a worker.
	changeWorker struct {
		id        worker.ID
		adjust    worker.Adjust
		reason    string
		principal string
		// own changes nothing of a worker that somebody else than principal holds back.
		own bool
		// asked comes back with the answer.
		asked time.Time
	}
	// workerChangeDone says that the wish is stored, or why it is not. The coordinator
	// has been told before.
	workerChangeDone struct {
		id       worker.ID
		heldBack bool // the worker gets nothing new
		asked    time.Time
		err      error
	}
)

// handle is the one way a worker changes: decide, store, evolve. It answers with
// errStopping when the change could not be stored.
func (s *Session) handle(ctx actor.Context, c worker.Command, principal, reason string) error {
	events, err := worker.Decide(s.state, c)
	if err != nil || len(events) == 0 {
		return err
	}
	next, alert := s.state, false
	for _, e := range events {
		next = worker.Evolve(next, e)
		if f, ok := e.(worker.Forgotten); ok {
			alert = f.Alert
		}
	}
	if why, news := s.why(events, reason); news {
		change := fleet.Change{
			At: time.Now(), Principal: principal, Incarnation: next.Incarnation, State: next.State(), Reason: why,
			Settings: next.Settings, Alert: alert,
		}
		if change.State == worker.Unknown { // only operators speak of who is not there
			change.State = worker.Gone
		}
		if !s.store(ctx, next, change) {
			return errStopping
		}
		s.reason = why
	}
	switch held := next.Settings.HeldBack; {
	case !held:
		s.heldBy = ""
	case !s.state.Settings.HeldBack:
		s.heldBy = principal
	}
	s.state = next
	return nil
}

// store keeps a change of the worker, shows it, and says so.
func (s *Session) store(ctx actor.Context, next worker.Worker, c fleet.Change) bool {
	says := fleet.Says{Labels: next.Said, Slots: next.Slots, Resources: next.Resources, Pool: next.Pool}
	stamp := messages.Stamp{At: c.At, Principal: c.Principal}
	env := s.env.share.Load()
	if env == nil || !env.store(ctx, messages.EncodeWorkerChange(messages.WorkerChange(s.id, says, c), stamp)) {
		return false
	}
	s.env.fleet().putWorker(s.id, says, c)
	s.env.log.Info("worker changed", slog.String("worker_id", string(s.id)), slog.String("state", c.State.String()),
		slog.String("principal", c.Principal), slog.String("reason", c.Reason))
	if c.Alert {
		s.env.metrics.unreachable.Add(1)
		s.env.log.Error("worker unreachable", slog.String("worker_id", string(s.id)),
			slog.Int("attempts", s.state.Held), slog.String("reason", c.Reason))
	}
	return true
}

// why says in plain words why the worker changed, and whether that is news: how
// many attempts it runs follows from what is stored of these.
func (s *Session) why(events []worker.Event, reason string) (why string, news bool) {
	switch events[0].(type) {
	case worker.Registered:
		if s.state.Incarnation == "" {
			return "it registered", true
		}
		return "it says something else of itself than before", true
	case worker.Superseded:
		return "it was started anew", true
	case worker.Recovered:
		return "it was heard of again", true
	case worker.Counted:
		return "it runs nothing any more", len(events) > 1
	case worker.Resized: // it may change twice a second
		return "", false
	case worker.HeartbeatMissed, worker.DrainStarted, worker.Drained, worker.Adjusted, worker.Left, worker.Forgotten:
	}
	return reason, true
}

// adjust does what an operator wants, also of a worker that is not there.
func (s *Session) adjust(ctx actor.Context, m changeWorker) {
	before, labels := s.standing(), s.state.Labels
	var err error
	switch {
	case !s.restored: // what is stored of the worker must not be overwritten
		err = errStopping
	case !m.own || s.heldBy == m.principal:
		err = s.handle(ctx, m.adjust, m.principal, wish(m))
	}
	if errors.Is(err, worker.ErrBadAdjustment) {
		err = problem.New(problem.Invalid, "%s", strings.TrimPrefix(err.Error(), "worker: "))
	}
	there := s.timer != nil || s.node != ""
	if there {
		s.show()
	}
	switch {
	case !there:
		ctx.Stop(ctx.Self())
	case slices.Equal(labels, s.state.Labels):
		s.tell(ctx, before)
	default:
		s.announce(ctx)
	}
	ctx.Respond(workerChangeDone{id: s.id, heldBack: s.state.Settings.HeldBack, asked: m.asked, err: err})
}

// wish says what an operator wants, and why, if they said.
func wish(m changeWorker) string {
	var parts []string
	switch {
	case m.adjust.HeldBack == nil:
	case *m.adjust.HeldBack:
		parts = append(parts, "held back")
	default:
		parts = append(parts, "resumed")
	}
	for _, l := range m.adjust.Add {
		parts = append(parts, "+"+l)
	}
	for _, l := range m.adjust.Remove {
		parts = append(parts, "-"+l)
	}
	text := strings.Join(parts, " ")
	if m.reason != "" {
		text += ": " + m.reason
	}
	return text
}
