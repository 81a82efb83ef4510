package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

var (
	// ErrStopped is the failure of a child that stopped by itself.
	ErrStopped = errors.New("supervisor: child stopped by itself")
	// ErrIntensity is the failure of a supervisor that passed its limit.
	ErrIntensity = errors.New("supervisor: restart intensity passed")
)

// host is a supervisor's context, with what Proto.Actor offers to strategies.
type host interface {
	actor.Context
	actor.Supervisor
}

// drain asks a supervisor to stop its children in order, and then itself.
type drain struct{}

// restartDue is what a supervisor sends itself when a delay is over.
type restartDue struct {
	name string
	due  *delay
}

// delay is a restart that waits for its time.
type delay struct{ timer *time.Timer }

// cancel ends the wait. It may be nil, or over.
func (d *delay) cancel() {
	if d != nil {
		d.timer.Stop()
	}
}

// after sends a supervisor a restartDue for name when d has passed.
func (e *env) after(d time.Duration, supervisor *actor.PID, name string) *delay {
	due := new(delay)
	due.timer = time.AfterFunc(d, func() { e.system.Root.Send(supervisor, restartDue{name, due}) })
	return due
}

// suspend holds back the user messages of pid until it is restarted.
func (e *env) suspend(pid *actor.PID) {
	if process, ok := e.system.ProcessRegistry.Get(pid); ok {
		process.SendSystemMessage(pid, &actor.SuspendMailbox{})
	}
}

// intensityPassed is the failure of the supervisor called id.
func intensityPassed(id string, limit Intensity, last error) error {
	return fmt.Errorf("%w: %s: more than %d in %s, last: %w", ErrIntensity, id, limit.Restarts, limit.Period, last)
}

// giveUp fails the supervisor whose turn it is, because last passed its limit.
// Its children have been told to stop.
func (e *env) giveUp(h host, class string, limit Intensity, last error, tree *Tree) {
	err := intensityPassed(h.Self().GetId(), limit, last)
	e.escalated(Failure{
		ID: h.Self().GetId(), Class: class, Reason: err, Stack: stackOf(last), Failures: limit.Restarts + 1,
	})
	if tree != nil {
		tree.giveUp(err)
		h.Stop(h.Self())
		return
	}
	h.EscalateFailure(err, nil)
}
