package actors

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/sizing"
	"yardmaster/messages"
)

// loadEvery is how often a worker whose size is fixed looks at its machine: for
// those who ask how busy it is.
const loadEvery = 5 * time.Second

// sizer is how many attempts a worker takes at once. Only the agent changes it; the
// counters are for others.
type sizer struct {
	bounds  sizing.Bounds
	machine Machine // nil: nobody looks
	state   sizing.State
	full    bool // every slot was in use at some time since the last look
	load    *messages.MachineLoad

	slots, busy, permille atomic.Int64
}

// measured is what an agent sees of its machine.
type measured struct{ sample sizing.Sample }

func newSizer(c WorkerConfig) *sizer {
	b := sizing.Bounds{Least: c.SlotsMin, Most: c.SlotsMax, First: c.Slots}
	if b.Least == 0 {
		b.Least = c.Slots
	}
	b.Most = max(b.Most, b.Least)
	if c.SlotsMax == 0 {
		b.Most = max(c.Slots, b.Least)
	}
	s := &sizer{bounds: b, machine: c.Machine, state: sizing.Begin(b)}
	s.slots.Store(int64(s.state.Slots))
	return s
}

// runs takes in how many attempts run.
func (s *sizer) runs(n int) {
	s.full = s.full || n >= s.state.Slots
	s.busy.Store(int64(n))
}

// look has the machine looked at after a while, away from the mailbox.
func (a *Agent) look(ctx actor.Context) {
	s := a.env.size
	if s.machine == nil {
		return
	}
	every := sizing.Interval
	if s.bounds.Fixed() {
		every = loadEvery
	}
	root, self, machine := ctx.ActorSystem().Root, ctx.Self(), s.machine
	a.lookT = time.AfterFunc(every, func() { root.Send(self, measured{machine.Look(time.Now())}) })
}

// resize takes in what was seen, and tells of a size that has changed at once.
// What runs goes on, also when it is more than the slots now are.
func (a *Agent) resize(ctx actor.Context, m measured) {
	s := a.env.size
	s.runs(a.running)
	m.sample.Busy, m.sample.Full = a.running, s.full
	s.load = loadToProto(m.sample)
	s.permille.Store(int64(s.load.GetCpuPermille()))
	before := s.state.Slots
	var why sizing.Why
	if !a.draining {
		s.state, why = s.state.Next(s.bounds, m.sample, time.Now())
	}
	s.full = a.running >= s.state.Slots
	if s.state.Slots != before {
		s.slots.Store(int64(s.state.Slots))
		a.env.log.Info("slots changed", slog.Int("slots", s.state.Slots), slog.Int("before", before),
			slog.Int("busy", a.running), slog.String("reason", why.String()))
		if a.session != nil {
			a.beat(ctx, beat{a.epoch})
		}
	}
	a.look(ctx)
}

func loadToProto(m sizing.Sample) *messages.MachineLoad {
	permille := func(share float64) uint32 { return uint32(1000 * max(0, share)) }
	return &messages.MachineLoad{
		CpuPermille: permille(m.CPU), MemoryFreeBytes: uint64(max(0, m.MemoryFree)),
		CpuPressurePermille: permille(m.CPUPressure), MemoryPressurePermille: permille(m.MemoryPressure),
	}
}

// WorkerSize is how much a worker takes and does.
type WorkerSize struct {
	Slots int     // attempts it takes at once
	Busy  int     // attempts that run
	CPU   float64 // share of its machine's processors in use, in [0,1]
}

// Size returns how much the worker takes and does now. It may be called from any
// goroutine.
func (n *WorkerNode) Size() WorkerSize {
	s := n.env.size
	return WorkerSize{
		Slots: int(s.slots.Load()), Busy: int(s.busy.Load()), CPU: float64(s.permille.Load()) / 1000,
	}
}
