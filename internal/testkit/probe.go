package testkit

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// Probe is an actor that keeps every message it gets.
type Probe struct {
	PID *actor.PID

	mu  sync.Mutex
	got []any
}

// NewProbe spawns a probe under a name.
func NewProbe(system *actor.ActorSystem, name string) (*Probe, error) {
	p := new(Probe)
	pid, err := system.Root.SpawnNamed(actor.PropsFromFunc(p.receive), name)
	p.PID = pid
	return p, err
}

func (p *Probe) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Started, *actor.Stopping, *actor.Stopped:
	default:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got = append(p.got, m)
	}
}

// Take returns what the probe got since the last Take.
func (p *Probe) Take() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// Of returns the messages of one type among what the probe got.
func Of[M any](got []any) []M {
	var of []M
	for _, m := range got {
		if m, ok := m.(M); ok {
			of = append(of, m)
		}
	}
	return of
}
