package scale

import (
	"time"

	"yardmaster/domain/retry"
)

const (
	// overdueFactor is how many boot times a launch may take before it counts as
	// failed.
	overdueFactor = 3
	// retryFirst and retryCap bound the pause after launches that failed.
	retryFirst = 10 * time.Second
	retryCap   = 10 * time.Minute
	// alertAfter is how many rounds of launches may fail one after the other before
	// somebody should look.
	alertAfter = 3
)

// Memory is what is remembered of a class from one decision to the next. The zero
// value has decided nothing yet; losing it costs no worker, only the time that a
// wish for fewer has held.
type Memory struct {
	// Booted is how long launches took lately, 0 before the first.
	Booted time.Duration
	// Target is how many workers there should be, once Settled.
	Target  int
	Settled bool
	// LastUp and LastDown are when the last step was made in each direction.
	LastUp, LastDown time.Time
	// SurplusSince is since when fewer than Target would do, and Peak how many were
	// needed meanwhile at most.
	SurplusSince time.Time
	Peak         int
	// Failures counts rounds of launches that failed one after the other.
	Failures    int
	RetryAt     time.Time
	LastFailure string
}

// Failed notes that a launch failed, and why. Launches of one round that fail
// together count once.
func (m Memory) Failed(now time.Time, why string) Memory {
	m.LastFailure = why
	if now.Before(m.RetryAt) {
		return m
	}
	m.Failures++
	m.RetryAt = now.Add(retry.Backoff(retryFirst, 2, retryCap, m.Failures, 0))
	return m
}

// Registered notes that a worker was there so long after it was asked for.
func (m Memory) Registered(took time.Duration) Memory {
	m.Failures, m.RetryAt, m.LastFailure = 0, time.Time{}, ""
	if m.Booted == 0 {
		m.Booted = took
	} else {
		m.Booted += (took - m.Booted) / 4
	}
	return m
}

// boot is how long the next launch of the class will take, as far as known.
func (m Memory) boot(c *Class) time.Duration {
	if m.Booted > 0 {
		return m.Booted
	}
	return max(c.Boot, time.Millisecond)
}

// overdue is how long a launch may take.
func (m Memory) overdue(c *Class) time.Duration { return overdueFactor * max(c.Boot, m.Booted) }

// aim takes in how many workers are needed now, and moves the target: up at once,
// but for the cooldown, and down when fewer have been enough for long.
func (m Memory) aim(c *Class, now time.Time, need int) (_ Memory, raised bool) {
	if need >= m.Target {
		m.SurplusSince, m.Peak = time.Time{}, 0
		if need > m.Target && m.mayRise(c, now) {
			m.Target, raised = need, true
		}
		return m, raised
	}
	if m.SurplusSince.IsZero() {
		m.SurplusSince = now
	}
	m.Peak = max(m.Peak, need)
	if now.Sub(m.SurplusSince) < c.Idle || now.Sub(m.LastUp) < c.CooldownDown || now.Sub(m.LastDown) < c.CooldownDown {
		return m, false
	}
	m.Target, m.LastDown = m.Peak, now
	m.SurplusSince, m.Peak = time.Time{}, 0
	return m, false
}

func (m Memory) mayRise(c *Class, now time.Time) bool { return now.Sub(m.LastUp) >= c.CooldownUp }

// mayLaunch reports that no pause after a failure is under way.
func (m Memory) mayLaunch(now time.Time) bool { return !now.Before(m.RetryAt) }
