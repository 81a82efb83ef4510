package bridge

import (
	"fmt"
	"log/slog"
	"unicode/utf8"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"
)

// known returns the peer at an address, or nil.
func (b *Bridge) known(address string) *peer {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.peers[address]
}

// reach returns the peer at an address, or why there is none.
func (b *Bridge) reach(address string) (*peer, Reason) {
	if p := b.known(address); p != nil {
		return p, ""
	}
	parsed, err := ParseAddress(address)
	if err != nil {
		return nil, ReasonAddress
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch p := b.peers[address]; {
	case p != nil:
		return p, ""
	case b.closed:
		return nil, ReasonClosed
	case b.down.has(address):
		return nil, ReasonDown
	case parsed.NodeID == b.self.NodeID && parsed.Role == b.self.Role:
		return nil, ReasonDown // another epoch of this node is a life of ours that is over
	case b.self.Role == Worker && parsed.Role == Worker:
		return nil, ReasonUnreachable
	}
	p := &peer{Peer: parsed, bridge: b}
	p.endpoint = b.system.Root.SpawnPrefix(props(func() actor.Actor { return newEndpoint(p) }),
		endpointPrefix+address)
	b.peers[address] = p
	return p, ""
}

// sendUser sends a message, which may be in an envelope. p may be nil.
func (b *Bridge) sendUser(p *peer, pid *actor.PID, message any) {
	e := outgoing{target: pid.Id}
	var sender *actor.PID
	content := message
	if envelope, ok := message.(*actor.MessageEnvelope); ok {
		content, sender, e.header = envelope.Message, envelope.Sender, envelope.Header
	}
	reason := ReasonType
	if m, ok := content.(proto.Message); ok && b.carries(m) {
		e.message = m
		if sender != nil {
			e.sender = sender.Id
			if sender.Address != b.self.Address {
				e.senderAddress = sender.Address
			}
		}
		reason = b.post(p, pid.Address, &e)
	}
	if reason != "" {
		b.cfg.Hooks.Dropped(reason, 1)
		b.system.DeadLetter.SendUserMessage(pid, message)
	}
}

// carries reports whether m may leave the node as a user message.
func (b *Bridge) carries(m proto.Message) bool {
	t := b.types[string(m.ProtoReflect().Descriptor().FullName())]
	return t != nil && !t.system
}

// sendSystem sends a system message. Watches are recorded first, so that one
// that is lost is sent again.
func (b *Bridge) sendSystem(p *peer, pid *actor.PID, message any) {
	e := outgoing{target: pid.Id, system: true}
	switch m := message.(type) {
	case *actor.Watch:
		e.message = m
		b.ours.add(pid.Address, edge{watchee: pid.Id, watcher: m.Watcher.GetId()})
	case *actor.Unwatch:
		e.message = m
		b.ours.remove(pid.Address, edge{watchee: pid.Id, watcher: m.Watcher.GetId()})
	case *actor.Terminated:
		e.message = m
		b.theirs.remove(pid.Address, edge{watchee: m.GetWho().GetId(), watcher: pid.Id})
	case *actor.Stop:
		e.message = m
	default:
		b.cfg.Hooks.Dropped(ReasonType, 1)
		b.log.Error("system message cannot leave the node", slog.String("type", fmt.Sprintf("%T", message)))
		return
	}
	reason := b.post(p, pid.Address, &e)
	if reason == "" {
		return
	}
	b.cfg.Hooks.Dropped(reason, 1)
	watch, ok := message.(*actor.Watch)
	if ok && (reason == ReasonDown || reason == ReasonAddress || reason == ReasonUnreachable || reason == ReasonClosed) {
		b.ended(pid.Address, edge{watchee: pid.Id, watcher: watch.Watcher.GetId()})
	}
}

// post puts an envelope into the outbox of its peer, which may be nil.
func (b *Bridge) post(p *peer, address string, e *outgoing) Reason {
	if b.failing() {
		return ReasonBreaker
	}
	if e.target == "" || !e.isText() {
		return ReasonEncoding // it would spoil the frame for all others in it
	}
	for {
		if p == nil {
			var reason Reason
			if p, reason = b.reach(address); p == nil {
				return reason
			}
		}
		reason, wake, ended := p.outbox.put(&b.room, e)
		if wake {
			b.system.Root.Send(p.endpoint, flush{})
		}
		if !ended {
			return reason
		}
		p = nil // it was removed from the peers before it ended, so the next differs
	}
}

func (e *outgoing) isText() bool {
	for k, v := range e.header {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return false
		}
	}
	return utf8.ValidString(e.target) && utf8.ValidString(e.sender) && utf8.ValidString(e.senderAddress)
}

// retire ends a peer: what waits for it becomes dead letters.
func (b *Bridge) retire(p *peer, reason Reason) {
	b.mu.Lock()
	if b.peers[p.Address] == p {
		delete(b.peers, p.Address)
	}
	b.mu.Unlock()
	for _, f := range p.outbox.end(&b.room) {
		b.discard(p.Peer, f, reason)
		b.room.giveBack(f)
	}
}

// discard makes dead letters of what is in a frame that will not be sent, so
// that who asked hears of it. Of system messages, watches are repeated anyway.
func (b *Bridge) discard(p Peer, f *frame, reason Reason) {
	b.cfg.Hooks.Dropped(reason, f.count)
	d := new(decoder)
	if d.parse(f.wire, b.types) != nil {
		return
	}
	for i := range d.envelopes {
		e := &d.envelopes[i]
		t := d.typeOf(e)
		if e.system || t == nil {
			continue
		}
		m, err := t.decode(e.message)
		if err != nil {
			continue
		}
		b.system.DeadLetter.SendUserMessage(actor.NewPID(p.Address, string(e.target)),
			&actor.MessageEnvelope{Header: e.header, Message: m, Sender: e.senderPID(b.self.Address)})
	}
}

// senderPID returns the sender of an envelope in a frame of the node at address,
// or nil.
func (e *incoming) senderPID(address string) *actor.PID {
	if len(e.sender) == 0 {
		return nil
	}
	if len(e.senderAddress) > 0 {
		address = string(e.senderAddress)
	}
	return actor.NewPID(address, string(e.sender))
}
