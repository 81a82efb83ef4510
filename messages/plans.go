package messages

import (
	"crypto/sha256"
	"sync"
	"weak"

	"yardmaster/domain/plan"
)

// Plans makes equal plans share one value, so that 100,000 runs of one workflow
// hold its plan once. It lets go of a plan when its last run does. It may be
// used by several goroutines.
type Plans struct {
	mu      sync.Mutex
	by      map[[sha256.Size]byte]weak.Pointer[plan.Workflow]
	sweepAt int // how many plans may gather before those that are gone are removed
}

// NewPlans returns an empty set of plans.
func NewPlans() *Plans {
	return &Plans{by: map[[sha256.Size]byte]weak.Pointer[plan.Workflow]{}, sweepAt: plansSwept}
}

// plansSwept is the least number of plans worth a sweep.
const plansSwept = 1024

// Decode returns the plan that data encodes: the same pointer for the same bytes
// as long as somebody holds it. It returns ErrMalformed like DecodePlan.
func (p *Plans) Decode(data []byte) (*plan.Workflow, error) {
	sum := sha256.Sum256(data)
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.by[sum].Value(); w != nil {
		return w, nil
	}
	w, err := DecodePlan(data)
	if err != nil {
		return nil, err
	}
	if len(p.by) >= p.sweepAt {
		p.sweep()
	}
	p.by[sum] = weak.Make(w)
	return w, nil
}

// sweep removes the plans that are gone. The next one comes when their number has
// doubled, so that many plans which stay are not gone through for each new one.
func (p *Plans) sweep() {
	for sum, ref := range p.by {
		if ref.Value() == nil {
			delete(p.by, sum)
		}
	}
	p.sweepAt = max(plansSwept, 2*len(p.by))
}
