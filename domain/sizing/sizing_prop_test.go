package sizing_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/sizing"
)

func anyBounds(t *rapid.T) sizing.Bounds {
	least := rapid.IntRange(1, 50).Draw(t, "least")
	return sizing.Bounds{
		Least: least, Most: least + rapid.IntRange(0, 500).Draw(t, "span"), First: rapid.IntRange(0, 600).Draw(t, "first"),
	}
}

func anySample(t *rapid.T) sizing.Sample {
	return sizing.Sample{
		Known: rapid.IntRange(0, 9).Draw(t, "known") > 0, Cores: rapid.Float64Range(0, 256).Draw(t, "cores"),
		CPU:            rapid.Float64Range(0, 1).Draw(t, "cpu"),
		Runnable:       rapid.Float64Range(-1, 5000).Draw(t, "runnable"),
		CPUPressure:    rapid.Float64Range(-1, 1).Draw(t, "cpu pressure"),
		MemoryPressure: rapid.Float64Range(-1, 0.3).Draw(t, "memory pressure"),
		MemoryFree:     rapid.Int64Range(0, 64*gib).Draw(t, "free"),
		MemoryTotal:    rapid.SampledFrom([]int64{0, 64 * gib}).Draw(t, "total"),
		Busy:           rapid.IntRange(0, 700).Draw(t, "busy"), Full: rapid.Bool().Draw(t, "full"),
	}
}

// TestTheSizeKeepsToItsBounds shows it anything, in any order.
func TestTheSizeKeepsToItsBounds(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		b := anyBounds(t)
		s, now := sizing.Begin(b), time.Unix(0, 0)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			m := anySample(t)
			now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			before := s.Slots
			var why sizing.Why
			s, why = s.Next(b, m, now)
			switch {
			case s.Slots < b.Least || s.Slots > b.Most:
				t.Fatalf("%d is not in [%d,%d]", s.Slots, b.Least, b.Most)
			case s.Slots > 2*before:
				t.Fatalf("from %d to %d at once", before, s.Slots)
			case s.Slots > before && (!m.Full || m.CPU >= 0.9 && (m.Runnable < 0 || m.Runnable >= 0.9*m.Cores)):
				t.Fatalf("more than %d for nothing: %+v", before, m)
			case s.Slots > before && why == sizing.Steady:
				t.Fatalf("from %d to %d without a reason", before, s.Slots)
			case s.Slots < before && why != sizing.MemoryShort && why != sizing.Crowded && why != sizing.Spare:
				t.Fatalf("from %d to %d because of %v", before, s.Slots, why)
			case s.Slots < before && why != sizing.MemoryShort && s.Slots < b.Clamp(b.First):
				t.Fatalf("%d is below the first size for want of memory only, not because of %v", s.Slots, why)
			}
		}
	})
}

// TestTheSizeSettles runs it against loads that do not change: it gets there within
// a minute, and does not swing.
func TestTheSizeSettles(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		p := plant{
			cores: rapid.IntRange(1, 8).Draw(t, "cores"),
			rand:  rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
		}
		for range rapid.IntRange(1, 3).Draw(t, "kinds") {
			p.mix = append(p.mix, jobKind{phases: []phase{
				{compute: float64(rapid.IntRange(0, 40).Draw(t, "compute")) / 100},
				{wait: float64(rapid.IntRange(2, 60).Draw(t, "wait")) / 100},
			}})
		}
		b := sizing.Bounds{Least: 1, Most: rapid.IntRange(p.cores, 64).Draw(t, "most"), First: p.cores}
		s := sizing.Begin(b)
		p.drive(&s, b, time.Minute)
		got := p.drive(&s, b, time.Minute)
		if turns := got.turns(); turns > 6 {
			t.Fatalf("it turns %d times: %v", turns, got.sizes)
		}
		if least, most := slices.Min(got.sizes), slices.Max(got.sizes); 3*(most-least) > 2*most && most-least > 2 {
			t.Fatalf("it swings between %d and %d: %v", least, most, got.sizes)
		}
		before := p.used
		p.drive(&s, b, 30*time.Second)
		if share := (p.used - before) / 30 / float64(p.cores); share < 0.8 && s.Slots < b.Most {
			t.Fatalf("%d slots use %.2f of the processors: %v", s.Slots, share, got.sizes)
		}
	})
}
