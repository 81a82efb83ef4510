package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// onDemand keeps the children of a template running (OTP: simple_one_for_one).
//
// Mailbox protocol
//
//	message     from                 does                          answer
//	*Spawn      owner                starts a child, if absent     Spawned or SpawnRefused, if asked
//	drain       Stop, or its parent  stops the children, then itself
//	restartDue  itself               restarts who waited
//
// Of a child that has never failed it knows nothing beyond what Proto.Actor
// keeps. Its state is touched in its own turn only, so it needs no lock.
type onDemand struct {
	env      *env
	spec     *Spec
	template *Template
	class    string // of the children
	tree     *Tree  // only the root's

	props    *actor.Props // one for all children
	starting startFunc    // of the child being spawned
	failing  map[string]*ailing
	reborn   map[string]rebirth
	restarts window
	over     bool // draining, or failed: nobody is started any more
	draining bool
}

// ailing is what is known about a child that has failed.
type ailing struct {
	streak  streak
	waiting *delay
	ended   *Failure // why it was quarantined
}

// rebirth is a name that was spawned again before the end of the former actor
// was reported. Proto.Actor would take that report for the new one's.
type rebirth struct {
	pid     *actor.PID
	reports int // still to come for former actors
}

var (
	_ actor.Actor              = (*onDemand)(nil)
	_ actor.SupervisorStrategy = (*onDemand)(nil)
)

func newOnDemand(e *env, spec *Spec, class string, tree *Tree) *onDemand {
	child := spec.Children[0]
	o := &onDemand{
		env: e, spec: spec, template: child.Template, class: class + "/" + anyName, tree: tree,
		failing: map[string]*ailing{}, reborn: map[string]rebirth{},
	}
	mailbox := child.Mailbox
	if mailbox == nil {
		mailbox = e.mailbox
	}
	options := append(e.options(o.class), actor.WithOnInit(func(ctx actor.Context) {
		ctx.Actor().(*guard).start = o.starting
	}))
	o.props = guardedProps(mailbox, nil, options...)
	return o
}

// Receive implements actor.Actor.
func (o *onDemand) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *Spawn:
		o.spawn(ctx, m)
	case *actor.Terminated:
		o.terminated(ctx, m.Who)
	case restartDue:
		o.due(ctx.(host), m)
	case drain:
		o.drain(ctx)
	case *actor.Stopping, *actor.Restarting:
		o.cancelAll()
	case *actor.Stopped:
		o.tree.ended()
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		o.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

func (o *onDemand) spawn(ctx actor.Context, m *Spawn) {
	start := o.startOf(m)
	if why := o.refusal(ctx, m, start); why != "" {
		o.refuse(ctx, m, why)
		return
	}
	before := len(ctx.Children())
	o.starting = start
	pid, err := ctx.SpawnNamed(o.props, m.Name)
	o.starting = nil
	existed := errors.Is(err, actor.ErrNameExists)
	if err != nil && !existed {
		o.refuse(ctx, m, err.Error())
		return
	}
	if !existed && len(ctx.Children()) == before {
		o.reborn[m.Name] = rebirth{pid, o.reborn[m.Name].reports + 1}
	}
	if m.First != nil {
		ctx.Send(pid, m.First)
	}
	if ctx.Sender() != nil {
		ctx.Respond(&Spawned{PID: pid, Existed: existed})
	}
}

// startOf returns what makes the child that m asks for, or nil.
func (o *onDemand) startOf(m *Spawn) startFunc {
	switch {
	case m.Start != nil:
		return m.Start
	case o.template.Supervisor != nil:
		return o.startTree
	default:
		return o.template.Start
	}
}

func (o *onDemand) startTree(name string) actor.Actor {
	spec := o.template.Supervisor(name)
	spec.Name = name
	return newSupervisor(o.env, &spec, o.class, nil)
}

// refusal says why a child cannot be started, or "". A full template still
// passes First on to the children it has.
func (o *onDemand) refusal(ctx actor.Context, m *Spawn, start startFunc) string {
	switch {
	case o.over:
		return "supervisor ends"
	case start == nil:
		return "nothing to start it by"
	case m.Name == "" || strings.Contains(m.Name, "/"):
		return "name is empty or has a slash"
	case o.template.Limit > 0 && len(ctx.Children()) >= o.template.Limit && !o.lives(below(ctx.Self(), m.Name)):
		return "too many children"
	default:
		return ""
	}
}

func (o *onDemand) lives(pid *actor.PID) bool {
	_, ok := o.env.system.ProcessRegistry.GetLocal(pid.GetId())
	return ok
}

func (o *onDemand) refuse(ctx actor.Context, m *Spawn, why string) {
	o.env.log.Warn("spawn refused", slog.String("class", o.class), slog.String("name", m.Name), slog.String("why", why))
	if m.First != nil {
		o.env.system.DeadLetter.SendUserMessage(below(ctx.Self(), m.Name), m.First)
	}
	if ctx.Sender() != nil {
		ctx.Respond(&SpawnRefused{Name: m.Name, Why: why})
	}
}

// HandleFailure implements actor.SupervisorStrategy.
func (o *onDemand) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, reason, _ any,
) {
	if o.over {
		sup.StopChildren(child)
		return
	}
	o.failed(sup.(host), child, asError(reason))
}

// failed restarts a child, ends it, or gives up.
func (o *onDemand) failed(h host, child *actor.PID, reason error) {
	name := nameBelow(h.Self(), child)
	a := o.failing[name]
	if a == nil {
		a = new(ailing)
		o.failing[name] = a
	}
	now := time.Now()
	f := Failure{
		ID: child.GetId(), Class: o.class, Reason: reason, Stack: stackOf(reason),
		Failures: a.streak.fail(now, o.template.Within),
	}
	if f.Failures == 1 && !o.restarts.allow(o.spec.Intensity, now) {
		o.giveUp(h, reason)
		return
	}
	if f.Failures >= o.template.quarantine() {
		a.ended = &f
		h.StopChildren(child)
		return
	}
	f.Delay = o.spec.Backoff.Delay(f.Failures, o.env.chance())
	a.streak.last = now.Add(f.Delay)
	o.env.restarted(f)
	if f.Delay == 0 {
		h.RestartChildren(child)
		return
	}
	a.waiting = o.env.after(f.Delay, h.Self(), name)
}

func (o *onDemand) due(h host, m restartDue) {
	a := o.failing[m.name]
	if o.over || a == nil || a.waiting != m.due {
		return
	}
	a.waiting = nil
	h.RestartChildren(below(h.Self(), m.name))
}

// terminated forgets a child, reports it if it was quarantined, and keeps hold
// of its successor if there is one.
func (o *onDemand) terminated(ctx actor.Context, who *actor.PID) {
	name := nameBelow(ctx.Self(), who)
	if a := o.failing[name]; a != nil {
		a.waiting.cancel()
		delete(o.failing, name)
		if a.ended != nil {
			o.quarantined(name, *a.ended)
		}
	}
	if r, ok := o.reborn[name]; ok {
		if r.reports--; r.reports == 0 {
			delete(o.reborn, name)
		} else {
			o.reborn[name] = r
		}
		_, _ = ctx.SpawnNamed(adopt(r.pid), name) // only puts it among the children
	}
	if o.draining && len(ctx.Children()) == 0 {
		ctx.Stop(ctx.Self())
	}
}

func (o *onDemand) quarantined(name string, f Failure) {
	o.env.quarantined(f)
	if o.template.OnQuarantine == nil {
		return
	}
	o.env.shield("hook panicked", func() { o.template.OnQuarantine(name, f.Reason, f.Stack) })
}

func (o *onDemand) giveUp(h host, last error) {
	o.cancelAll()
	h.StopChildren(h.Children()...)
	o.env.giveUp(h, strings.TrimSuffix(o.class, "/"+anyName), o.spec.Intensity, last, o.tree)
}

// drain stops all children, each in its own order, and then the supervisor.
func (o *onDemand) drain(ctx actor.Context) {
	o.cancelAll()
	o.draining = true
	if o.template.Supervisor == nil || len(ctx.Children()) == 0 {
		ctx.Stop(ctx.Self())
		return
	}
	for _, child := range ctx.Children() {
		if a := o.failing[nameBelow(ctx.Self(), child)]; a != nil && a.waiting != nil {
			ctx.Stop(child)
		} else {
			ctx.Send(child, drain{})
		}
	}
}

func (o *onDemand) cancelAll() {
	o.over = true
	for _, a := range o.failing {
		a.waiting.cancel()
	}
}
