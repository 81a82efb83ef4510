package actors

import (
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
)

// machine is a worker that was asked for, as the scaler knows it.
type machine struct {
	class   string
	asked   time.Time // when, or since when it is known
	call    time.Time // when the call under way began, or zero
	up      time.Time // since when its provider must list it
	refused bool      // its launch failed: it may run or not, and its name is used again
	adopted bool      // found at the provider: how long it boots is not measured
	seen    bool      // it has been on the roster
	lost    time.Time // since when it is not on the roster, although it was
	leaving leaving
	since   time.Time // when it was to leave
	giveUp  bool      // it leaves because it was not heard of
	reason  string    // why it leaves
	tries   int       // removals that failed
	retryAt time.Time
}

// nameTail is the length of what makes a worker's name its own.
const nameTail = 14

// newName returns a name for a worker of a class: the time of a ULID and its last
// characters, which differ within a millisecond. Should a name come twice all the
// same, one worker is started where there should be two, and the next round asks
// for another.
func newName(class string) string {
	id := strings.ToLower(ulid.Make().String())
	return class + "-" + id[:10] + id[len(id)-nameTail+10:]
}

// classOf returns the class of a worker that was launched under this name, or nil.
func (s *Scaler) classOf(name string) *scale.Class {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || len(name)-i-1 != nameTail {
		return nil
	}
	for k := range s.env.Classes {
		if c := &s.env.Classes[k]; c.Name == name[:i] && !c.External() {
			return c
		}
	}
	return nil
}

// externalClassOf returns the class that a worker of somebody else counts for: the
// first of its pool whose labels it has all, or nil.
func (s *Scaler) externalClassOf(m *Member) *scale.Class {
	labels := worker.Worker{Labels: m.Labels}
	for k := range s.env.Classes {
		if c := &s.env.Classes[k]; c.External() && c.Pool == m.Pool && labels.Has(c.Labels) {
			return c
		}
	}
	return nil
}

// fleet returns all workers as they count: those of the roster, and those that
// were asked for and are not on it.
func (s *Scaler) fleet(now time.Time, held map[worker.ID]int) []scale.Worker {
	members := s.env.roster.Members()
	there := make(map[worker.ID]struct{}, len(members))
	all := make([]scale.Worker, 0, len(members)+len(s.machines))
	for i := range members {
		m := &members[i]
		there[m.ID] = struct{}{}
		if w, counts := s.onRoster(m, now, held); counts {
			all = append(all, w)
		}
	}
	for id := range s.idle {
		if _, is := there[id]; !is {
			delete(s.idle, id)
		}
	}
	for name, m := range s.machines {
		if _, is := there[worker.ID(name)]; !is {
			if w, counts := s.offRoster(name, m, now); counts {
				all = append(all, w)
			}
		}
	}
	return all
}

// onRoster returns a worker of the roster as it counts.
func (s *Scaler) onRoster(m *Member, now time.Time, held map[worker.ID]int) (_ scale.Worker, counts bool) {
	w := scale.Worker{
		Name: string(m.ID), Labels: m.Labels, Pool: m.Pool, Slots: m.Slots, Resources: m.Resources,
		Held: max(held[m.ID], len(m.Held)),
	}
	c := s.classOf(w.Name)
	if c != nil {
		if _, was := s.gone[w.Name]; was || m.State == worker.Unhealthy && !s.runs(c, w.Name) {
			return w, false // its provider knows that it is gone; its session will, too
		}
		s.meet(c, m, now)
	} else {
		c = s.externalClassOf(m)
	}
	if c != nil {
		w.Class = c.Name
	}
	switch m.State {
	case worker.Available, worker.Running:
		w.Phase = scale.Ready
	case worker.Unhealthy:
		w.Phase = scale.Silent
	case worker.Unknown, worker.Draining, worker.Gone:
		w.Phase = scale.Leaving
	}
	if k := s.machines[w.Name]; k != nil && k.leaving != staying {
		w.Phase = scale.Leaving
	}
	if w.Held > 0 || w.Phase != scale.Ready {
		delete(s.idle, m.ID)
	} else if _, was := s.idle[m.ID]; !was {
		s.idle[m.ID] = now
	}
	w.Since = s.idle[m.ID]
	if w.Phase == scale.Silent { // sessions see to it: it comes back, or leaves the roster
		w.Since = now
	}
	return w, true
}

// meet notes that a worker of a class is on the roster.
func (s *Scaler) meet(c *scale.Class, m *Member, now time.Time) {
	k := s.machines[string(m.ID)]
	if k == nil {
		k = &machine{class: c.Name, asked: now, up: now, adopted: true}
		s.machines[string(m.ID)] = k
	}
	if m.HeldBackBy == scalerPrincipal && k.leaving == staying && !k.seen { // by a scaler before this one
		k.leaving, k.reason, k.since = holding, "the autoscaler drains it", now
	}
	if !k.seen && !k.adopted && !k.giveUp && m.State.Takes() {
		s.memories[c.Name] = s.memories[c.Name].Registered(max(0, m.ConnectedAt.Sub(k.asked)))
	}
	k.seen, k.refused, k.lost = true, false, time.Time{}
}

// offRoster returns a worker that was asked for and is not on the roster.
func (s *Scaler) offRoster(name string, m *machine, now time.Time) (_ scale.Worker, counts bool) {
	c := s.classOf(name)
	if m.refused || c == nil {
		return scale.Worker{}, false
	}
	if m.call.IsZero() && !s.runs(c, name) {
		if !m.seen && m.leaving == staying {
			s.memories[c.Name] = s.memories[c.Name].Failed(now, name+" ended before it registered")
		}
		if m.leaving == staying {
			delete(s.machines, name)
			return scale.Worker{}, false
		}
	}
	w := scale.Worker{
		Name: name, Class: c.Name, Phase: scale.Booting, Labels: c.Labels, Pool: c.Pool, Slots: c.Slots,
		Resources: c.Resources, Since: m.up,
	}
	switch {
	case m.leaving != staying:
		w.Phase = scale.Leaving
	case !m.seen && !m.call.IsZero():
		w.Since = now // it does not boot before its provider has agreed
	case m.seen:
		if m.lost.IsZero() {
			m.lost = now
		}
		w.Phase, w.Since = scale.Silent, m.lost
	}
	return w, true
}
