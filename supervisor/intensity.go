package supervisor

import "time"

// Intensity is how many restarts a supervisor tolerates within a period before
// it gives up and lets its own parent decide.
type Intensity struct {
	Restarts int
	Period   time.Duration
}

// window remembers the restarts that still count, and forgets the others, so it
// never holds more than one beyond the limit.
type window struct{ at []time.Time }

// allow records a restart at now and reports whether the limit still holds.
func (w *window) allow(limit Intensity, now time.Time) bool {
	kept := w.at[:0]
	for _, t := range w.at {
		if now.Sub(t) < limit.Period {
			kept = append(kept, t)
		}
	}
	w.at = append(kept, now)
	return len(w.at) <= limit.Restarts
}

// streak counts the failures of one child that followed each other closely.
type streak struct {
	failures int
	last     time.Time
}

// fail records a failure at now and returns its number in the streak. A child
// that was well for longer than forget begins a new one; 0 never forgets.
func (s *streak) fail(now time.Time, forget time.Duration) int {
	if forget > 0 && now.Sub(s.last) >= forget {
		s.failures = 0
	}
	s.failures, s.last = s.failures+1, now
	return s.failures
}
