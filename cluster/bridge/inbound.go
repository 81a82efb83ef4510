package bridge

import (
	"log/slog"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"
)

// receive takes a frame from the transport.
func (b *Bridge) receive(worker string, wire []byte) {
	b.ears.RLock()
	defer b.ears.RUnlock()
	if !b.listening {
		return
	}
	defer b.survive()
	d, _ := b.decoders.Get().(*decoder)
	if d == nil {
		d = new(decoder)
	}
	if d.parse(wire, b.types) != nil {
		b.refuse(ReasonMalformed)
		return
	}
	peer, reason := b.identify(worker, d)
	if reason != "" {
		b.refuse(reason)
		return
	}
	b.cfg.Hooks.FrameReceived(len(d.envelopes), len(wire))
	x := delivery{bridge: b, peer: peer, ofWorker: worker != "", types: d}
	for i := range d.envelopes {
		x.deliver(&d.envelopes[i])
	}
	d.release()
	b.decoders.Put(d)
}

// survive keeps the receiving goroutine alive, whatever an actor's mailbox or a
// hook did.
func (b *Bridge) survive() {
	if r := recover(); r != nil {
		b.log.Error("panic while a message was delivered")
		b.cfg.Hooks.Refused(ReasonPanic)
	}
}

func (b *Bridge) refuse(reason Reason) { b.cfg.Hooks.Refused(reason) }

// identify says who sent a frame, or why it is refused whole. The sender must be
// whom the network vouched for; a worker speaks for itself only.
func (b *Bridge) identify(worker string, d *decoder) (Peer, Reason) {
	peer, err := ParseAddress(string(d.from))
	switch {
	case err != nil:
		return peer, ReasonAddress
	case peer.worker() != worker || peer.Address == b.self.Address:
		return peer, ReasonSpoofed
	case b.isDown(peer.Address):
		return peer, ReasonDown
	case worker == "":
		return peer, ""
	}
	for i := range d.envelopes {
		if a := d.envelopes[i].senderAddress; len(a) > 0 && string(a) != peer.Address {
			return peer, ReasonSpoofed
		}
	}
	return peer, ""
}

// delivery hands out the envelopes of one frame.
type delivery struct {
	bridge   *Bridge
	peer     Peer
	ofWorker bool
	types    *decoder
	sender   *actor.PID // of the envelope before
}

// deliver hands an envelope to its actor. A panic costs this envelope only.
func (x *delivery) deliver(e *incoming) {
	b := x.bridge
	defer b.survive()
	target := string(e.target)
	t := x.types.typeOf(e)
	switch {
	case t == nil || t.system != e.system:
		x.answer(e, target, ReasonType)
		return
	case isReserved(target, e.system):
		x.answer(e, target, ReasonReserved)
		return
	case t.name != terminatedName && !b.cfg.Allow(x.peer, target, e.system, t.name):
		x.answer(e, target, ReasonPolicy)
		return
	}
	m, err := t.decode(e.message)
	switch {
	case err != nil:
		x.answer(e, target, ReasonEncoding)
	case e.system:
		x.deliverSystem(target, m)
	default:
		x.deliverUser(e, target, m)
	}
}

// isReserved reports whether an actor is not for other nodes, or may not be
// stopped by them.
func isReserved(target string, system bool) bool {
	return target == "eventstream" || target == "deadletter" || strings.HasPrefix(target, endpointPrefix) ||
		system && target == ActivatorName
}

// answer refuses an envelope, and tells its sender so.
func (x *delivery) answer(e *incoming, target string, reason Reason) {
	b := x.bridge
	b.refuse(reason)
	b.log.Debug("message refused", slog.String("peer", x.peer.Address), slog.String("target", target),
		slog.String("reason", string(reason)))
	t := x.types.typeOf(e)
	if sender := x.senderOf(e); sender != nil && !e.system && (t == nil || t.name != deadLetterName) {
		b.system.Root.Send(sender, &actor.DeadLetterResponse{Target: actor.NewPID(b.self.Address, target)})
	}
}

// senderOf returns the sender's PID. Neighbours in a frame often have the same
// sender, and then share it.
func (x *delivery) senderOf(e *incoming) *actor.PID {
	if x.sender != nil && len(e.senderAddress) == 0 && x.sender.Address == x.peer.Address &&
		x.sender.Id == string(e.sender) {
		return x.sender
	}
	sender := e.senderPID(x.peer.Address)
	if sender != nil {
		x.sender = sender
	}
	return sender
}

func (x *delivery) deliverUser(e *incoming, target string, m proto.Message) {
	b := x.bridge
	sender := x.senderOf(e)
	var message any = m
	if sender != nil || e.header != nil {
		message = &actor.MessageEnvelope{Header: e.header, Message: m, Sender: sender}
	}
	process, _ := b.system.ProcessRegistry.GetLocal(target) // or the dead letters, which answer the sender
	if _, ok := process.(*actor.ActorProcess); ok {
		process.SendUserMessage(nil, message) // it does not look at the PID, so none is made
		return
	}
	process.SendUserMessage(actor.NewPID(b.self.Address, target), message)
}

func (x *delivery) deliverSystem(target string, m proto.Message) {
	b := x.bridge
	pid := actor.NewPID(b.self.Address, target)
	process, _ := b.system.ProcessRegistry.GetLocal(target) // or the dead letters, which answer a Watch
	switch m := m.(type) {
	case *actor.Terminated:
		who := m.GetWho()
		if who.GetAddress() != x.peer.Address {
			b.refuse(ReasonSpoofed)
			return
		}
		if b.ours.remove(x.peer.Address, edge{watchee: who.GetId(), watcher: target}) {
			process.SendSystemMessage(pid, m)
		} // else it was told before
	case *actor.Watch:
		if m.GetWatcher().GetAddress() != x.peer.Address {
			b.refuse(ReasonSpoofed)
			return
		}
		if !b.theirs.add(x.peer.Address, edge{watchee: target, watcher: m.GetWatcher().GetId()}) {
			b.refuse(ReasonWatches)
			return
		}
		process.SendSystemMessage(pid, m)
	case *actor.Unwatch:
		if b.theirs.remove(x.peer.Address, edge{watchee: target, watcher: m.GetWatcher().GetId()}) {
			process.SendSystemMessage(pid, &actor.Unwatch{Watcher: actor.NewPID(x.peer.Address, m.GetWatcher().GetId())})
		}
	case *actor.Stop:
		process.Stop(pid)
	}
}
