package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/retry"
	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
)

const (
	// forgetGone is how long a removed worker is remembered, so that an older
	// answer of its provider does not bring it back.
	forgetGone = 10 * time.Minute
	// removeFirst and removeCap bound the pause after a removal that failed, and
	// troubleAfter is how many raise an alert.
	removeFirst  = 5 * time.Second
	removeCap    = 5 * time.Minute
	troubleAfter = 3
)

var errNoAnswer = errors.New("actors: the provider does not answer")

// listing is what a provider said that it runs.
type listing struct {
	known bool
	names map[string]struct{}
	asked time.Time // when the last answer, or the call under way, was asked for
	at    time.Time // when the answer was asked for that names holds
	busy  bool
	err   error // of the last answer
}

// launch asks for one more worker. A name whose launch failed is used again: what
// runs under it is not started a second time.
func (s *Scaler) launch(ctx actor.Context, c *scale.Class, now time.Time) {
	name := ""
	for _, n := range slices.Sorted(maps.Keys(s.machines)) {
		if m := s.machines[n]; m.refused && m.class == c.Name {
			name = n
			break
		}
	}
	if name == "" {
		name = newName(c.Name)
	}
	if m := s.machines[name]; m != nil && !m.refused {
		return // two of one name in a millisecond: the next round asks again
	}
	s.machines[name] = &machine{class: c.Name, asked: now, call: now}
	s.env.log.Info("worker asked for", slog.String("worker_id", name), slog.String("class", c.Name))
	p, class, root, self := s.env.Providers[c.Provider], *c, ctx.ActorSystem().Root, ctx.Self()
	s.call(launchWithin, func(call context.Context) {
		root.Send(self, launchDone{name, now, p.Launch(call, class, name)})
	})
}

// call runs a call of a provider on a goroutine of its own, which ends with it.
func (s *Scaler) call(within time.Duration, f func(context.Context)) {
	ctx, cancel := context.WithTimeout(s.env.serving, within)
	go func() { // ends with the call, which ends with its deadline or the node
		defer cancel()
		f(ctx)
	}()
}

// launched hears how a launch went, also when it is late.
func (s *Scaler) launched(d launchDone) {
	m := s.machines[d.name]
	switch {
	case m == nil:
		return
	case m.call.Equal(d.call):
		m.call, m.up = time.Time{}, time.Now()
	case d.err != nil: // of a call that was given up: it has failed already
		return
	}
	if m.seen || m.leaving != staying {
		return
	}
	if m.refused = d.err != nil; m.refused {
		s.env.log.Warn("worker not launched", slog.String("worker_id", d.name), slog.String("error", d.err.Error()))
		s.memories[m.class] = s.memories[m.class].Failed(time.Now(), d.err.Error())
	}
}

// remove asks a provider to stop a worker that holds nothing and gets nothing.
func (s *Scaler) remove(ctx actor.Context, name string, m *machine, now time.Time) {
	c := s.classOf(name)
	if c == nil {
		return
	}
	m.leaving, m.call = removing, now
	p, root, self := s.env.Providers[c.Provider], ctx.ActorSystem().Root, ctx.Self()
	s.call(removeWithin, func(call context.Context) { root.Send(self, removeDone{name, now, p.Remove(call, name)}) })
}

// removed hears how a removal went.
func (s *Scaler) removed(ctx actor.Context, d removeDone) {
	m := s.machines[d.name]
	switch {
	case m == nil:
		return
	case d.err != nil:
		if m.leaving == removing && m.call.Equal(d.call) {
			s.notRemoved(d.name, m, d.err)
		}
		return
	}
	delete(s.machines, d.name)
	s.gone[d.name] = time.Now()
	delete(s.troubles, m.class)
	ctx.Send(s.env.registry, workerRemoved{worker.ID(d.name)})
	s.env.log.Info("worker removed", slog.String("worker_id", d.name), slog.String("reason", m.reason))
}

func (s *Scaler) notRemoved(name string, m *machine, err error) {
	m.tries++
	m.leaving, m.call = holding, time.Time{}
	m.retryAt = time.Now().Add(retry.Backoff(removeFirst, 2, removeCap, m.tries, rand.Float64()))
	s.env.log.Warn("worker not removed", slog.String("worker_id", name), slog.String("error", err.Error()))
	if m.tries >= troubleAfter {
		s.troubles[m.class] = fmt.Sprintf("%s cannot be removed, after %d tries: %s", name, m.tries, err)
	}
}

// giveUpCalls takes calls for failed whose time is over without an answer.
func (s *Scaler) giveUpCalls(now time.Time) {
	for name, m := range s.machines {
		switch past := now.Sub(m.call); {
		case m.call.IsZero():
		case m.leaving == removing && past > removeWithin+callSlack:
			s.notRemoved(name, m, errNoAnswer)
		case m.leaving != removing && past > launchWithin+callSlack:
			s.launched(launchDone{name, m.call, errNoAnswer})
		}
	}
	for name, at := range s.gone {
		if now.Sub(at) > forgetGone {
			delete(s.gone, name)
		}
	}
}

// list asks providers what they run, when it is time.
func (s *Scaler) list(ctx actor.Context) {
	now := time.Now()
	root, self := ctx.ActorSystem().Root, ctx.Self()
	for name, l := range s.listings {
		if wait := now.Sub(l.asked); wait < listEvery || l.busy && wait < listWithin+callSlack {
			continue
		}
		l.asked, l.busy = now, true
		p := s.env.Providers[name]
		s.call(listWithin, func(call context.Context) {
			names, err := p.List(call)
			root.Send(self, listDone{name, now, names, err})
		})
	}
}

// listed hears what a provider runs, and takes in what is not known: it was
// launched before this scaler was there.
func (s *Scaler) listed(d listDone) {
	l := s.listings[d.provider]
	if l == nil || !l.asked.Equal(d.call) {
		return
	}
	l.busy = false
	if d.err != nil {
		l.err = d.err
		s.env.log.Warn("provider not read", slog.String("provider", d.provider), slog.String("error", d.err.Error()))
		return
	}
	l.known, l.at, l.err, l.names = true, d.call, nil, make(map[string]struct{}, len(d.names))
	for _, name := range d.names {
		c := s.classOf(name)
		if c == nil || c.Provider != d.provider {
			continue
		}
		l.names[name] = struct{}{}
		m := s.machines[name]
		switch at, was := s.gone[name]; {
		case m == nil && (!was || d.call.After(at)):
			delete(s.gone, name)
			s.machines[name] = &machine{class: c.Name, asked: time.Now(), up: time.Now(), adopted: true}
		case m != nil && m.refused: // it was started all the same
			m.refused, m.asked, m.up = false, time.Now(), time.Now()
		}
	}
}

// runs reports whether a provider runs a worker, as far as it is known.
func (s *Scaler) runs(c *scale.Class, name string) bool {
	l := s.listings[c.Provider]
	if m := s.machines[name]; l == nil || !l.known || m != nil && !l.at.After(m.up) {
		return true
	}
	_, runs := l.names[name]
	return runs
}

// unknown says of each class that cannot be decided about why that is so.
func (s *Scaler) unknown() map[string]string {
	why := map[string]string{}
	for i := range s.env.Classes {
		c := &s.env.Classes[i]
		if l := s.listings[c.Provider]; l != nil && !l.known && l.err != nil {
			why[c.Name] = fmt.Sprintf("provider %s does not say what it runs: %s", c.Provider, l.err)
		}
	}
	return why
}
