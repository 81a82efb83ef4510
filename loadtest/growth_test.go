package loadtest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/loadtest"
)

// points are an hour of measurements, one every ten seconds, of a line with noise
// that remembers some of what it was before.
func points(r *rand.Rand, slope, noise, memory float64) (s loadtest.Series) {
	rest := 0.0
	for i := range 360 {
		at := float64(i) * 10
		rest = memory*rest + noise*r.NormFloat64()
		s.At, s.Values = append(s.At, at), append(s.Values, 100+slope*at/3600+rest)
	}
	return s
}

func TestALineIsFoundAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slope := rapid.Float64Range(-1000, 1000).Draw(t, "slope")
		s := points(rand.New(rand.NewPCG(1, 2)), slope, 0, 0)
		s.Judge(0, 0.05)
		assert.InDelta(t, slope, s.Growth.Slope, 1e-6)
		assert.InDelta(t, slope, s.Growth.Low, 1e-3)
		assert.InDelta(t, slope, s.Growth.High, 1e-3)
		assert.InDelta(t, 100+slope*359/720, s.Growth.Mean, 1e-6)
	})
}

// TestTheIntervalHoldsTheSlope counts how often it does, in noise that knows nothing
// of the point before and in noise that hardly leaves it.
func TestTheIntervalHoldsTheSlope(t *testing.T) {
	t.Parallel()
	const tries = 500
	for memory, least := range map[float64]int{0: tries * 92 / 100, 0.5: tries * 92 / 100, 0.9: tries * 85 / 100} {
		r := rand.New(rand.NewPCG(3, 4))
		held := 0
		for range tries {
			s := points(r, 2, 3, memory)
			s.Judge(0, 0)
			if s.Growth.Low <= 2 && 2 <= s.Growth.High {
				held++
			}
		}
		assert.GreaterOrEqual(t, held, least, "memory %v", memory)
	}
}

func TestASlopeHasAVerdict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		slope, noise float64
		bound        float64
		want         loadtest.Verdict
	}{
		{"nothing happens", 0, 0, 0.05, loadtest.Steadily},
		{"it shrinks", -50, 1, 0.05, loadtest.Steadily},
		{"little noise around a level", 0, 1, 0.05, loadtest.Steadily},
		{"so much noise that the level is not known", 0, 100, 0.05, loadtest.Unclear},
		{"a slow growth, nearly as much as it may be", 4.9, 1, 0.05, loadtest.Slowly},
		{"a leak", 20, 1, 0.05, loadtest.Grows},
		{"a small leak, when nothing may grow", 1, 0.1, 0, loadtest.Grows},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := points(rand.New(rand.NewPCG(5, 6)), tt.slope, tt.noise, 0)
			s.Judge(0, tt.bound)
			assert.Equal(t, tt.want, s.Growth.Verdict, "%+v", s.Growth)
		})
	}
}

func TestTheWarmupDoesNotCount(t *testing.T) {
	t.Parallel()
	var s loadtest.Series
	for i := range 100 {
		s.At, s.Values = append(s.At, float64(i)), append(s.Values, float64(min(i, 50)))
	}
	s.Judge(50*time.Second, 0)
	require.NotNil(t, s.Growth)
	assert.Equal(t, loadtest.Growth{Mean: 50, Verdict: loadtest.Steadily, Bound: 0}, *s.Growth)
	s = loadtest.Series{At: s.At[:57], Values: s.Values[:57]}
	s.Judge(50*time.Second, 0)
	assert.Nil(t, s.Growth, "seven points are too few")
}

func TestTheQuantileIsStudents(t *testing.T) {
	t.Parallel()
	for freedom, want := range map[float64]float64{3: 3.182, 5: 2.571, 10: 2.228, 30: 2.042, 1000: 1.962} {
		assert.InDelta(t, want, loadtest.Quantile(freedom), 0.025, freedom)
	}
}

func TestAPlotShowsTheWay(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "▁▂▃▄▅▆▇█", loadtest.Plot([]float64{0, 1, 2, 3, 4, 5, 6, 7}, 60))
	assert.Equal(t, "▁█▁█", loadtest.Plot([]float64{1, 1, 9, 9, 1, 1, 9, 9}, 4))
	assert.Equal(t, "▁▁▁", loadtest.Plot([]float64{5, 5, 5}, 60))
}
