package supervisor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/supervisor"
)

// TestIntensityCountsWhatIsYoungerThanThePeriod compares the window with a
// count over the whole past.
func TestIntensityCountsWhatIsYoungerThanThePeriod(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := supervisor.Intensity{
			Restarts: rapid.IntRange(0, 5).Draw(t, "restarts"),
			Period:   time.Duration(rapid.IntRange(1, 20).Draw(t, "period")) * time.Second,
		}
		var w supervisor.Window
		var past []time.Time
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 40).Draw(t, "failures") {
			now = now.Add(time.Duration(rapid.IntRange(0, 10).Draw(t, "seconds")) * time.Second)
			past = append(past, now)
			young := 0
			for _, at := range past {
				if at.Add(limit.Period).After(now) {
					young++
				}
			}
			require.Equal(t, young <= limit.Restarts, w.Allow(limit, now))
			require.Equal(t, young, w.Kept(), "the rest is forgotten")
		}
	})
}

func TestBackoffGrowsUpToItsCap(t *testing.T) {
	t.Parallel()
	want := []time.Duration{0, 0, time.Second, 5 * time.Second, 25 * time.Second, time.Minute, time.Minute}
	for failures, delay := range want {
		assert.Equal(t, delay, noJitter().Delay(failures, 0.9), "failure %d", failures)
	}
	assert.Equal(t, time.Minute, noJitter().Delay(100_000, 0.9))
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := supervisor.Backoff{
			Base:   time.Duration(rapid.IntRange(1, 1000).Draw(t, "base")) * time.Millisecond,
			Cap:    time.Duration(rapid.IntRange(1, 100).Draw(t, "cap")) * time.Second,
			Factor: rapid.Float64Range(1, 10).Draw(t, "factor"),
		}
		failures, chance := rapid.IntRange(2, 50).Draw(t, "failures"), rapid.Float64Range(0, 0.999).Draw(t, "chance")
		plain, full := b, b
		plain.Jitter, full.Jitter = supervisor.NoJitter, supervisor.FullJitter
		whole := plain.Delay(failures, chance)
		require.LessOrEqual(t, whole, b.Cap)
		require.LessOrEqual(t, b.Delay(failures, chance), whole)
		require.GreaterOrEqual(t, b.Delay(failures, chance)+1, whole/2)
		require.InDelta(t, float64(whole)*chance, float64(full.Delay(failures, chance)), 2)
	})
}
