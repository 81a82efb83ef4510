package supervisor

import (
	"math"
	"time"
)

// Defaults of a Backoff.
const (
	defaultBase   = time.Second
	defaultCap    = time.Minute
	defaultFactor = 5.0
)

// Jitter says how much of a delay is left to chance, so that what fell together
// does not rise together.
type Jitter uint8

const (
	// EqualJitter draws from the upper half of the delay.
	EqualJitter Jitter = iota
	// FullJitter draws from the whole of it.
	FullJitter
	// NoJitter is for tests.
	NoJitter
)

// Backoff says how long a child waits for its next restart. The first restart
// is immediate; the delays after it are Base, Base×Factor, Base×Factor² and so
// on, at most Cap. The zero value stands for 1 s, 5 s, 25 s, 1 min.
type Backoff struct {
	Base   time.Duration // 0: 1 s
	Cap    time.Duration // 0: 1 min
	Factor float64       // 0: 5
	Jitter Jitter
}

// Delay returns how long to wait after the given number of failures in a row.
// chance in [0, 1) decides the jitter.
func (b Backoff) Delay(failures int, chance float64) time.Duration {
	if failures <= 1 {
		return 0
	}
	base, limit, factor := b.Base, b.Cap, b.Factor
	if base <= 0 {
		base = defaultBase
	}
	if limit <= 0 {
		limit = defaultCap
	}
	if factor <= 0 {
		factor = defaultFactor
	}
	delay := min(float64(base)*math.Pow(factor, float64(failures-2)), float64(limit))
	switch b.Jitter {
	case FullJitter:
		delay *= chance
	case EqualJitter:
		delay = delay/2 + delay/2*chance
	case NoJitter:
	}
	return time.Duration(delay)
}
