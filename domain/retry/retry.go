// Package retry says whether and when a job is tried again.
package retry

import (
	"math"
	"slices"
	"time"
)

// Limits of a policy.
const (
	MaxAttempts = 100
	MaxDelay    = 24 * time.Hour
)

// Policy is what a job's file says about trying again after a failure that is
// the user's own. The zero value tries once.
type Policy struct {
	// MaxAttempts counts the first one too; 0 and 1 both mean no retry.
	MaxAttempts int
	// Delay is the wait before the second attempt; 0 means at once.
	Delay time.Duration
	// Factor multiplies the wait from one attempt to the next; below 1 means 2.
	Factor float64
	// Cap is the longest wait; 0 means MaxDelay.
	Cap time.Duration
	// ExitCodes are the only exit codes worth another attempt; empty means any.
	ExitCodes []int
}

// Again reports whether a job whose attempt number n (counted from 1) ended with
// exitCode is tried again.
func (p Policy) Again(n, exitCode int) bool {
	if n >= min(p.MaxAttempts, MaxAttempts) {
		return false
	}
	return len(p.ExitCodes) == 0 || slices.Contains(p.ExitCodes, exitCode)
}

// Wait returns the pause after attempt number n, between half of the capped
// exponential and all of it, as jitter in [0,1) says.
func (p Policy) Wait(n int, jitter float64) time.Duration {
	return Backoff(p.Delay, p.Factor, p.Cap, n, jitter)
}

// Backoff returns the capped exponential pause after failure number n (counted
// from 1): first*factor^(n-1), at most limit, less up to half of itself as
// jitter in [0,1) says. A factor below 1 means 2; a limit of 0 means MaxDelay.
func Backoff(first time.Duration, factor float64, limit time.Duration, n int, jitter float64) time.Duration {
	if first <= 0 {
		return 0
	}
	if factor < 1 {
		factor = 2
	}
	if limit <= 0 || limit > MaxDelay {
		limit = MaxDelay
	}
	full := math.Min(float64(limit), float64(first)*math.Pow(factor, float64(max(0, n-1))))
	return time.Duration(full * (1 - jitter/2))
}
