package bridge

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Limits of what is remembered.
const (
	maxWatches = 1 << 18 // that one peer may have here
	maxDown    = 1 << 14 // nodes declared down
)

// edge says who watches whom, one of the two here and one on the peer.
type edge struct{ watchee, watcher string }

// watches is a set of edges per peer.
type watches struct {
	mu    sync.Mutex
	edges map[string]map[edge]struct{}
}

// add records e. It fails when the peer has too many.
func (w *watches) add(peer string, e edge) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.edges[peer]
	if of == nil {
		if w.edges == nil {
			w.edges = map[string]map[edge]struct{}{}
		}
		of = map[edge]struct{}{}
		w.edges[peer] = of
	}
	if _, there := of[e]; !there && len(of) >= maxWatches {
		return false
	}
	of[e] = struct{}{}
	return true
}

// remove forgets e, and reports whether it was there.
func (w *watches) remove(peer string, e edge) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.edges[peer]
	_, there := of[e]
	delete(of, e)
	if len(of) == 0 {
		delete(w.edges, peer)
	}
	return there
}

// takeAll forgets and returns the edges of a peer.
func (w *watches) takeAll(peer string) map[edge]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := w.edges[peer]
	delete(w.edges, peer)
	return of
}

type peerEdge struct {
	peer string
	edge edge
}

func (w *watches) all() (list []peerEdge) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for peer, of := range w.edges {
		for e := range of {
			list = append(list, peerEdge{peer, e})
		}
	}
	return list
}

// addresses is a bounded set that forgets its oldest member. Its zero value is
// empty.
type addresses struct {
	set   map[string]struct{}
	order []string
}

func (a *addresses) has(address string) bool {
	_, there := a.set[address]
	return there
}

func (a *addresses) add(address string) {
	if a.has(address) {
		return
	}
	if a.set == nil {
		a.set = map[string]struct{}{}
	}
	if len(a.order) == maxDown {
		delete(a.set, a.order[0])
		a.order = append(a.order[:0], a.order[1:]...)
	}
	a.set[address] = struct{}{}
	a.order = append(a.order, address)
}

func (a *addresses) remove(address string) {
	if !a.has(address) {
		return
	}
	delete(a.set, address)
	for i, other := range a.order {
		if other == address {
			a.order = append(a.order[:i], a.order[i+1:]...)
			return
		}
	}
}

// NodeDown declares a node down. Who watches an actor there gets Terminated,
// what waits for the node and what is sent to it later becomes a dead letter at
// once, and frames from it are refused, until NodeUp.
func (b *Bridge) NodeDown(address string) {
	b.mu.Lock()
	b.down.add(address)
	p := b.peers[address]
	b.mu.Unlock()
	if p != nil {
		b.retire(p, ReasonDown)
		b.system.Root.Stop(p.endpoint)
	}
	for e := range b.theirs.takeAll(address) {
		if watchee, ok := b.system.ProcessRegistry.GetLocal(e.watchee); ok {
			watchee.SendSystemMessage(actor.NewPID(b.self.Address, e.watchee),
				&actor.Unwatch{Watcher: actor.NewPID(address, e.watcher)})
		}
	}
	for e := range b.ours.takeAll(address) {
		b.tell(address, e, actor.TerminatedReason_AddressTerminated)
	}
}

// NodeUp takes back NodeDown, for a node that was declared down too early.
func (b *Bridge) NodeUp(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down.remove(address)
}

// isDown reports whether the node was declared down.
func (b *Bridge) isDown(address string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.down.has(address)
}

// ended answers a watch on an actor that cannot be reached.
func (b *Bridge) ended(address string, e edge) {
	if b.ours.remove(address, e) {
		b.tell(address, e, actor.TerminatedReason_AddressTerminated)
	}
}

// tell gives a local watcher notice of the end of an actor at address.
func (b *Bridge) tell(address string, e edge, why actor.TerminatedReason) {
	if watcher, ok := b.system.ProcessRegistry.GetLocal(e.watcher); ok {
		watcher.SendSystemMessage(actor.NewPID(b.self.Address, e.watcher),
			&actor.Terminated{Who: actor.NewPID(address, e.watchee), Why: why})
	}
}

// Resync repeats every watch of ours, because the first one or its answer may
// have been lost, forgets watches whose local side has ended, and ends endpoints
// that were idle for long. The bridge does so by itself every Config.ResyncEvery.
func (b *Bridge) Resync() {
	registry := b.system.ProcessRegistry
	for _, w := range b.ours.all() {
		watchee := actor.NewPID(w.peer, w.edge.watchee)
		watcher := actor.NewPID(b.self.Address, w.edge.watcher)
		if _, ok := registry.GetLocal(w.edge.watcher); !ok {
			b.sendSystem(nil, watchee, &actor.Unwatch{Watcher: watcher})
			continue
		}
		e := outgoing{target: w.edge.watchee, system: true, message: &actor.Watch{Watcher: watcher}}
		switch reason := b.post(nil, w.peer, &e); reason { //nolint:exhaustive // every other reason is counted
		case "":
		case ReasonDown, ReasonAddress, ReasonUnreachable:
			b.ended(w.peer, w.edge)
		default:
			b.cfg.Hooks.Dropped(reason, 1)
		}
	}
	for _, w := range b.theirs.all() {
		if _, ok := registry.GetLocal(w.edge.watchee); !ok {
			b.theirs.remove(w.peer, w.edge)
		}
	}
	b.endIdle(time.Now().Add(-b.cfg.IdleAfter))
}

// endIdle ends the endpoints of peers that nothing was sent to since then.
func (b *Bridge) endIdle(since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for address, p := range b.peers {
		if p.outbox.endIfIdle(since) {
			delete(b.peers, address)
			b.system.Root.Stop(p.endpoint)
		}
	}
}
