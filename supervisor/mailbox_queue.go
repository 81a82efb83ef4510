package supervisor

import (
	"runtime"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// compactAfter is how many handled system messages a queue keeps in front of
// the waiting ones before it closes the gap.
const compactAfter = 64

// queue is the part of a mailbox that exists only while there are messages.
type queue struct {
	owner *Mailbox
	run   func() // process, as a value made once

	// Guarded by the owner's lock.
	system     []any
	nextSystem int
	user       []any

	urgent atomic.Bool // system messages wait

	// Touched only by the goroutine that handles messages, or before it runs.
	batch []any
	next  int
}

// ready reports whether there is something to handle.
func (q *queue) ready(suspended bool) bool {
	return len(q.system) > 0 || !suspended && (len(q.user) > 0 || q.next < len(q.batch))
}

// process handles messages until none is left. It runs in one goroutine at a
// time.
func (q *queue) process() {
	for q.drain() {
	}
}

// drain handles messages until none is left, or until one panics: then it
// reports the crash and returns true, to be called again.
func (q *queue) drain() (again bool) {
	m := q.owner
	var current any
	idle := false
	defer func() {
		if idle {
			return
		}
		reason := recover()
		exiting := reason == nil
		if exiting {
			reason = errGoexit
		}
		m.invoker.EscalateFailure(newCrash(reason, current), nil)
		if exiting {
			m.dispatcher.Schedule(q.run) // this goroutine ends here
		}
		again = true
	}()
	throughput := max(1, m.dispatcher.Throughput())
	for n := 1; ; n++ {
		if n%throughput == 0 {
			runtime.Gosched()
		}
		switch {
		case q.urgent.Load():
			current = q.takeSystem()
			q.handleSystem(m, current)
		case q.next < len(q.batch) && !m.suspended:
			current = q.batch[q.next]
			q.batch[q.next] = nil
			q.next++
			m.depth.Add(-1)
			m.class.Gauge.add(-1)
			m.invoker.InvokeUserMessage(current)
		case !q.refill(m):
			idle = true
			return false
		}
	}
}

func (q *queue) handleSystem(m *Mailbox, message any) {
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspend(true)
	case *actor.ResumeMailbox:
		m.suspend(false)
	case *actor.Stop, *actor.Terminated:
		m.invoker.InvokeSystemMessage(message)
		m.closeIfOver(q)
	default:
		m.invoker.InvokeSystemMessage(message)
	}
}

// takeSystem removes the system message that is next.
func (q *queue) takeSystem() any {
	q.owner.mu.Lock()
	defer q.owner.mu.Unlock()
	message := q.system[q.nextSystem]
	q.system[q.nextSystem] = nil
	q.nextSystem++
	switch {
	case q.nextSystem == len(q.system):
		q.system, q.nextSystem = q.system[:0], 0
		q.urgent.Store(false)
	case q.nextSystem >= compactAfter && 2*q.nextSystem >= len(q.system):
		kept := copy(q.system, q.system[q.nextSystem:])
		clear(q.system[kept:])
		q.system, q.nextSystem = q.system[:kept], 0
	}
	return message
}

// refill takes what waits as the next batch. It returns false when there is
// nothing to do: then the mailbox is idle, and may already run elsewhere.
func (q *queue) refill(m *Mailbox) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !q.ready(m.suspended) {
		m.scheduled = false
		if len(q.user) == 0 && q.next == len(q.batch) {
			m.queue = nil
			m.class.giveBack(q)
		}
		return false
	}
	if q.next == len(q.batch) && !m.suspended {
		q.batch, q.user, q.next = q.user, q.batch[:0], 0
	}
	return true
}
