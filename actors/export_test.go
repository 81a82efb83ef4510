package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// Draw returns the tree of a coordinator node as text.
func (n *Node) Draw() string { return supervisor.Draw(n.tree()) }

// Draw returns the tree of a worker as text.
func (n *WorkerNode) Draw() string { return supervisor.Draw(n.tree()) }

// Waiting returns how many jobs of a project wait, and how many of all projects
// were promised room.
func (m *Metrics) Waiting(project string) (jobs, promised int64) {
	m.waiting.mu.Lock()
	defer m.waiting.mu.Unlock()
	return m.waiting.by[project].jobs, m.waiting.promised
}

// Projects returns how many projects are remembered because of jobs that wait.
func (m *Metrics) Projects() int {
	m.waiting.mu.Lock()
	defer m.waiting.mu.Unlock()
	return len(m.waiting.by)
}

// LivePlans returns how many plans are held, and what they take.
func (m *Metrics) LivePlans() (plans int, bytes int64) {
	m.waiting.mu.Lock()
	defer m.waiting.mu.Unlock()
	return len(m.waiting.plans.by), m.waiting.plans.bytes
}

// PlansHeld is a livePlans for tests.
type PlansHeld struct{ livePlans }

// Admits is livePlans.admits.
func (p *PlansHeld) Admits(w *plan.Workflow, bytes, most int64) error {
	return p.admits(w, bytes, most)
}

// Hold is livePlans.hold.
func (p *PlansHeld) Hold(w *plan.Workflow, bytes int64) { p.hold(w, bytes) }

// Drop is livePlans.drop.
func (p *PlansHeld) Drop(w *plan.Workflow) { p.drop(w) }

// Bytes returns what the plans take that are held.
func (p *PlansHeld) Bytes() int64 { return p.bytes }

// LogRoom is a logRoom for tests.
type LogRoom struct{ logRoom }

// NewLogRoom returns memory for so many bytes of logs.
func NewLogRoom(size int64) *LogRoom { return &LogRoom{logRoom{size: size}} }

// Take is logRoom.take.
func (r *LogRoom) Take(held, n int64) bool { return r.take(held, n) }

// GiveBack is logRoom.giveBack.
func (r *LogRoom) GiveBack(left, n int64) { r.giveBack(left, n) }

// Used returns the bytes in use, and by how many attempts.
func (r *LogRoom) Used() (used, holders int64) { return r.used, r.holders }

// FeedLimit is how many changes wait for a slow watcher.
const FeedLimit = feedLimit

// BenchBoard returns a function that shows a job of a run as it runs and waits in
// turn, for benchmarks.
func BenchBoard(s run.Submission) (put func(), err error) {
	b := NewBoard(NewFeed())
	b.reset(ledger.New(10, messages.PackRun), NewMetrics())
	e, _, err := b.submit(s)
	if err != nil {
		return nil, err
	}
	j := e.Jobs[0]
	return func() { b.putJob(j, s.At) }, nil
}

// BenchAssign returns a function that has assignments take up the attempt of a job
// on a worker that has many, and its end.
func BenchAssign(spec *plan.Job, many int) func() {
	a := NewAssignments()
	open := func(i int) (idle, busy *job.Job) {
		idle = &job.Job{ID: job.ID{Run: "r", Index: uint32(i)}, Spec: spec, State: job.Pending}
		busy = &job.Job{ID: idle.ID, Spec: spec, State: job.Running, Open: true}
		busy.Attempts = []job.Attempt{{Number: 1, Token: 1, Worker: "w1"}}
		return idle, busy
	}
	for i := range many {
		a.changed(open(i))
	}
	idle, busy := open(many)
	return func() {
		a.changed(idle, busy)
		a.changed(busy, idle)
	}
}

// Hold has a worker's session hold it back, or end what the same principal began,
// and then has the coordinator tell who asks what it holds.
func Hold(n *Node, id worker.ID, principal string, held bool, from *actor.PID) error {
	answer, err := n.system.Root.RequestFuture(n.local(registryID), changeWorker{
		id: id, adjust: worker.Adjust{HeldBack: &held}, reason: "a test", principal: principal, own: !held,
	}, time.Minute).Result()
	if err != nil {
		return err
	}
	n.system.Root.RequestWithCustomSender(n.coordinator, askHeld{id: id}, from)
	return answer.(workerChangeDone).err
}

// HeldOf returns what the answers to Hold say.
func HeldOf(messages []any) (held []int) {
	for _, m := range messages {
		if h, ok := m.(workerHeld); ok {
			held = append(held, h.held)
		}
	}
	return held
}

// StartScaler starts a scaler that takes a probe for the registry and for the
// coordinator.
func StartScaler(system *actor.ActorSystem, s Scaling, roster *Roster, probe *actor.PID,
	serving context.Context, //nolint:revive // the life of the scaler, not of the call
) (*actor.PID, *ScalingView) {
	view := newScalingView(s)
	return system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return newScaler(&scalerEnv{
			Scaling: s, log: slog.New(slog.DiscardHandler), roster: roster, registry: probe, coordinator: probe, view: view,
			serving: serving,
		})
	})), view
}

// Put puts a worker on the roster, or takes it off when it is GONE.
func (r *Roster) Put(m Member) {
	if m.State == worker.Gone {
		r.remove(m.ID)
		return
	}
	r.put(m)
}

// Demands returns what the coordinator tells the scaler.
func Demands(n *Node) []scale.Demand {
	answer, err := n.system.Root.RequestFuture(n.coordinator, askDemand{}, time.Minute).Result()
	if err != nil {
		return nil
	}
	return answer.(demandOf).demands
}

// DemandOf is the coordinator's answer to a scaler.
func DemandOf(demands ...scale.Demand) any { return demandOf{demands: demands} }

// WorkerHeld is what a session says that did what a message of the scaler asks for,
// and what the coordinator says of the worker after that.
func WorkerHeld(asks any, registered bool, held int) (changed, holds any) {
	m := asks.(changeWorker)
	return workerChangeDone{id: m.id, heldBack: *m.adjust.HeldBack, asked: m.asked},
		workerHeld{id: m.id, asked: m.asked, registered: registered, held: held}
}

// NotHeld is what a session says that could not hold its worker back.
func NotHeld(asks any, err error) any {
	m := asks.(changeWorker)
	return workerChangeDone{id: m.id, asked: m.asked, err: err}
}

// Asks says what a message of the scaler asks for, or "".
func Asks(m any) string {
	switch m := m.(type) {
	case changeWorker:
		if *m.adjust.HeldBack {
			return "hold " + string(m.id)
		}
		return "release " + string(m.id)
	case askHeld:
		return "ask about " + string(m.id)
	case workerRemoved:
		return "removed " + string(m.id)
	}
	return ""
}

// Turns is a turns.
type Turns struct{ t *turns }

// NewTurns returns one.
func NewTurns(alone, shared, most int, patience time.Duration) Turns {
	return Turns{newTurns(alone, shared, most, patience)}
}

// Take is turns.take.
func (t Turns) Take(ctx context.Context, project string) (func(), error) {
	return t.t.take(ctx, project)
}

// Use returns what goes on, and whether nothing is remembered of who is gone.
func (t Turns) Use() (use TurnUse, clean bool) {
	n := Node{turns: t.t}
	use = n.TurnUse()
	t.t.mu.Lock()
	defer t.t.mu.Unlock()
	return use, len(t.t.lines) == 0 && len(t.t.order) == 0
}
