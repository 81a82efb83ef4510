package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
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

// Session stands for one worker: it grants and watches its lease, keeps its
// history, and tells the coordinator what to think of it.
//
// Mailbox protocol
//
//	message       from      decides               answer
//	Hello         registry  worker.Register       Welcome or HelloRefused, and DropAttempts
//	Heartbeat     agent     worker.Heartbeat      HeartbeatAck, and DropAttempts
//	                        worker.Resize
//	Goodbye       agent     worker.Leave          -
//	changeWorker  registry  worker.Adjust         workerChangeDone
//	workerRemoved registry  worker.Leave, later   -
//	expectWorker  registry  -                     -
//	disconnected  registry  -                     -
//	announceAll   registry  -                     workerUp to the coordinator
//	leaseOver     itself    worker.MissHeartbeat  -
//	callAgain     itself    -                     SayHello to the agent
//
// It tells the coordinator workerUp, workerState, workerHolds, workerSilent and
// workerGone. A change is stored before anyone hears of it. One that cannot be
// stored has not happened: who said it says it again, and the session looks again
// at what is silent.
type Session struct {
	env       *sessionEnv
	id        worker.ID
	restored  bool // state goes on from what is stored
	state     worker.Worker
	reason    string // why it stands where it stands
	heldBy    string // who holds it back; "" means nobody, or that it is not known
	node      string // address of the worker's node, "" before it was heard of
	version   string
	found     []string // labels that it found out by itself
	connected time.Time
	heard     time.Time
	running   map[job.ID]struct{} // attempts that it said it runs, in its last word
	slotsMin  int                 // between which the worker sizes its slots
	slotsMax  int
	load      *messages.MachineLoad // of its machine, as it said last; nil: it did not
	timer     *time.Timer
	turn      int  // of the lease, so that an old timer does not end a new lease
	suspected bool // its connection ended, and it has not been heard of since
	calls     int  // made to the agent since it fell silent
	caller    *time.Timer
	removed   bool // its machine is gone, or bound to go
}

// sessionEnv is what sessions share.
type sessionEnv struct {
	log         *slog.Logger
	lease       lease.Lease
	roster      *Roster
	boards      []*Board
	coordinator *actor.PID
	metrics     *Metrics
	// share is where the journal of the fleet's partition is found: it changes with
	// each replay.
	share *atomic.Pointer[jobEnv]
}

// fleet is the board that shows what is stored of workers.
func (e *sessionEnv) fleet() *Board { return e.boards[fleetPartition] }

// leaseOver is what a session sends itself when nothing was heard for too long.
type leaseOver struct{ turn int }

// storeAgain is when a session looks again at what it could not store.
const storeAgain = time.Second

func newSession(env *sessionEnv, id worker.ID) *Session { return &Session{env: env, id: id} }

// Receive implements actor.Actor.
func (s *Session) Receive(ctx actor.Context) {
	s.restore()
	switch m := ctx.Message().(type) {
	case *messages.Hello:
		s.hello(ctx, m)
	case *messages.Heartbeat:
		s.heartbeat(ctx, m)
	case *messages.Goodbye:
		s.goodbye(ctx, m)
	case changeWorker:
		s.adjust(ctx, m)
	case expectWorker:
		s.expect(ctx)
	case disconnected:
		s.suspect(ctx)
	case announceAll:
		s.announce(ctx)
	case workerRemoved:
		s.machineGone(ctx)
	case leaseOver:
		s.leaseOver(ctx, m)
	case callAgain:
		s.call(ctx, m)
	case *actor.Stopping, *actor.Restarting:
		s.disarm()
	case *actor.Started:
		s.begin(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		s.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// begin expects a worker that was there when the node or the session ended: it may
// be dead, and say nothing more.
func (s *Session) begin(ctx actor.Context) {
	if s.env.roster.has(s.id) || s.state.Incarnation != "" {
		s.expect(ctx)
	}
}

// restore takes up what is stored of the worker, once that has been replayed. A
// session may begin before: of a worker whose attempts stand in another partition.
func (s *Session) restore() {
	if s.restored || !s.env.fleet().replayed() {
		return
	}
	s.restored, s.state.ID = true, s.id
	r, known := s.env.fleet().worker(s.id)
	if !known {
		return
	}
	s.state, s.reason, s.heldBy = r.Worker(), r.Last().Reason, r.HeldBackBy()
	for _, c := range r.History {
		if c.Incarnation == s.state.Incarnation {
			s.connected = c.At
			break
		}
	}
}

// hello registers the worker, again or anew.
func (s *Session) hello(ctx actor.Context, m *messages.Hello) {
	was, node := s.state, s.node
	err := s.handle(ctx, registration(m), string(s.id), "")
	if errors.Is(err, errStopping) {
		return
	}
	if err != nil {
		s.env.log.Warn("worker refused", slog.String("worker_id", string(s.id)), slog.String("error", err.Error()))
		ctx.Respond(&messages.HelloRefused{Reason: err.Error()})
		return
	}
	s.node, s.version, s.found = ctx.Sender().GetAddress(), m.GetVersion(), worker.CanonicalLabels(m.GetFound())
	s.slotsMin, s.slotsMax = int(m.GetSlotsMin()), int(m.GetSlotsMax())
	if was.Incarnation != s.state.Incarnation || s.connected.IsZero() {
		s.connected = time.Now()
	}
	if node != "" && node != s.node {
		ctx.Send(s.env.coordinator, workerGone{s.id, "worker " + string(s.id) + " was started anew without it"})
	}
	s.suspected, s.removed = false, false
	_, s.running = attemptsOf(m.GetHeld())
	s.renew(ctx)
	ctx.Request(ctx.Sender(), &messages.Welcome{ // not Respond: the agent sends its heartbeats to who welcomed it
		Incarnation: m.GetIncarnation(), LeaseNanos: int64(s.env.lease.Length), MarginNanos: int64(s.env.lease.Margin),
		RenewalNanos: int64(s.env.lease.Length / 4),
	})
	s.drop(ctx, m.GetHeld())
	s.announce(ctx)
}

// announce tells the coordinator that the worker is there, and what it can.
func (s *Session) announce(ctx actor.Context) {
	if s.node == "" {
		return
	}
	ctx.Send(s.env.coordinator, workerUp{
		worker: placement.Worker{
			ID: s.id, Labels: s.state.Labels, Pool: s.state.Pool, Slots: s.state.Slots, Total: s.state.Resources,
			State: s.standing(),
		},
		node: s.node, running: s.running,
	})
}

// standing is the state that the coordinator goes by: there, who is busy gets more
// as well.
func (s *Session) standing() worker.State {
	switch state := s.state.State(); {
	case s.suspected:
		return worker.Unhealthy
	case state.Takes():
		return worker.Available
	default:
		return state
	}
}

// tell tells the coordinator where the worker stands, unless it stood there before.
func (s *Session) tell(ctx actor.Context, before worker.State) {
	if now := s.standing(); now != before && s.node != "" {
		ctx.Send(s.env.coordinator, workerState{s.id, now})
	}
}

func (s *Session) heartbeat(ctx actor.Context, m *messages.Heartbeat) {
	before := s.standing()
	beat := worker.Heartbeat{
		Incarnation: worker.Incarnation(m.GetIncarnation()), Held: min(len(m.GetHeld()), s.state.Slots),
	}
	err := s.handle(ctx, beat, string(s.id), "")
	if errors.Is(err, worker.ErrNotRegistered) || errors.Is(err, worker.ErrSuperseded) || s.node == "" {
		ctx.Respond(&messages.HeartbeatAck{Seq: m.GetSeq(), Unknown: true})
		return
	}
	if err == nil && m.GetDraining() {
		err = s.handle(ctx, worker.Drain{}, string(s.id), "it is being stopped")
	}
	if err != nil {
		s.env.log.Warn("heartbeat refused", slog.String("worker_id", string(s.id)), slog.String("error", err.Error()))
		return
	}
	ctx.Respond(&messages.HeartbeatAck{Seq: m.GetSeq()})
	s.resize(ctx, m)
	s.drop(ctx, m.GetHeld())
	s.suspected = false
	s.renew(ctx)
	s.tell(ctx, before)
	held, running := attemptsOf(m.GetHeld())
	s.running = running
	ctx.Send(s.env.coordinator, workerHolds{s.id, held, running})
}

// attemptsOf returns what a worker has, and what of that has not ended.
func attemptsOf(attempts []*messages.HeldAttempt) (held, running map[job.ID]struct{}) {
	held, running = make(map[job.ID]struct{}, len(attempts)), make(map[job.ID]struct{}, len(attempts))
	for _, h := range attempts {
		id := job.ID{Run: job.RunID(h.GetRunId()), Index: h.GetJobIndex()}
		held[id] = struct{}{}
		if !h.GetEnded() {
			running[id] = struct{}{}
		}
	}
	return held, running
}

// resize takes up how many attempts the worker takes at once now. That is no event
// of its history: it may change twice a second.
func (s *Session) resize(ctx actor.Context, m *messages.Heartbeat) {
	s.load = m.GetLoad()
	slots := int(m.GetSlots())
	if slots == 0 || slots == s.state.Slots {
		return
	}
	resize := worker.Resize{Incarnation: s.state.Incarnation, Slots: slots}
	if err := s.handle(ctx, resize, string(s.id), ""); err != nil {
		s.env.log.Warn("size refused", slog.String("worker_id", string(s.id)), slog.String("error", err.Error()))
		return
	}
	s.announce(ctx)
}

// drop tells the worker which of its attempts no longer count, by what is
// stored: those whose job is over, or has a newer token.
func (s *Session) drop(ctx actor.Context, held []*messages.HeldAttempt) {
	var names []string
	for _, h := range held {
		id := job.ID{Run: job.RunID(h.GetRunId()), Index: h.GetJobIndex()}
		board := s.env.boards[partition.Of(string(id.Run), len(s.env.boards))]
		if !board.current(id, job.Token(h.GetToken())) {
			names = append(names, attempt.Name(id, job.Token(h.GetToken())))
		}
	}
	if len(names) > 0 {
		ctx.Send(ctx.Sender(), &messages.DropAttempts{Names: names})
	}
}

func (s *Session) goodbye(ctx actor.Context, m *messages.Goodbye) {
	leave := worker.Leave{Incarnation: worker.Incarnation(m.GetIncarnation())}
	if err := s.handle(ctx, leave, string(s.id), m.GetReason()); err != nil {
		return
	}
	if s.removed {
		_ = s.endHold(ctx)
	}
	s.leave(ctx, "worker "+string(s.id)+" left: "+m.GetReason())
}

// suspect gives a worker whose connection ended nothing new until it is heard of
// again. What it has goes on: its lease says for how long.
func (s *Session) suspect(ctx actor.Context) {
	before := s.standing()
	s.suspected = s.node != ""
	s.tell(ctx, before)
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
	switch {
	case s.node != "":
	case s.timer != nil: // what is stored of it may be known only now
		s.show()
	default:
		if s.connected.IsZero() {
			s.connected = time.Now()
		}
		s.renew(ctx)
	}
}

// renew restarts the time within which the worker must be heard of.
func (s *Session) renew(ctx actor.Context) {
	s.heard = time.Now()
	s.arm(ctx, time.Duration(s.env.lease.GivenAwayAt(0)))
	s.show()
}

func (s *Session) arm(ctx actor.Context, after time.Duration) {
	s.disarm()
	s.turn++
	root, self, m := ctx.ActorSystem().Root, ctx.Self(), leaseOver{s.turn}
	s.timer = time.AfterFunc(after, func() { root.Send(self, m) })
}

func (s *Session) show() {
	state := s.state.State()
	if s.node == "" {
		state = worker.Unhealthy
	}
	s.env.roster.put(Member{
		ID: s.id, State: state, Labels: s.state.Labels, Found: s.found, Slots: s.state.Slots,
		SlotsMin: s.slotsMin, SlotsMax: s.slotsMax, Load: s.load,
		Resources: s.state.Resources, Pool: s.state.Pool, Settings: s.state.Settings, HeldBackBy: s.heldBy,
		Reason: s.reason, Version: s.version, ConnectedAt: s.connected, HeardAt: s.heard,
	})
}

func (s *Session) disarm() {
	for _, t := range []**time.Timer{&s.timer, &s.caller} {
		if *t != nil {
			(*t).Stop()
			*t = nil
		}
	}
}
