package placement

import (
	"math"
	"time"
)

// slowest is the longest time between two starts that a pace can ask for.
const slowest = 24 * 365 * time.Hour

// pace spaces out the starts of a project: one after the other at even distances,
// but as many at once as a second has, or one, when it has started none for long.
type pace struct {
	every time.Duration // between two starts; 0 is no limit
	slack time.Duration // how far starts may run ahead of an even pace
	next  time.Time     // when, at an even pace, the next start would be
}

func paceOf(perSecond float64) pace {
	if perSecond <= 0 {
		return pace{}
	}
	every := time.Duration(min(float64(slowest), float64(time.Second)/perSecond))
	return pace{every: every, slack: max(0, time.Second-every)}
}

// opens returns from when on a start is allowed.
func (p *pace) opens() time.Time { return p.next.Add(-p.slack) }

// starts returns how many starts are allowed at once.
func (p *pace) starts(now time.Time) int {
	ahead := p.next.Sub(now)
	switch {
	case p.every == 0:
		return math.MaxInt
	case ahead < 0:
		ahead = 0
	case ahead > p.slack:
		return 0
	}
	return int((p.slack-ahead)/p.every) + 1
}

// start counts a start.
func (p *pace) start(now time.Time) {
	if p.every == 0 {
		return
	}
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(p.every)
}
