package supervisor

import "sync/atomic"

// Gauge counts what is in the mailboxes that share it, however many they are.
// The zero value is ready. It is safe for concurrent use.
type Gauge struct {
	depth   atomic.Int64
	refused atomic.Int64
}

// Depth returns how many user messages wait, in all mailboxes together.
func (g *Gauge) Depth() int64 { return g.depth.Load() }

// Refused returns how many user messages were turned away so far: the mailbox
// was full, or its actor stopped before handling them.
func (g *Gauge) Refused() int64 { return g.refused.Load() }

func (g *Gauge) add(n int64) {
	if g != nil {
		g.depth.Add(n)
	}
}

func (g *Gauge) refuse() {
	if g != nil {
		g.refused.Add(1)
	}
}
