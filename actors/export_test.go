package actors

import (
	"context"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/ledger"
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

// FeedLimit is how many changes wait for a slow watcher.
const FeedLimit = feedLimit

// BenchBoard returns a function that shows a job of a run as it runs and waits in
// turn, for benchmarks.
func BenchBoard(s run.Submission) (put func(), err error) {
	b := NewBoard(NewFeed())
	b.reset(ledger.New(10, messages.PackRun))
	e, _, err := b.submit(s)
	if err != nil {
		return nil, err
	}
	j := e.Jobs[0]
	return func() { b.putJob(j, s.At) }, nil
}

// Hold asks a worker's session to hold it back; who asks is told what it holds.
func Hold(n *Node, id worker.ID, principal string, from *actor.PID) {
	n.system.Root.Send(n.local(registryID), holdWorker{id: id, principal: principal, reason: "a test", from: from})
}

// Release ends a Hold.
func Release(n *Node, id worker.ID, principal string) {
	n.system.Root.Send(n.local(registryID), releaseWorker{id: id, principal: principal})
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

// DemandOf is the coordinator's answer to a scaler.
func DemandOf(demands ...scale.Demand) any { return demandOf{demands: demands} }

// WorkerHeld is what the coordinator says of a worker that is held back.
func WorkerHeld(id worker.ID, registered bool, held int) any { return workerHeld{id, registered, held} }

// Asks says what a message of the scaler to a session asks for, or "".
func Asks(m any) string {
	switch m := m.(type) {
	case holdWorker:
		return "hold " + string(m.id)
	case releaseWorker:
		return "release " + string(m.id)
	case workerRemoved:
		return "removed " + string(m.id)
	}
	return ""
}
