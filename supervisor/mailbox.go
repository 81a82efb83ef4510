package supervisor

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// errGoexit is the reason of a crash by runtime.Goexit inside Receive, as by
// t.FailNow in a test.
var errGoexit = errors.New("supervisor: actor called runtime.Goexit")

// Mailbox holds the messages an actor has not handled yet. It keeps the promises
// of the package: a safe start, a limit that refuses, system messages first, an
// exact depth, and dead letters for what is left at the end.
//
// An idle mailbox owns no buffer; it borrows one from its class with its first
// message and gives it back when drained. The actor takes waiting messages in
// one batch under one lock, so sender and actor seldom meet.
type Mailbox struct {
	class      *MailboxClass
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher

	mu    sync.Mutex
	queue *queue // nil while nothing waits
	depth atomic.Int32

	started   bool // handlers are set and Started is queued
	scheduled bool // a goroutine is handling, or about to
	suspended bool
	closed    bool // the actor has stopped
}

var _ actor.Mailbox = (*Mailbox)(nil)

// UserMessageCount implements actor.Mailbox. It is exact: the message being
// handled no longer counts.
func (m *Mailbox) UserMessageCount() int { return int(m.depth.Load()) }

// RegisterHandlers implements actor.Mailbox.
func (m *Mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start implements actor.Mailbox: what was posted until now is handled from now.
func (m *Mailbox) Start() {
	m.mu.Lock()
	m.started = true
	m.unlockAndRun()
}

// PostUserMessage implements actor.Mailbox. It never blocks.
func (m *Mailbox) PostUserMessage(message any) {
	m.mu.Lock()
	if m.closed || m.full(message) {
		invoker := m.invoker
		m.mu.Unlock()
		m.class.refuse(invoker, message)
		return
	}
	q := m.open()
	q.user = append(q.user, message)
	m.depth.Add(1)
	m.class.Gauge.add(1)
	m.unlockAndRun()
}

// PostSystemMessage implements actor.Mailbox. Started goes first, whoever was
// quicker to post.
func (m *Mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	q := m.open()
	if _, ok := message.(*actor.Started); ok {
		q.system = slices.Insert(q.system, 0, message)
	} else {
		q.system = append(q.system, message)
	}
	q.urgent.Store(true)
	m.unlockAndRun()
}

// full reports whether the limit is reached. The caller holds the lock.
func (m *Mailbox) full(message any) bool {
	limit := m.class.Limit
	if limit <= 0 || !m.started || int(m.depth.Load()) < limit {
		return false
	}
	_, poison := actor.UnwrapEnvelopeMessage(message).(*actor.PoisonPill)
	return !poison
}

// open returns the queue, borrowed if there is none. The caller holds the lock.
func (m *Mailbox) open() *queue {
	if m.queue == nil {
		m.queue = m.class.borrow(m)
	}
	return m.queue
}

// unlockAndRun ends a critical section, and schedules the actor if that gave it
// something to do.
func (m *Mailbox) unlockAndRun() {
	q := m.queue
	if !m.started || m.scheduled || q == nil || !q.ready(m.suspended) {
		m.mu.Unlock()
		return
	}
	m.scheduled = true
	dispatcher := m.dispatcher
	m.mu.Unlock()
	dispatcher.Schedule(q.run)
}

// suspend holds user messages back, or lets them go again.
func (m *Mailbox) suspend(suspended bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suspended = suspended
}

// closeIfOver refuses what is left, and all that comes, once the actor has
// stopped. Only the goroutine that handles messages calls it.
func (m *Mailbox) closeIfOver(q *queue) {
	ctx, ok := m.invoker.(actor.Context)
	if !ok {
		return
	}
	if g, guarded := ctx.Actor().(*guard); !guarded || !g.over() {
		return
	}
	m.mu.Lock()
	m.closed = true
	rest := append(slices.Clone(q.batch[q.next:]), q.user...)
	clear(q.batch)
	clear(q.user)
	q.batch, q.user, q.next = q.batch[:0], q.user[:0], 0
	m.depth.Store(0)
	m.mu.Unlock()
	m.class.Gauge.add(-int64(len(rest)))
	for _, message := range rest {
		m.class.refuse(m.invoker, message)
	}
}
