package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// gcHeap is the heap below which nothing needs collecting. A node's live heap
	// is small while its queue is short, and collecting every few megabytes would
	// cost more than the work itself.
	gcHeap = 160 << 20
	// gcLeast is the least garbage, in percent of the live heap: a long queue
	// shall not cost twice its size. gcMost keeps a small heap from growing to all
	// of gcHeap at once.
	gcLeast, gcMost = 35, 800
)

// tuneGC keeps the garbage collector's target at gcHeap, but at least gcLeast and
// at most gcMost percent above the live heap. An operator's own GOGC or GOMEMLIMIT
// wins.
func tuneGC(getenv func(string) string) {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return
	}
	t := &gcTuner{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	t.adjust()
	t.arm()
}

// gcTuner adjusts the target after each collection, by the finalizer of an
// object that each collection finds dead.
type gcTuner struct {
	sample  []metrics.Sample
	percent int
}

func (t *gcTuner) arm() {
	// Larger than 16 bytes, so that it does not share its block with something
	// that lives longer.
	runtime.SetFinalizer(new([32]byte), func(*[32]byte) {
		t.adjust()
		t.arm()
	})
}

func (t *gcTuner) adjust() {
	metrics.Read(t.sample)
	percent := gcPercent(t.sample[0].Value.Uint64())
	if change := percent - t.percent; change*change*100 > t.percent*t.percent { // by more than a tenth
		t.percent = percent
		debug.SetGCPercent(percent)
	}
}

// gcPercent returns the target for a live heap of that many bytes, as garbage in
// percent of it.
func gcPercent(live uint64) int {
	if live == 0 {
		return gcMost
	}
	room := uint64(0)
	if live < gcHeap {
		room = gcHeap - live
	}
	return int(min(max(room*100/live, gcLeast), gcMost))
}
