package testkit

import (
	"context"
	"errors"
	"sync"
	"time"

	"yardmaster/cluster/bridge"
)

// Fate says what becomes of a frame: how often it arrives, and how late.
type Fate func(from, to string, frame []byte) (copies int, delay time.Duration)

// Network carries frames between the nodes of a test. Frames from one node to
// another arrive in order, or not at all. A frame to a node that is not there
// vanishes, as on core NATS.
type Network struct {
	mu   sync.Mutex
	ears map[string]*ear
	gone map[string]bool
	fate Fate
}

// NewNetwork returns a network that loses nothing and takes no time.
func NewNetwork() *Network { return &Network{ears: map[string]*ear{}, gone: map[string]bool{}} }

// Suffer has f decide the fate of each frame. A nil f ends it.
func (n *Network) Suffer(f Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate = f
}

// Cut loses everything to and from the node at address, from now on.
func (n *Network) Cut(address string) { n.cut(address, true) }

// Mend ends a Cut.
func (n *Network) Mend(address string) { n.cut(address, false) }

func (n *Network) cut(address string, gone bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone[address] = gone
}

// On returns the transport of the node at address, for bridge.Start.
func (n *Network) On(address, worker string) bridge.Transport { return port{n, address, worker} }

// frameLimit is the largest frame that the network takes.
const frameLimit = 1 << 20

var errOversize = errors.New("testkit: frame is too large")

// port is one node's side of a network.
type port struct {
	net             *Network
	address, worker string
}

// Send implements bridge.Transport.
func (p port) Send(_, address string, frame []byte) error {
	if len(frame) > frameLimit {
		return errOversize
	}
	n := p.net
	n.mu.Lock()
	defer n.mu.Unlock()
	to := n.ears[address]
	if to == nil || n.gone[address] || n.gone[p.address] {
		return nil
	}
	copies, delay := 1, time.Duration(0)
	if n.fate != nil {
		copies, delay = n.fate(p.address, address, frame)
	}
	for range copies {
		to.hear(p.address, arrival{p.worker, append([]byte(nil), frame...), time.Now().Add(delay)})
	}
	return nil
}

// Listen implements bridge.Transport.
func (p port) Listen(receive func(string, []byte)) (func() error, error) {
	e := &ear{receive: receive, lines: map[string]*line{}, done: make(chan struct{})}
	p.net.mu.Lock()
	p.net.ears[p.address] = e
	p.net.mu.Unlock()
	return func() error {
		p.net.mu.Lock()
		delete(p.net.ears, p.address)
		p.net.mu.Unlock()
		close(e.done)
		e.ended.Wait()
		return nil
	}, nil
}

// Flush implements bridge.Transport.
func (port) Flush(context.Context) error { return nil }

// MaxFrame implements bridge.Transport.
func (port) MaxFrame() int { return frameLimit }

// ear is where a node hears. It has a line, and a goroutine, for each sender.
type ear struct {
	receive func(worker string, frame []byte)
	lines   map[string]*line // guarded by the network's mutex
	done    chan struct{}
	ended   sync.WaitGroup
}

type arrival struct {
	worker string
	frame  []byte
	due    time.Time
}

type line struct {
	mu      sync.Mutex
	waiting []arrival
	wake    chan struct{}
}

func (e *ear) hear(from string, a arrival) {
	l := e.lines[from]
	if l == nil {
		l = &line{wake: make(chan struct{}, 1)}
		e.lines[from] = l
		e.ended.Go(func() { e.listen(l) })
	}
	l.mu.Lock()
	l.waiting = append(l.waiting, a)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (e *ear) listen(l *line) {
	for {
		select {
		case <-l.wake:
		case <-e.done:
			return
		}
		l.mu.Lock()
		got := l.waiting
		l.waiting = nil
		l.mu.Unlock()
		for _, a := range got {
			if wait := time.Until(a.due); wait > 0 && !e.pause(wait) {
				return
			}
			e.receive(a.worker, a.frame)
		}
	}
}

// pause waits as long as the network takes, and reports false when the node
// listens no more.
func (e *ear) pause(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.done:
		return false
	}
}
