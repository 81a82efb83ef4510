package sizing_test

import (
	"math/rand/v2"
	"time"

	"yardmaster/domain/sizing"
)

// phase is a part of a job: computing on one core, or waiting for something else.
type phase struct {
	compute, wait float64 // seconds
}

// jobKind is a job as the simulation knows it.
type jobKind struct {
	phases []phase
	memory int64 // bytes, from its beginning to its end
}

// task is a job that runs.
type task struct {
	kind  jobKind
	phase int
	left  phase
}

// plant is a machine that runs jobs in slots. Cores are shared evenly among those
// that compute; work never runs out unless demand says so.
type plant struct {
	cores  int
	memory int64
	mix    []jobKind
	demand int // jobs there are at once; 0: as many as there are slots
	others int // tasks of others, that always compute
	rand   *rand.Rand

	now     float64
	running []*task
	started int
	done    int
	used    float64 // core seconds
}

const tick = 0.01 // seconds of simulated time

// vary makes a phase up to half shorter or longer: no two jobs march in step.
func (p *plant) vary(f phase) phase {
	by := 0.5 + p.rand.Float64()
	return phase{f.compute * by, f.wait * by}
}

// fill starts jobs in what slots are free, and reports whether it filled them all.
func (p *plant) fill(slots int) (full bool) {
	for len(p.running) < slots && (p.demand == 0 || len(p.running) < p.demand) {
		k := p.mix[p.started%len(p.mix)]
		p.started++
		t := &task{kind: k, left: p.vary(k.phases[0])}
		p.running = append(p.running, t)
	}
	return len(p.running) >= slots
}

// step lets one tick pass, and returns how many tasks wanted a core.
func (p *plant) step() (runnable int) {
	for _, t := range p.running {
		if t.left.compute > 0 {
			runnable++
		}
	}
	share := tick
	if wanting := runnable + p.others; wanting > p.cores {
		share *= float64(p.cores) / float64(wanting)
	}
	kept := p.running[:0]
	for _, t := range p.running {
		if t.left.compute > 0 {
			t.left.compute -= share
			p.used += share
		} else {
			t.left.wait -= tick
		}
		if t.left.compute <= 0 && t.left.wait <= 0 {
			if t.phase++; t.phase == len(t.kind.phases) {
				p.done++
				continue
			}
			t.left = p.vary(t.kind.phases[t.phase])
		}
		kept = append(kept, t)
	}
	p.running = kept
	p.now += tick
	return runnable
}

func (p *plant) inUse() (bytes int64) {
	for _, t := range p.running {
		bytes += t.kind.memory
	}
	return bytes
}

// interval lets the time between two decisions pass, and returns what is seen.
func (p *plant) interval(slots int) sizing.Sample {
	ticks := int(sizing.Interval.Seconds()/tick + 0.5)
	before, contended, full, runnable := p.used, 0, false, 0
	short := 0
	for range ticks {
		full = p.fill(slots) || full
		if p.memory > 0 && p.inUse() > p.memory*95/100 {
			short++
		}
		if runnable = p.step(); runnable+p.others > p.cores {
			contended++
		}
	}
	cpu := (p.used - before) / sizing.Interval.Seconds() / float64(p.cores)
	if p.others >= p.cores {
		cpu = 1
	}
	return sizing.Sample{
		Known: true, Cores: float64(p.cores), CPU: cpu,
		Runnable: float64(runnable), CPUPressure: float64(contended) / float64(ticks),
		MemoryPressure: float64(short) / float64(ticks), MemoryTotal: p.memory,
		MemoryFree: max(0, p.memory-p.inUse()), Busy: len(p.running), Full: full,
	}
}

// trace is the sizes that were decided on, one after the other.
type trace struct {
	sizes []int
	whys  []sizing.Why
}

// drive has the machine sized for a time, and returns what was decided.
func (p *plant) drive(s *sizing.State, b sizing.Bounds, d time.Duration) (t trace) {
	for range int(d / sizing.Interval) {
		m := p.interval(s.Slots)
		var why sizing.Why
		*s, why = s.Next(b, m, time.Unix(0, int64(p.now*1e9)))
		t.sizes, t.whys = append(t.sizes, s.Slots), append(t.whys, why)
	}
	return t
}

// turns counts how often the size went the other way than the time before.
func (t trace) turns() (turns int) {
	last := 0
	for i := 1; i < len(t.sizes); i++ {
		way := t.sizes[i] - t.sizes[i-1]
		if way != 0 && last != 0 && (way > 0) != (last > 0) {
			turns++
		}
		if way != 0 {
			last = way
		}
	}
	return turns
}

// within returns how many decisions it took until the size was, to a quarter, what
// it is at the end.
func (t trace) within() int {
	last := t.sizes[len(t.sizes)-1]
	for i := len(t.sizes) - 1; i >= 0; i-- {
		if 4*max(t.sizes[i]-last, last-t.sizes[i]) > last {
			return i + 1
		}
	}
	return 0
}

// throughput returns the jobs that a fixed size finishes in a time.
func throughput(p plant, slots int, d time.Duration) int {
	for range int(d / sizing.Interval) {
		p.interval(slots)
	}
	return p.done
}
