package supervisor

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// static keeps the listed children of a Spec running.
//
// Mailbox protocol
//
//	message     from                 does
//	drain       Stop, or its parent  stops the children in order, then itself
//	restartDue  itself               restarts who waited
//	begun       a child              restarts the next of its group
//
// A child's panic reaches it as a call of HandleFailure in its own turn, so its
// state needs no lock.
type static struct {
	env      *env
	spec     *Spec
	class    string
	tree     *Tree // only the root's
	kids     []kid // in the order of spec.Children
	next, to int   // of the group being restarted: who is next, and where it ends
	restarts window
	over     bool // draining, or failed: nobody is restarted any more
	draining bool
}

// kid is what a supervisor knows about one listed child.
type kid struct {
	pid     *actor.PID
	gone    bool // it has stopped
	held    bool // its mailbox is suspended until it restarts
	births  *births
	asked   int64 // how many births it should have had
	streak  streak
	waiting *delay // not nil while the restart waits that its failure caused
}

// births counts how often one spawned child has begun. The child counts, its
// supervisor looks.
type births struct{ n atomic.Int64 }

// begun says that a child begins its nth life.
type begun struct {
	of *births
	n  int64
}

var (
	_ actor.Actor              = (*static)(nil)
	_ actor.SupervisorStrategy = (*static)(nil)
)

// Receive implements actor.Actor.
func (s *static) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.startAll(ctx)
	case *actor.Stopping, *actor.Restarting:
		s.cancelAll()
	case *actor.Stopped:
		s.tree.ended()
	case *actor.Terminated:
		s.terminated(ctx.(host), m.Who)
	case restartDue:
		s.due(ctx.(host), m)
	case begun:
		s.begun(ctx.(host), m)
	case drain:
		s.drain(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		s.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// HandleFailure implements actor.SupervisorStrategy.
func (s *static) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, reason, _ any,
) {
	i := s.index(child)
	if s.over || i < 0 {
		sup.StopChildren(child)
		return
	}
	s.failed(sup.(host), i, asError(reason))
}

func (s *static) startAll(ctx actor.Context) {
	s.kids = make([]kid, len(s.spec.Children))
	for i := range s.kids {
		s.spawn(ctx, i)
	}
}

// spawn starts the child in place i, or panics.
func (s *static) spawn(ctx actor.Context, i int) {
	child, k := s.spec.Children[i], &s.kids[i]
	k.births, k.asked = new(births), 1
	pid, err := ctx.SpawnNamed(s.env.props(child, s.class+"/"+child.name(), s.tell(ctx, k.births)), child.name())
	if err != nil {
		panic(fmt.Errorf("supervisor: start %s/%s: %w", ctx.Self().GetId(), child.name(), err))
	}
	k.pid, k.gone = pid, false
}

// tell returns what a child calls when it begins a life.
func (s *static) tell(ctx actor.Context, of *births) func() {
	root, self := s.env.system.Root, ctx.Self()
	return func() {
		root.Send(self, begun{of, of.n.Add(1)})
	}
}

// failed restarts whom the strategy names, or gives up.
func (s *static) failed(h host, i int, reason error) {
	k := &s.kids[i]
	if k.held {
		return // it waits for its restart already
	}
	now := time.Now()
	f := Failure{
		ID: k.pid.GetId(), Class: s.class + "/" + s.spec.Children[i].name(), Reason: reason, Stack: stackOf(reason),
		Failures: k.streak.fail(now, s.spec.Intensity.Period),
	}
	if !s.restarts.allow(s.spec.Intensity, now) {
		s.giveUp(h, reason)
		return
	}
	f.Delay = s.spec.Backoff.Delay(f.Failures, s.env.chance())
	k.streak.last = now.Add(f.Delay)
	s.env.restarted(f)
	if f.Delay == 0 {
		s.restart(h, i)
		return
	}
	s.hold(s.affected(i))
	k.waiting = s.env.after(f.Delay, h.Self(), s.spec.Children[i].name())
}

// hold suspends the mailboxes of a group until each is restarted.
func (s *static) hold(from, to int) {
	s.next, s.to = to, to
	for j := from; j < to; j++ {
		s.kids[j].held = true
		s.env.suspend(s.kids[j].pid)
	}
}

// restart restarts all that the failure of child i affects, one after the other:
// each begins anew when the one before has, so that it never meets what is left
// of a former life above it.
func (s *static) restart(h host, i int) {
	from, to := s.affected(i)
	s.hold(from, to)
	s.next = from
	s.restartNext(h)
}

func (s *static) restartNext(h host) {
	k := &s.kids[s.next]
	k.waiting.cancel()
	k.waiting, k.held = nil, false
	if k.gone {
		s.spawn(h, s.next)
		return
	}
	if k.births.n.Load() < k.asked { // it has yet to begin again: a second Restart would be swallowed by the first
		return
	}
	k.asked++
	h.RestartChildren(k.pid)
}

// begun goes on with the group when the child that it waits for has begun.
func (s *static) begun(h host, m begun) {
	if s.over || s.next >= s.to || s.kids[s.next].births != m.of || s.kids[s.next].asked != m.n {
		return
	}
	if s.next++; s.next < s.to {
		s.restartNext(h)
	}
}

// affected returns the range of children that restart when child i fails.
func (s *static) affected(i int) (from, to int) {
	switch s.spec.Strategy {
	case OneForAll:
		return 0, len(s.kids)
	case RestForOne:
		return i, len(s.kids)
	case OneForOne:
	}
	return i, i + 1
}

func (s *static) due(h host, m restartDue) {
	for i := range s.kids {
		if !s.over && s.kids[i].waiting == m.due {
			s.restart(h, i)
			return
		}
	}
}

func (s *static) terminated(h host, who *actor.PID) {
	i := s.index(who)
	if i < 0 {
		return
	}
	s.kids[i].gone = true
	switch {
	case !s.over:
		s.failed(h, i, ErrStopped)
	case s.draining:
		s.stopNext(h)
	}
}

func (s *static) index(pid *actor.PID) int {
	for i := range s.kids {
		if pid.Equal(s.kids[i].pid) {
			return i
		}
	}
	return -1
}

// giveUp stops the children and lets the parent decide, or main.
func (s *static) giveUp(h host, last error) {
	s.cancelAll()
	for _, k := range slices.Backward(s.kids) {
		if !k.gone {
			h.StopChildren(k.pid)
		}
	}
	s.env.giveUp(h, s.class, s.spec.Intensity, last, s.tree)
}

// drain begins to stop the children in the reverse of their order.
func (s *static) drain(ctx actor.Context) {
	s.cancelAll()
	s.draining = true
	s.stopNext(ctx)
}

// stopNext stops the last child that is left, or itself. A supervisor stops in
// order too, unless its mailbox is suspended.
func (s *static) stopNext(ctx actor.Context) {
	for i, k := range slices.Backward(s.kids) {
		if k.gone {
			continue
		}
		if s.spec.Children[i].Supervisor != nil && !k.held {
			ctx.Send(k.pid, drain{})
		} else {
			ctx.Stop(k.pid)
		}
		return
	}
	ctx.Stop(ctx.Self())
}

func (s *static) cancelAll() {
	s.over = true
	for i := range s.kids {
		s.kids[i].waiting.cancel()
	}
}
