package supervisor

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// maxRetained is how many message slots a drained buffer may keep, so that a
// burst does not hold its memory after it has passed.
const maxRetained = 256

// MailboxClass is what the mailboxes of one kind of actor have in common. They
// share one class, so that an idle mailbox is only a few words. Set the fields
// before the first spawn and use one class in one actor system. The zero value
// is a class of unbounded mailboxes.
type MailboxClass struct {
	// Limit is how many user messages may wait in each mailbox; 0 means any
	// number. It counts from the actor's start on, and a PoisonPill passes it.
	Limit int
	// Gauge, when set, counts the messages of all mailboxes of the class.
	Gauge *Gauge
	// Reject, when set, takes what a mailbox refuses, in the sender's goroutine;
	// it must not block. By default it becomes a dead letter, and its sender gets
	// actor.ErrDeadLetter at once.
	Reject func(to *actor.PID, message any)

	idle sync.Pool // of *queue
}

// New returns a mailbox of the class. It is an actor.MailboxProducer.
func (c *MailboxClass) New() actor.Mailbox { return &Mailbox{class: c} }

// borrow returns an empty queue for m.
func (c *MailboxClass) borrow(m *Mailbox) *queue {
	q, ok := c.idle.Get().(*queue)
	if !ok {
		q = new(queue)
		q.run = q.process
	}
	q.owner = m
	return q
}

// giveBack takes a drained queue, without what a burst left of it.
func (c *MailboxClass) giveBack(q *queue) {
	q.owner, q.next, q.nextSystem = nil, 0, 0
	q.system, q.user, q.batch = trim(q.system), trim(q.user), trim(q.batch)
	c.idle.Put(q)
}

func trim(s []any) []any {
	if cap(s) > maxRetained {
		return nil
	}
	return s[:0]
}

func (c *MailboxClass) refuse(invoker actor.MessageInvoker, message any) {
	c.Gauge.refuse()
	ctx, ok := invoker.(actor.Context)
	switch {
	case c.Reject != nil && ok:
		c.Reject(ctx.Self(), message)
	case c.Reject != nil:
		c.Reject(nil, message)
	case ok:
		ctx.ActorSystem().DeadLetter.SendUserMessage(ctx.Self(), message)
	}
}
