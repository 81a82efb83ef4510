package main

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTheCollectorsTargetFollowsTheLiveHeap(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		live uint64
		want int
	}{
		"unknown":             {0, gcMost},
		"a byte":              {1, gcMost},
		"small":               {4 << 20, gcMost},
		"where the most ends": {16 << 20, 800},
		"beyond":              {32 << 20, 400},
		"half the heap":       {80 << 20, 100},
		"all of the heap":     {160 << 20, gcLeast},
		"large":               {8 << 30, gcLeast},
		"as large as can be":  {1<<64 - 1, gcLeast},
	} {
		assert.Equal(t, tt.want, gcPercent(tt.live), name)
	}
}

func TestTheCollectorsTargetLeavesRoom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		live := rapid.Uint64Range(1, 1<<40).Draw(t, "live")
		percent := uint64(gcPercent(live))
		garbage := live * percent / 100
		if garbage < live*gcLeast/100 {
			t.Fatalf("%d bytes of garbage are less than the least", garbage)
		}
		// A percent is as fine as the target can be set.
		if percent < gcMost && live+garbage+live/100+1 < gcHeap {
			t.Fatalf("a heap of %d bytes is collected", live+garbage)
		}
		if percent > gcLeast && live+garbage > gcHeap {
			t.Fatalf("a heap of %d bytes is not collected", live+garbage)
		}
		if more := live + rapid.Uint64Range(0, 1<<40).Draw(t, "more"); uint64(gcPercent(more)) > percent {
			t.Fatalf("more live bytes (%d) have a higher target", more)
		}
	})
}

// TestTheTargetIsSet changes the collector of the whole process, so it is not
// parallel.
func TestTheTargetIsSet(t *testing.T) {
	before := debug.SetGCPercent(77)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		tuneGC(func(asked string) string {
			if asked == name {
				return "1"
			}
			return ""
		})
		assert.Equal(t, 77, debug.SetGCPercent(77), "%s wins", name)
	}

	tuner := &gcTuner{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	tuner.adjust()
	assert.Equal(t, tuner.percent, debug.SetGCPercent(77))
	assert.GreaterOrEqual(t, tuner.percent, gcLeast)
	tuner.percent += tuner.percent / 20 // within a tenth of what it is to be
	near := tuner.percent
	tuner.adjust()
	assert.Equal(t, near, tuner.percent, "a small change is not worth it")
	assert.Equal(t, 77, debug.SetGCPercent(77))
}
