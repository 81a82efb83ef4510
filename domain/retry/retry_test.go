package retry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhetherAJobIsTriedAgain(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name     string
		policy   retry.Policy
		n, exit  int
		expected bool
	}{
		{"the zero policy tries once", retry.Policy{}, 1, 1, false},
		{"one attempt is no retry", retry.Policy{MaxAttempts: 1}, 1, 1, false},
		{"the second of three is followed by a third", retry.Policy{MaxAttempts: 3}, 2, 1, true},
		{"the third of three is the last", retry.Policy{MaxAttempts: 3}, 3, 1, false},
		{"no policy goes beyond the limit", retry.Policy{MaxAttempts: 1_000_000}, retry.MaxAttempts, 1, false},
		{"an exit code that is listed is tried again", retry.Policy{MaxAttempts: 3, ExitCodes: []int{2, 75}}, 1, 75, true},
		{"an exit code that is not listed is final", retry.Policy{MaxAttempts: 3, ExitCodes: []int{2, 75}}, 1, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.expected, tt.policy.Again(tt.n, tt.exit))
		})
	}
}

func TestHowLongAJobWaits(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name   string
		policy retry.Policy
		n      int
		jitter float64
		want   time.Duration
	}{
		{"no delay is none", retry.Policy{Factor: 9, Cap: time.Hour}, 5, 0, 0},
		{"the first wait is the delay", retry.Policy{Delay: time.Second}, 1, 0, time.Second},
		{"without a factor it doubles", retry.Policy{Delay: time.Second}, 4, 0, 8 * time.Second},
		{"a factor of one keeps it", retry.Policy{Delay: time.Second, Factor: 1}, 4, 0, time.Second},
		{"the cap holds", retry.Policy{Delay: time.Second, Factor: 10, Cap: time.Minute}, 3, 0, time.Minute},
		{"jitter takes up to half", retry.Policy{Delay: time.Second}, 1, 0.5, 750 * time.Millisecond},
		{"jitter takes from what is capped", retry.Policy{Delay: time.Hour, Cap: time.Minute}, 9, 0.5, 45 * time.Second},
		{"nothing waits longer than a day", retry.Policy{Delay: time.Second, Cap: 1 << 62}, 99, 0, retry.MaxDelay},
		{"failure zero counts as the first", retry.Policy{Delay: time.Second}, 0, 0, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.policy.Wait(tt.n, tt.jitter))
		})
	}
}

func TestABackoffGrowsWithinItsBounds(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		first := time.Duration(rapid.Int64Range(1, int64(retry.MaxDelay)).Draw(t, "first"))
		factor := rapid.Float64Range(0, 100).Draw(t, "factor")
		limit := time.Duration(rapid.Int64Range(-1, int64(2*retry.MaxDelay)).Draw(t, "limit"))
		jitter := rapid.Float64Range(0, 0.999999).Draw(t, "jitter")
		n := rapid.IntRange(1, 10_000).Draw(t, "n")

		full, next := retry.Backoff(first, factor, limit, n, 0), retry.Backoff(first, factor, limit, n+1, 0)
		if next < full {
			t.Fatalf("wait %d is %v, the one after it %v", n, full, next)
		}
		highest := retry.MaxDelay
		if limit > 0 {
			highest = min(highest, limit)
		}
		if full <= 0 || full > highest {
			t.Fatalf("wait of %v, at most %v", full, highest)
		}
		if got := retry.Backoff(first, factor, limit, n, jitter); got < full/2 || got > full {
			t.Fatalf("wait of %v, not between half of %v and all of it", got, full)
		}
	})
}

func TestAPolicyReadsWell(t *testing.T) {
	t.Parallel()

	for want, p := range map[string]retry.Policy{
		"no retry":     {MaxAttempts: 1, Delay: time.Second},
		"100 attempts": {MaxAttempts: 1000},
		"3 attempts, 1s apart, times 1.5 each, at most 1m0s": {
			MaxAttempts: 3, Delay: time.Second, Factor: 1.5, Cap: time.Minute,
		},
		"2 attempts, 1s apart, times 2 each, at most 24h0m0s, after exit codes [1 75] only": {
			MaxAttempts: 2, Delay: time.Second, ExitCodes: []int{1, 75},
		},
	} {
		assert.Equal(t, want, p.String())
	}
}
