package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sony/gobreaker/v2"
)

// Names of Proto.Actor's messages that are treated specially.
const (
	terminatedName = "actor.Terminated"
	deadLetterName = "actor.DeadLetterResponse"
)

// Errors of Start and Listen.
var (
	ErrSystem    = errors.New("bridge: the actor system was not made by NewSystem, or has a bridge")
	ErrListening = errors.New("bridge: listening already, or closed")
)

// Bridge connects an actor system with those of other nodes. Its methods are
// safe for concurrent use.
type Bridge struct {
	system    *actor.ActorSystem
	transport Transport
	cfg       Config
	self      Peer
	log       *slog.Logger
	types     messageTypes
	activator *actor.PID

	breaker *gobreaker.CircuitBreaker[struct{}]
	tripped atomic.Bool // the breaker was open last
	trial   atomic.Bool // it was half open last

	room   room
	queued atomic.Int64 // bytes in all outboxes
	frames sync.Pool    // of *frame

	mu     sync.RWMutex
	closed bool
	peers  map[string]*peer
	down   addresses

	ours   watches // by our actors, of actors on the peer
	theirs watches // the other way round

	ears      sync.RWMutex // held for writing only to change listening
	listening bool
	hush      func() error
	decoders  sync.Pool // of *decoder

	closing chan struct{} // ends the resync loop
	loop    sync.WaitGroup
}

// Start connects a system made by NewSystem. Actors can be spawned and can send
// from now on, but nothing is received before Listen. End it with Close.
func Start(system *actor.ActorSystem, transport Transport, cfg Config) (*Bridge, error) {
	cfg = cfg.withDefaults()
	address := system.ProcessRegistry.Address
	if err := cfg.validate(address); err != nil {
		return nil, err
	}
	l, ok := system.Extensions.Get(linkID).(*link)
	if !ok {
		return nil, ErrSystem
	}
	self, _ := ParseAddress(address) // validate has read it
	b := &Bridge{
		system: system, transport: transport, cfg: cfg, self: self, log: system.Logger(), types: newMessageTypes(),
		peers: map[string]*peer{}, closing: make(chan struct{}),
	}
	b.breaker = b.newBreaker()
	b.room = room{
		from: address, largest: transport.MaxFrame(), perPeer: cfg.QueueBytes, total: int64(cfg.TotalBytes),
		taken: b.queued.Add, borrow: b.borrowFrame, giveBack: b.giveBackFrame,
	}
	if !l.bridge.CompareAndSwap(nil, b) {
		return nil, ErrSystem
	}
	pid, err := system.Root.SpawnNamed(props(func() actor.Actor { return newActivator(b) }), ActivatorName)
	if err != nil {
		l.bridge.Store(nil)
		return nil, fmt.Errorf("bridge: start activator: %w", err)
	}
	b.activator = pid
	if cfg.ResyncEvery > 0 {
		b.loop.Go(b.resyncLoop)
	}
	return b, nil
}

func (b *Bridge) borrowFrame() *frame {
	if f, ok := b.frames.Get().(*frame); ok {
		return f
	}
	return &frame{wire: make([]byte, 0, freshFrame)}
}

func (b *Bridge) giveBackFrame(f *frame) {
	if cap(f.wire) <= keptFrame {
		b.frames.Put(f)
	}
}

func (b *Bridge) resyncLoop() {
	ticker := time.NewTicker(b.cfg.ResyncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.Resync()
		case <-b.closing:
			return
		}
	}
}

// Address returns this node's address.
func (b *Bridge) Address() string { return b.self.Address }

// Queued returns how many bytes wait to be sent, to all peers together.
func (b *Bridge) Queued() int { return int(b.queued.Load()) }

// Listen begins to accept messages from other nodes. Call it once, when all
// actors that they may name have been spawned and have recovered.
func (b *Bridge) Listen() error {
	b.mu.RLock()
	closed := b.closed
	b.mu.RUnlock()
	b.ears.Lock()
	defer b.ears.Unlock()
	if closed || b.hush != nil {
		return ErrListening
	}
	hush, err := b.transport.Listen(b.receive)
	if err != nil {
		return fmt.Errorf("bridge: listen: %w", err)
	}
	b.hush, b.listening = hush, true
	return nil
}

// Deafen stops accepting messages, for good. When it returns none is being
// delivered any more; sending still works.
func (b *Bridge) Deafen() error {
	b.ears.Lock()
	hush, was := b.hush, b.listening
	b.listening = false
	b.ears.Unlock()
	if !was {
		return nil
	}
	if err := hush(); err != nil {
		return fmt.Errorf("bridge: stop listening: %w", err)
	}
	return nil
}

// Close stops accepting messages, sends what waits until ctx ends, and makes
// dead letters of the rest and of all that is sent later.
func (b *Bridge) Close(ctx context.Context) error {
	faults := []error{b.Deafen()}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	peers := make([]*peer, 0, len(b.peers))
	for _, p := range b.peers {
		peers = append(peers, p)
	}
	b.mu.Unlock()
	close(b.closing)
	b.loop.Wait()
	b.system.Root.Stop(b.activator)
	for _, p := range peers {
		select {
		case <-p.outbox.drained():
		case <-ctx.Done():
		}
	}
	faults = append(faults, b.transport.Flush(ctx))
	for _, p := range peers {
		b.retire(p, ReasonClosed)
		b.system.Root.Stop(p.endpoint)
	}
	return errors.Join(faults...)
}
