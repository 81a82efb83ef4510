package sizing_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/sizing"
)

const gib = 1 << 30

var (
	computing = jobKind{phases: []phase{{compute: 0.4}}}
	waiting   = jobKind{phases: []phase{{wait: 1}}}
	both      = jobKind{phases: []phase{{compute: 0.1}, {wait: 0.7}, {compute: 0.1}}}
)

func machine(cores int, mix ...jobKind) plant {
	return plant{cores: cores, mix: mix, rand: rand.New(rand.NewPCG(1, 2))}
}

func allowed(cores int) sizing.Bounds { return sizing.Bounds{Least: 1, Most: 32 * cores, First: cores} }

func TestTheSizeFitsTheLoad(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mix         []jobKind
		least, most int // at the end, on four cores
	}{
		"jobs that compute get little more than a core each": {[]jobKind{computing}, 4, 6},
		"jobs that only wait get all that is allowed":        {[]jobKind{waiting}, 128, 128},
		"a mix gets what fills the cores":                    {[]jobKind{computing, waiting}, 11, 32},
		"jobs that do both get what fills the cores":         {[]jobKind{both}, 14, 36},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, b := machine(4, tt.mix...), allowed(4)
			s := sizing.Begin(b)
			got := p.drive(&s, b, time.Minute)
			assert.GreaterOrEqual(t, s.Slots, tt.least, "%v", got.sizes)
			assert.LessOrEqual(t, s.Slots, tt.most, "%v", got.sizes)
			assert.LessOrEqual(t, got.within(), 30, "decisions: %v", got.sizes)
			assert.LessOrEqual(t, got.turns(), 2, "it swings: %v", got.sizes)
		})
	}
}

// A size found out is about as good as the best of many fixed ones, for each load,
// and none of the fixed ones is that for all.
func TestTheSizeIsAboutAsGoodAsTheBestFixedOne(t *testing.T) {
	t.Parallel()
	const cores, long = 4, 2 * time.Minute
	for name, mix := range map[string][]jobKind{
		"computing": {computing}, "waiting": {waiting}, "both": {both}, "mixed": {computing, waiting},
		"mostly waiting": {waiting, waiting, waiting, computing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			best := 0
			for _, n := range []int{1, cores, 2 * cores, 4 * cores, 8 * cores} {
				best = max(best, throughput(machine(cores, mix...), n, long))
			}
			p, b := machine(cores, mix...), allowed(cores)
			s := sizing.Begin(b)
			p.drive(&s, b, long)
			assert.GreaterOrEqual(t, float64(p.done), 0.9*float64(best))
		})
	}
}

func TestProcessorsAreInUseWhileThereIsWork(t *testing.T) {
	t.Parallel()
	for name, mix := range map[string][]jobKind{
		"computing": {computing}, "both": {both}, "mixed": {computing, waiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, b := machine(2, mix...), allowed(2)
			s := sizing.Begin(b)
			p.drive(&s, b, 10*time.Second) // to find out
			before := p.used
			p.drive(&s, b, time.Minute)
			assert.Greater(t, (p.used-before)/(2*60), 0.8)
		})
	}
}

func TestALoadThatChangesIsFollowedWithinSeconds(t *testing.T) {
	t.Parallel()
	p, b := machine(4, computing), allowed(4)
	s := sizing.Begin(b)
	p.drive(&s, b, time.Minute)
	require.LessOrEqual(t, s.Slots, 6)
	p.mix = []jobKind{waiting}
	got := p.drive(&s, b, 6*time.Second)
	require.GreaterOrEqual(t, s.Slots, 64, "%v", got.sizes)
	p.drive(&s, b, 10*time.Second)
	p.mix = []jobKind{computing}
	got = p.drive(&s, b, time.Minute) // those that came in at once must end first: none is stopped
	assert.LessOrEqual(t, s.Slots, 16, "%v", got.sizes)
	assert.Contains(t, got.whys, sizing.Crowded)
}

func TestMemoryIsNotOvercommittedByGrowth(t *testing.T) {
	t.Parallel()
	hungry := jobKind{phases: []phase{{wait: 2}}, memory: gib}
	p, b := machine(4, hungry), allowed(4)
	p.memory = 16 * gib
	s := sizing.Begin(b)
	got := p.drive(&s, b, 10*time.Minute)
	assert.LessOrEqual(t, s.Slots, 15)
	assert.GreaterOrEqual(t, s.Slots, 13, "what fits is used: %v", got.sizes)
	assert.False(t, slices.Contains(got.whys, sizing.MemoryShort))
	assert.Zero(t, got.turns())
}

// Jobs that take their memory late fill it whatever is foreseen: the size is
// halved, and it tries again more and more rarely.
func TestAShortageOfMemoryIsTriedAgainMoreAndMoreRarely(t *testing.T) {
	t.Parallel()
	b := sizing.Bounds{Least: 1, Most: 64, First: 8}
	s := sizing.Begin(b)
	now := time.Unix(0, 0)
	var shortages []time.Duration
	for range int(2 * time.Hour / sizing.Interval) {
		m := sizing.Sample{
			Known: true, Cores: 4, CPU: 0.5, CPUPressure: -1, MemoryPressure: -1, MemoryTotal: 16 * gib,
			MemoryFree: 15 * gib, Busy: s.Slots, Full: true,
		}
		if s.Slots > 10 { // no sooner seen than there
			m.MemoryFree = gib / 2
		}
		before := s.Slots
		var why sizing.Why
		s, why = s.Next(b, m, now)
		if why == sizing.MemoryShort {
			require.LessOrEqual(t, s.Slots, before/2)
			shortages = append(shortages, now.Sub(time.Unix(0, 0)))
		}
		now = now.Add(sizing.Interval)
	}
	require.NotEmpty(t, shortages)
	assert.LessOrEqual(t, len(shortages), 8, "%v", shortages)
	for i := 2; i < len(shortages); i++ {
		assert.Greater(t, shortages[i]-shortages[i-1], shortages[1]-shortages[0], "%v", shortages)
	}
}

func TestTasksThatWaitForMemoryCutTheSize(t *testing.T) {
	t.Parallel()
	b := allowed(4)
	s := sizing.Begin(sizing.Bounds{Least: 1, Most: 128, First: 32})
	m := sizing.Sample{Known: true, Cores: 4, CPU: 0.5, CPUPressure: 0, Busy: 32, Full: true, MemoryPressure: 0.4}
	s, why := s.Next(b, m, time.Unix(0, 0))
	require.Equal(t, sizing.MemoryShort, why)
	require.Equal(t, 16, s.Slots)
	s, _ = s.Next(b, m, time.Unix(1, 0))
	require.Equal(t, 16, s.Slots, "32 still run: what is seen is theirs")
	m.Busy = 16
	s, _ = s.Next(b, m, time.Unix(2, 0))
	require.Equal(t, 8, s.Slots)
}

// Others have taken the machine over: jobs that wait are let in all the same, and
// jobs that compute get the slots that they would have without them.
func TestWhatOthersComputeTakesNoSlotsAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mix         []jobKind
		least, most int
	}{
		"waiting": {[]jobKind{waiting}, 128, 128}, "computing": {[]jobKind{computing}, 4, 6},
		"mixed": {[]jobKind{computing, waiting}, 4, 24},
	} {
		p, b := machine(4, tt.mix...), allowed(4)
		p.others = 16
		s := sizing.Begin(b)
		got := p.drive(&s, b, 2*time.Minute)
		assert.GreaterOrEqual(t, s.Slots, tt.least, "%s: %v", name, got.sizes)
		assert.LessOrEqual(t, s.Slots, tt.most, "%s: %v", name, got.sizes)
	}
}

func TestWithoutAViewOfItsTasksTheUseOfTheProcessorsDecides(t *testing.T) {
	t.Parallel()
	b := allowed(4)
	s, now := sizing.Begin(b), time.Unix(0, 0)
	m := sizing.Sample{Known: true, Cores: 4, CPU: 1, Runnable: -1, CPUPressure: 1, MemoryPressure: -1, Full: true}
	for range 100 {
		now = now.Add(sizing.Interval)
		m.Busy = s.Slots
		s, _ = s.Next(b, m, now)
	}
	assert.Equal(t, 4, s.Slots)
	m.CPU = 0.2
	for range 10 {
		now = now.Add(sizing.Interval)
		m.Busy = s.Slots
		s, _ = s.Next(b, m, now)
	}
	assert.Greater(t, s.Slots, 16)
}

func TestAttemptsOfManyTasksGiveSlotsBackToTheFirst(t *testing.T) {
	t.Parallel()
	b := allowed(4)
	s := sizing.Begin(sizing.Bounds{Least: 1, Most: 128, First: 12})
	for i := range 100 {
		m := sizing.Sample{
			Known: true, Cores: 4, CPU: 1, Runnable: 8 * float64(s.Slots), CPUPressure: 1, MemoryPressure: -1,
			Busy: s.Slots, Full: true,
		}
		s, _ = s.Next(b, m, time.Unix(int64(i), 0))
	}
	assert.Equal(t, 4, s.Slots, "a slot a core, and no less")
}

func TestASizeThatIsNotNeededIsForgottenSlowly(t *testing.T) {
	t.Parallel()
	p, b := machine(4, waiting), allowed(4)
	s := sizing.Begin(b)
	p.drive(&s, b, time.Minute)
	require.Equal(t, 128, s.Slots)
	p.demand = 20
	p.drive(&s, b, 50*time.Second)
	require.Equal(t, 128, s.Slots, "a pause is no change")
	got := p.drive(&s, b, 10*time.Minute)
	assert.Equal(t, 32, s.Slots, "twenty are at least half of it")
	assert.Zero(t, got.turns())
	p.demand = 1
	p.drive(&s, b, 10*time.Minute)
	assert.Equal(t, 4, s.Slots, "as at the beginning")
}

func TestWithoutAViewOfTheMachineNothingIsDecided(t *testing.T) {
	t.Parallel()
	b := allowed(4)
	for name, m := range map[string]sizing.Sample{
		"unknown":  {Full: true, Busy: 4, Cores: 4},
		"no cores": {Known: true, Full: true, Busy: 4},
	} {
		s, why := sizing.Begin(b).Next(b, m, time.Unix(0, 0))
		assert.Equal(t, 4, s.Slots, name)
		assert.Equal(t, sizing.Steady, why, name)
	}
	fixed := sizing.Bounds{Least: 3, Most: 3, First: 8}
	require.True(t, fixed.Fixed())
	s := sizing.Begin(fixed)
	s, _ = s.Next(fixed, sizing.Sample{Known: true, Cores: 4, Full: true}, time.Unix(0, 0))
	assert.Equal(t, 3, s.Slots)
}

func TestAQuotaCountsAsTheCoresThereAre(t *testing.T) {
	t.Parallel()
	b := sizing.Bounds{Least: 1, Most: 16, First: 1}
	s := sizing.Begin(b)
	sample := sizing.Sample{Known: true, Cores: 0.5, CPU: 0.98, Runnable: 1, Busy: 1, Full: true}
	s, why := s.Next(b, sample, time.Unix(0, 0))
	assert.Equal(t, 1, s.Slots)
	assert.Equal(t, sizing.Steady, why)
}

func TestReasonsAreWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for w := sizing.Steady; w <= sizing.Spare; w++ {
		assert.NotEqual(t, "unknown", w.String())
		seen[w.String()] = true
	}
	assert.Len(t, seen, int(sizing.Spare)+1)
	assert.Equal(t, "unknown", (sizing.Spare + 1).String())
}
