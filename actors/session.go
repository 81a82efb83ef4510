package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/lease"
	"yardmaster/domain/partition"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// Session stands for one worker: it grants and watches its lease, and tells the
// coordinator what to think of it.
//
// Mailbox protocol
//
//	message       from      decides               answer
//	Hello         registry  worker.Register       Welcome or HelloRefused, and DropAttempts
//	Heartbeat     agent     worker.Heartbeat      HeartbeatAck, and DropAttempts
//	Goodbye       agent     worker.Leave          -
//	expectWorker  registry  -                     -
//	disconnected  registry  -                     -
//	announceAll   registry  -                     workerUp to the coordinator
//	holdWorker    registry  worker.Drain          askHeld to the coordinator
//	releaseWorker registry  worker.Resume         -
//	workerRemoved registry  worker.Leave, later   -
//	leaseOver     itself    worker.MissHeartbeat  -
//
// It tells the coordinator workerUp, workerState, workerHolds and workerGone.
type Session struct {
	env       *sessionEnv
	id        worker.ID
	state     worker.Worker
	node      string // address of the worker's node, "" before it was heard of
	version   string
	connected time.Time
	heard     time.Time
	held      []string
	timer     *time.Timer
	turn      int  // of the lease, so that an old timer does not end a new lease
	suspected bool // its connection ended, and it has not been heard of since
	expected  bool // jobs say that it holds attempts
	removed   bool // its machine is gone, or bound to go

	holder, holdReason string // who wants it to take nothing new, and why; "" means nobody
}

// sessionEnv is what sessions share.
type sessionEnv struct {
	log         *slog.Logger
	lease       lease.Lease
	roster      *Roster
	boards      []*Board
	coordinator *actor.PID
	// store keeps an event in the life of a worker.
	store func(event []byte) error
}

// leaseOver is what a session sends itself when nothing was heard for too long.
type leaseOver struct{ turn int }

func newSession(env *sessionEnv, id worker.ID) *Session { return &Session{env: env, id: id} }

// Receive implements actor.Actor.
func (s *Session) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Hello:
		s.hello(ctx, m)
	case *messages.Heartbeat:
		s.heartbeat(ctx, m)
	case *messages.Goodbye:
		s.goodbye(ctx, m)
	case expectWorker:
		s.expect(ctx)
	case disconnected:
		s.suspect(ctx)
	case announceAll:
		s.announce(ctx)
	case holdWorker:
		s.hold(ctx, m)
	case releaseWorker:
		s.release(ctx, m)
	case workerRemoved:
		s.gone(ctx)
	case leaseOver:
		s.leaseOver(ctx, m)
	case *actor.Stopping, *actor.Restarting:
		s.disarm()
	case *actor.Started:
		s.begin(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		s.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// begin goes on watching a worker whose session crashed: it may be dead, and say
// nothing more.
func (s *Session) begin(ctx actor.Context) {
	if s.env.roster.has(s.id) {
		s.expect(ctx)
	}
}

// hello registers the worker, again or anew.
func (s *Session) hello(ctx actor.Context, m *messages.Hello) {
	was, node := s.state, s.node
	if err := s.handle(registration(m), "connected"); err != nil {
		s.env.log.Warn("worker refused", slog.String("worker_id", string(s.id)), slog.String("error", err.Error()))
		ctx.Respond(&messages.HelloRefused{Reason: err.Error()})
		return
	}
	s.node, s.version = ctx.Sender().GetAddress(), m.GetVersion()
	if was.Incarnation != s.state.Incarnation {
		s.connected = time.Now()
	}
	if node != "" && node != s.node {
		ctx.Send(s.env.coordinator, workerGone{s.id, "worker " + string(s.id) + " was started anew without it"})
	}
	s.suspected, s.removed = false, false
	s.renew(ctx)
	ctx.Request(ctx.Sender(), &messages.Welcome{ // not Respond: the agent sends its heartbeats to who welcomed it
		Incarnation: m.GetIncarnation(), LeaseNanos: int64(s.env.lease.Length), MarginNanos: int64(s.env.lease.Margin),
		RenewalNanos: int64(s.env.lease.Length / 4),
	})
	s.drop(ctx, m.GetHeld())
	_ = s.drainHeld(ctx) // it has just registered: nothing forbids it
	s.announce(ctx)
}

// handle is the one way a worker changes: decide, store, evolve.
func (s *Session) handle(c worker.Command, reason string) error {
	return s.handleFor(string(s.id), c, reason)
}

// handleFor is handle for what somebody else than the worker causes.
func (s *Session) handleFor(principal string, c worker.Command, reason string) error {
	events, err := worker.Decide(s.state, c)
	if err != nil || len(events) == 0 {
		return err
	}
	next := s.state
	for _, e := range events {
		next = worker.Evolve(next, e)
	}
	if next.State() != s.state.State() || next.Incarnation != s.state.Incarnation {
		changed := &messages.WorkerChanged{
			WorkerId: string(s.id), Incarnation: string(next.Incarnation), State: messages.WorkerState(next.State()),
			Reason: reason, Labels: next.Labels, Slots: uint32(next.Slots),
		}
		stamp := messages.Stamp{At: time.Now(), Principal: principal}
		if err := s.env.store(messages.EncodeWorkerChange(changed, stamp)); err != nil {
			panic(err)
		}
		s.env.log.Info("worker changed", slog.String("worker_id", string(s.id)),
			slog.String("state", next.State().String()), slog.String("reason", reason))
	}
	s.state = next
	return nil
}

// announce tells the coordinator that the worker is there.
func (s *Session) announce(ctx actor.Context) {
	if s.node == "" {
		return
	}
	ctx.Send(s.env.coordinator, workerUp{
		worker: placement.Worker{ID: s.id, Labels: s.state.Labels, Slots: s.state.Slots, State: s.state.State()},
		node:   s.node,
	})
}

func (s *Session) heartbeat(ctx actor.Context, m *messages.Heartbeat) {
	before := s.state.State()
	beat := worker.Heartbeat{
		Incarnation: worker.Incarnation(m.GetIncarnation()), Held: min(len(m.GetHeld()), s.state.Slots),
	}
	err := s.handle(beat, "heard of again")
	if errors.Is(err, worker.ErrNotRegistered) || errors.Is(err, worker.ErrSuperseded) || s.node == "" {
		ctx.Respond(&messages.HeartbeatAck{Seq: m.GetSeq(), Unknown: true})
		return
	}
	if err == nil && m.GetDraining() {
		err = s.handle(worker.Drain{}, "it drains")
	}
	if err != nil {
		s.env.log.Warn("heartbeat refused", slog.String("worker_id", string(s.id)), slog.String("error", err.Error()))
		return
	}
	ctx.Respond(&messages.HeartbeatAck{Seq: m.GetSeq()})
	s.drop(ctx, m.GetHeld())
	s.renew(ctx)
	if s.state.State() != before || s.suspected {
		s.suspected = false
		ctx.Send(s.env.coordinator, workerState{s.id, s.state.State()})
	}
	held := make(map[job.ID]struct{}, len(m.GetHeld()))
	for _, h := range m.GetHeld() {
		held[job.ID{Run: job.RunID(h.GetRunId()), Index: h.GetJobIndex()}] = struct{}{}
	}
	ctx.Send(s.env.coordinator, workerHolds{s.id, held})
}

// drop tells the worker which of its attempts no longer count, by what is
// stored: those whose job is over, or has a newer token.
func (s *Session) drop(ctx actor.Context, held []*messages.HeldAttempt) {
	var names []string
	s.held = s.held[:0:0]
	for _, h := range held {
		id := job.ID{Run: job.RunID(h.GetRunId()), Index: h.GetJobIndex()}
		board := s.env.boards[partition.Of(string(id.Run), len(s.env.boards))]
		if board.current(id, job.Token(h.GetToken())) {
			s.held = append(s.held, id.String())
			continue
		}
		names = append(names, attempt.Name(id, job.Token(h.GetToken())))
	}
	if len(names) > 0 {
		ctx.Send(ctx.Sender(), &messages.DropAttempts{Names: names})
	}
}

func (s *Session) goodbye(ctx actor.Context, m *messages.Goodbye) {
	if err := s.handle(worker.Leave{Incarnation: worker.Incarnation(m.GetIncarnation())}, m.GetReason()); err != nil {
		return
	}
	s.leave(ctx, "worker "+string(s.id)+" left: "+m.GetReason())
}

// suspect gives a worker whose connection ended nothing new until it is heard of
// again. What it has goes on: its lease says for how long.
func (s *Session) suspect(ctx actor.Context) {
	if s.node != "" && !s.suspected {
		s.suspected = true
		ctx.Send(s.env.coordinator, workerState{s.id, worker.Unhealthy})
	}
}

// leave ends the session and what the worker held.
func (s *Session) leave(ctx actor.Context, reason string) {
	s.env.roster.remove(s.id)
	ctx.Send(s.env.coordinator, workerGone{s.id, reason})
	s.disarm()
	ctx.Stop(ctx.Self())
}

// expect starts the lease of a worker that has attempts and was not heard of
// since the node started: it has a whole lease to come back.
func (s *Session) expect(ctx actor.Context) {
	if s.unseen() {
		s.disarm() // what a hold has renewed is not its lease
	}
	s.expected = true
	if s.node == "" && s.timer == nil {
		s.connected = time.Now()
		s.renew(ctx)
	}
}

// renew restarts the time within which the worker must be heard of.
func (s *Session) renew(ctx actor.Context) {
	s.disarm()
	s.turn++
	s.heard = time.Now()
	root, self, m := ctx.ActorSystem().Root, ctx.Self(), leaseOver{s.turn}
	s.timer = time.AfterFunc(time.Duration(s.env.lease.GivenAwayAt(0)), func() { root.Send(self, m) })
	s.show()
}

func (s *Session) show() {
	if s.unseen() {
		return // there is no such worker, as far as anybody knows
	}
	state := s.state.State()
	if s.node == "" {
		state = worker.Unhealthy
	}
	s.env.roster.put(Member{
		ID: s.id, State: state, Labels: s.state.Labels, Slots: s.state.Slots, Version: s.version,
		ConnectedAt: s.connected, HeardAt: s.heard, Held: s.held,
		HeldBackBy: s.holder,
	})
}

// leaseOver takes the worker's attempts away. The worker stays on the roster as
// UNHEALTHY for another lease, in case it comes back, and is forgotten then.
func (s *Session) leaseOver(ctx actor.Context, m leaseOver) {
	if m.turn != s.turn || s.endRemoved(ctx) {
		return
	}
	silent := time.Since(s.heard).Round(time.Second)
	reason := fmt.Sprintf("worker %s was not heard of for %s", s.id, silent)
	if s.node == "" { // it never came back
		s.leave(ctx, reason)
		return
	}
	if s.state.State() == worker.Unhealthy {
		_ = s.handle(worker.Forget{}, reason)
		s.leave(ctx, reason)
		return
	}
	if err := s.handle(worker.MissHeartbeat{Incarnation: s.state.Incarnation}, reason); err != nil {
		return
	}
	ctx.Send(s.env.coordinator, workerState{s.id, s.state.State()})
	ctx.Send(s.env.coordinator, workerSilent{s.id, reason})
	heard := s.heard
	s.renew(ctx)
	s.heard = heard
	s.show()
}

func (s *Session) disarm() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}
