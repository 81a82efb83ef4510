package bridge

import (
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// outbox holds what waits to be sent to one peer. Senders write into it in wire
// form; the peer's endpoint takes out whole frames. It has no timer: a frame is
// whatever gathered while the endpoint was busy with the one before.
type outbox struct {
	mu     sync.Mutex
	ended  bool
	busy   bool // the endpoint has been told, or waits to try again
	sealed []*frame
	open   *frame // the last one, still being written
	bytes  int
	used   time.Time       // when the last frame was begun
	idle   []chan struct{} // closed as soon as nothing waits
}

// room is what all outboxes share.
type room struct {
	from     string
	largest  int // frame, in bytes
	perPeer  int // bytes
	total    int64
	taken    func(delta int64) int64 // adds to what all outboxes hold
	borrow   func() *frame
	giveBack func(*frame)
}

// put writes an envelope. wake asks the caller to tell the endpoint; ended says
// that the outbox is no longer used and another must be found.
func (o *outbox) put(r *room, e *outgoing) (reason Reason, wake, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return "", false, true
	}
	f := o.open
	if f == nil {
		f = r.borrow()
		f.begin(r.from, time.Now())
	}
	p := f.plan(e)
	if f.count > 0 && (len(f.wire)+p.total > frameBytes || f.count == frameEnvelopes) {
		o.sealed, o.open = append(o.sealed, f), nil
		f = r.borrow()
		f.begin(r.from, time.Now())
		p = f.plan(e)
	}
	reason = o.write(r, f, e, &p)
	if reason != "" {
		if f.count == 0 {
			r.giveBack(f)
		}
		return reason, o.wake(), false
	}
	o.open, o.used = f, f.born
	return "", o.wake(), false
}

// write adds e to f, if there is room.
func (o *outbox) write(r *room, f *frame, e *outgoing, p *plan) Reason {
	before := len(f.wire)
	limit := r.perPeer
	if e.system {
		limit += limit / 8 // a Stop should not be refused for want of patience of others
	}
	switch {
	case before+p.total > r.largest:
		return ReasonTooLarge
	case o.bytes+p.total > limit:
		return ReasonQueue
	case r.taken(int64(p.total)) > r.total:
		r.taken(-int64(p.total))
		return ReasonQueue
	}
	if f.add(e, p) != nil {
		r.taken(-int64(p.total))
		return ReasonEncoding
	}
	o.bytes += p.total
	f.size += p.total
	return ""
}

// wake reports whether the endpoint must be told that something waits.
func (o *outbox) wake() bool {
	if o.busy || o.open == nil && len(o.sealed) == 0 {
		return false
	}
	o.busy = true
	return true
}

// take returns the oldest frame, or nil when none waits; then whoever puts the
// next one must tell the endpoint.
func (o *outbox) take(r *room) *frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	var f *frame
	switch {
	case len(o.sealed) > 0:
		f = o.sealed[0]
		o.sealed = slices.Delete(o.sealed, 0, 1)
	case o.open != nil:
		f, o.open = o.open, nil
	default:
		o.busy = false
		for _, idle := range o.idle {
			close(idle)
		}
		o.idle = nil
		return nil
	}
	o.bytes -= f.size
	r.taken(-int64(f.size))
	return f
}

// putBack returns a frame that take gave out, and that could not be sent yet,
// to the head of the queue. It fails once the outbox has ended.
func (o *outbox) putBack(r *room, f *frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false
	}
	o.sealed = slices.Insert(o.sealed, 0, f)
	o.bytes += f.size
	r.taken(int64(f.size))
	return true
}

// end closes the outbox for good and returns what is left in it.
func (o *outbox) end(r *room) []*frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.sealed
	if o.open != nil {
		rest = append(rest, o.open)
	}
	r.taken(-int64(o.bytes))
	o.ended, o.sealed, o.open, o.bytes = true, nil, nil, 0
	for _, idle := range o.idle {
		close(idle)
	}
	o.idle = nil
	return rest
}

// endIfIdle ends an outbox that nothing was put into since the time given.
func (o *outbox) endIfIdle(since time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy || o.ended || o.used.After(since) {
		return false
	}
	o.ended = true
	return true
}

// drained returns a channel that is closed as soon as nothing waits.
func (o *outbox) drained() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	idle := make(chan struct{})
	if o.ended || !o.busy {
		close(idle)
	} else {
		o.idle = append(o.idle, idle)
	}
	return idle
}

// peer is another node that this one writes to. As an actor.Process it stands
// for all actors there; when it has ended it finds its successor.
type peer struct {
	Peer
	bridge   *Bridge
	endpoint *actor.PID
	outbox   outbox
}

// SendUserMessage implements actor.Process.
func (p *peer) SendUserMessage(pid *actor.PID, message any) { p.bridge.sendUser(p, pid, message) }

// SendSystemMessage implements actor.Process.
func (p *peer) SendSystemMessage(pid *actor.PID, message any) { p.bridge.sendSystem(p, pid, message) }

// Stop implements actor.Process.
func (p *peer) Stop(pid *actor.PID) { p.bridge.sendSystem(p, pid, new(actor.Stop)) }

// stray takes messages for PIDs that no peer was known for when they were first
// used.
type stray struct{ link *link }

// SendUserMessage implements actor.Process.
func (s stray) SendUserMessage(pid *actor.PID, message any) {
	if b := s.link.bridge.Load(); b != nil {
		b.sendUser(nil, pid, message)
		return
	}
	s.link.system.DeadLetter.SendUserMessage(pid, message)
}

// SendSystemMessage implements actor.Process.
func (s stray) SendSystemMessage(pid *actor.PID, message any) {
	if b := s.link.bridge.Load(); b != nil {
		b.sendSystem(nil, pid, message)
		return
	}
	s.link.system.DeadLetter.SendSystemMessage(pid, message)
}

// Stop implements actor.Process.
func (s stray) Stop(pid *actor.PID) { s.SendSystemMessage(pid, new(actor.Stop)) }
