package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/attempt"
	"yardmaster/domain/resource"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// silenceLimit is how many renewal periods may pass without an answer before the
// coordinator node is looked for again.
const silenceLimit = 2

// Agent speaks for a worker: it announces it, keeps its lease, and runs the
// attempts that jobs spawn on it.
//
// Mailbox protocol
//
//	message        from       does                                answer
//	SpawnAttempt   job        starts the attempt, or pokes it      SpawnRefused, or the attempt's
//	Welcome        session    begins the lease                     Heartbeat, from now on
//	HelloRefused   session    ends the worker                      -
//	HeartbeatAck   session    renews the lease                     -
//	DropAttempts   session    stops attempts                       -
//	SayHello       session    says Hello again                     -
//	found          itself     says Hello                           -
//	seekAgain      itself     looks for a coordinator node         -
//	beat           itself     Heartbeat                            -
//	leaseLost      itself     stops every attempt                  -
//	attemptState   attempt    keeps account                        -
//	measured       itself     sizes the slots                      Heartbeat, if the size changed
//	drainAgent     node       takes no more attempts               drained, when none is left
//	reconnected    node       looks for a coordinator node         -
type Agent struct {
	env      *agentEnv
	attempts *actor.PID // supervisor of the attempts
	held     map[string]*heldAttempt
	running  int

	session  *actor.PID
	renewal  time.Duration
	trusted  time.Duration // how long a heartbeat's acknowledgement is good for
	seq      uint64
	sent     map[uint64]time.Time
	answered time.Time
	tries    int
	epoch    int // of the search, so that old timers and answers do nothing
	beatT    *time.Timer
	leaseT   *time.Timer
	leased   bool      // leaseT runs
	greeted  time.Time // when the last Hello was sent
	seekT    *time.Timer
	lookT    *time.Timer
	seeking  bool
	waiters  []*actor.PID // for the end of a drain
	draining bool
}

// agentEnv is what an agent is given.
type agentEnv struct {
	log         *slog.Logger
	id          string
	incarnation string
	version     string
	labels      []string
	found       []string // labels that the worker found out by itself
	size        *sizer
	resources   resource.Amount
	pool        string // "" means the default
	executor    Executor
	// run runs a function on a goroutine of its own.
	run func(func())
	// taken are the attempts that the worker took, in all lives of the agent.
	taken nameRing
	// discover returns the address of the coordinator node that workers join.
	discover func(context.Context) (string, error)
	// refused is told, once, when the worker was refused for good.
	refused func(error)
	// joined is told each time a coordinator node has welcomed the worker.
	joined func()
}

type heldAttempt struct {
	held  *messages.HeldAttempt
	ended bool
}

type (
	beat         struct{ epoch int }
	leaseLost    struct{}
	attemptState struct {
		name        string
		ended, gone bool
	}
	drainAgent  struct{}
	drained     struct{}
	reconnected struct{}
)

func newAgent(env *agentEnv, attempts *actor.PID) *Agent {
	return &Agent{env: env, attempts: attempts, held: map[string]*heldAttempt{}, sent: map[uint64]time.Time{}}
}

// Receive implements actor.Actor.
func (a *Agent) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.seek(ctx)
		a.look(ctx)
	case *actor.Stopping, *actor.Restarting:
		a.disarm()
	case *messages.SpawnAttempt:
		a.spawn(ctx, m)
	case *messages.Welcome:
		a.welcome(ctx, m)
	case *messages.HelloRefused:
		a.env.refused(fmt.Errorf("the coordinator refuses worker %s: %s", a.env.id, m.GetReason()))
	case *messages.HeartbeatAck:
		a.acknowledged(ctx, m)
	case *messages.DropAttempts:
		a.drop(ctx, m)
	case *messages.SayHello: // the way is open: not at the next try, but now
		a.seek(ctx)
	case found:
		a.found(ctx, m)
	case seekAgain:
		a.seekAgain(ctx, m)
	case beat:
		a.beat(ctx, m)
	case leaseLost:
		a.leaseLost(ctx, m)
	case attemptState:
		a.account(ctx, m)
	case measured:
		a.resize(ctx, m)
	case drainAgent:
		a.drain(ctx)
	case reconnected:
		a.seek(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.DeadLetterResponse:
	default:
		a.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// spawn starts an attempt. One that is here already is told its owner again; one
// that was here and is over is not run twice.
func (a *Agent) spawn(ctx actor.Context, m *messages.SpawnAttempt) {
	task, err := messages.TaskFromProto(m)
	if err != nil || m.GetOwner() == "" {
		return
	}
	name, owner := task.Name(), actor.NewPID(m.GetOwnerAddress(), m.GetOwner())
	_, here := a.held[name]
	switch {
	case here: // not by Spawn: that would run it again if it is about to end
		at := actor.NewPID(a.attempts.GetAddress(), attemptID(name))
		ctx.Send(at, &startAttempt{task: task, owner: owner})
		return
	case !a.leased: // its owner asks again once heartbeats are answered
		return
	case a.env.taken.has(name):
		ctx.Request(owner, &messages.SpawnRefused{Token: m.GetToken(), Reason: "worker " + a.env.id + " no longer has it"})
		return
	case a.draining || a.running >= a.env.size.bounds.Most: // an assignment may have crossed a smaller size
		why := "worker " + a.env.id + " has no free slot"
		if a.draining {
			why = "worker " + a.env.id + " is draining"
		}
		ctx.Request(owner, &messages.SpawnRefused{Token: m.GetToken(), Reason: why, Untouched: true})
		return
	default:
		a.running++
		a.env.size.runs(a.running)
		a.env.taken.add(name)
		a.held[name] = &heldAttempt{held: &messages.HeldAttempt{
			RunId: m.GetRunId(), JobIndex: m.GetJobIndex(), Token: m.GetToken(),
		}}
	}
	ctx.Send(a.attempts, &supervisor.Spawn{Name: name, First: &startAttempt{task: task, owner: owner}})
}

// account follows an attempt: a slot is free when it has ended, and it is
// forgotten when its result is stored.
func (a *Agent) account(ctx actor.Context, m attemptState) {
	h, ok := a.held[m.name]
	if !ok {
		return
	}
	if (m.ended || m.gone) && !h.ended {
		h.ended, h.held.Ended = true, true
		a.running--
		a.env.size.runs(a.running)
	}
	if m.gone {
		delete(a.held, m.name)
	}
	a.tellDrained(ctx)
}

func (a *Agent) drop(ctx actor.Context, m *messages.DropAttempts) {
	for _, name := range m.GetNames() {
		if _, ok := a.held[name]; ok {
			ctx.Send(a.attempts, &supervisor.Spawn{Name: name, First: stopAttempt{attempt.ErrStale}})
		}
	}
}

// welcome begins a lease, which counts from the Hello until a heartbeat is
// answered. The first of these goes out at once.
func (a *Agent) welcome(ctx actor.Context, m *messages.Welcome) {
	if m.GetIncarnation() != a.env.incarnation || ctx.Sender() == nil {
		return
	}
	a.session, a.tries, a.seeking = ctx.Sender(), 0, false
	a.renewal = time.Duration(m.GetRenewalNanos())
	a.trusted = time.Duration(m.GetLeaseNanos() - m.GetMarginNanos())
	a.answered = time.Now()
	clear(a.sent)
	if !a.leased && time.Since(a.greeted) < a.trusted {
		a.lease(ctx, a.greeted)
	}
	a.greeted = time.Time{}
	a.env.log.Info("joined", slog.String("node_id", a.session.GetAddress()))
	a.beat(ctx, beat{a.epoch})
	a.env.joined()
}

func (a *Agent) beat(ctx actor.Context, m beat) {
	if m.epoch != a.epoch || a.session == nil {
		return
	}
	if time.Since(a.answered) > silenceLimit*a.renewal {
		a.seek(ctx)
		return
	}
	a.seq++
	a.sent[a.seq] = time.Now()
	ctx.Request(a.session, &messages.Heartbeat{
		Incarnation: a.env.incarnation, Seq: a.seq, Held: a.list(), Draining: a.draining,
		Slots: uint32(a.env.size.state.Slots), Load: a.env.size.load,
	})
	a.after(ctx, &a.beatT, a.renewal, m)
}

func (a *Agent) acknowledged(ctx actor.Context, m *messages.HeartbeatAck) {
	if m.GetUnknown() {
		a.seek(ctx)
		return
	}
	sent, ok := a.sent[m.GetSeq()]
	if !ok {
		return
	}
	for seq := range a.sent {
		if seq <= m.GetSeq() {
			delete(a.sent, seq)
		}
	}
	a.answered = time.Now()
	a.lease(ctx, sent)
}

// lease lets the attempts go on for as long as what was sent at since is good for.
func (a *Agent) lease(ctx actor.Context, since time.Time) {
	a.leased = true
	a.after(ctx, &a.leaseT, time.Until(since.Add(a.trusted)), leaseLost{})
}

// leaseLost stops everything: the owner may give the attempts to somebody else.
func (a *Agent) leaseLost(ctx actor.Context, _ leaseLost) {
	a.leased = false
	a.env.log.Error("the lease was lost: every attempt is stopped", slog.Int("attempts", len(a.held)))
	for name := range a.held {
		ctx.Send(a.attempts, &supervisor.Spawn{Name: name, First: stopAttempt{attempt.ErrLeaseLost}})
	}
}

func (a *Agent) drain(ctx actor.Context) {
	a.draining = true
	if ctx.Sender() != nil {
		a.waiters = append(a.waiters, ctx.Sender())
	}
	if a.session != nil {
		a.beat(ctx, beat{a.epoch})
	}
	a.tellDrained(ctx)
}

func (a *Agent) tellDrained(ctx actor.Context) {
	if !a.draining || len(a.held) > 0 || len(a.waiters) == 0 {
		return
	}
	if a.session != nil {
		ctx.Send(a.session, &messages.Goodbye{Incarnation: a.env.incarnation, Reason: "it was drained"})
	}
	for _, w := range a.waiters {
		ctx.Send(w, drained{})
	}
	a.waiters = nil
}

// after sends m to the agent itself after d, instead of what t would have sent.
func (a *Agent) after(ctx actor.Context, t **time.Timer, d time.Duration, m any) {
	if *t != nil {
		(*t).Stop()
	}
	root, self := ctx.ActorSystem().Root, ctx.Self()
	*t = time.AfterFunc(d, func() { root.Send(self, m) })
}

func (a *Agent) disarm() {
	for _, t := range []*time.Timer{a.beatT, a.leaseT, a.seekT, a.lookT} {
		if t != nil {
			t.Stop()
		}
	}
}
