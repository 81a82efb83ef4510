package actors

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/worker"
)

// This file is how a worker is brought to where its provider may remove it.

// leaving is how far a removal has come.
type leaving uint8

const (
	staying  leaving = iota
	holding          // to be held back, and to hold nothing
	removing         // the provider has been asked
)

// leave begins the removal of a worker.
func (s *Scaler) leave(name, reason string, giveUp bool, now time.Time) {
	m := s.machines[name]
	if m == nil || m.leaving != staying {
		return
	}
	m.leaving, m.reason, m.giveUp, m.since = holding, reason, giveUp, now
	s.env.log.Info("worker to be removed", slog.String("worker_id", name), slog.String("reason", reason))
}

// holdAll has all workers that shall leave held back, again and again until they
// are gone: a wish may be lost, and what holds already is not stored again.
func (s *Scaler) holdAll(ctx actor.Context) {
	for _, name := range slices.Sorted(maps.Keys(s.machines)) {
		if m := s.machines[name]; m.leaving != staying {
			s.holdBack(ctx, name, m, true)
		}
	}
}

// holdBack has a worker held back like an operator, or ends that. What an operator
// wants of it himself is not ended.
func (s *Scaler) holdBack(ctx actor.Context, name string, m *machine, held bool) {
	c := changeWorker{
		id: worker.ID(name), adjust: worker.Adjust{HeldBack: &held}, reason: m.reason, principal: scalerPrincipal,
		own: !held, asked: m.since,
	}
	if !held {
		c.reason = "it is needed again"
	}
	ctx.Request(s.env.registry, c)
}

// changed hears that a session has told the coordinator that its worker gets nothing
// new, and asks what it holds. An answer to an earlier wish says nothing: the worker
// may have been released since.
func (s *Scaler) changed(ctx actor.Context, d workerChangeDone) {
	m := s.machines[string(d.id)]
	switch {
	case m == nil || m.leaving != holding || !d.asked.Equal(m.since):
	case d.err != nil:
		s.env.log.Warn("worker not held back", slog.String("worker_id", string(d.id)), slog.String("error", d.err.Error()))
	case d.heldBack:
		ctx.Request(s.env.coordinator, askHeld{id: d.id, asked: d.asked})
	}
}

// held hears what a worker holds that is held back, and removes it or lets it go on.
func (s *Scaler) held(ctx actor.Context, h workerHeld) {
	name := string(h.id)
	m := s.machines[name]
	switch now := time.Now(); {
	case m == nil || m.leaving != holding || !h.asked.Equal(m.since):
	case h.held > 0, m.giveUp && h.registered && !m.seen:
		// It was given work before it was held back, or has come after all.
		s.holdBack(ctx, name, m, false)
		m.leaving, m.giveUp, m.up, m.lost = staying, false, now, time.Time{}
		m.seen = m.seen || h.registered
	case m.call.IsZero() && !now.Before(m.retryAt): // its launch may still be under way
		s.remove(ctx, name, m, now)
	}
}
