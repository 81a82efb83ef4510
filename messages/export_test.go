package messages

// Len returns how many plans are remembered, those that are gone included.
func (p *Plans) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.by)
}

// PlansSwept is the least number of plans worth a sweep.
const PlansSwept = plansSwept
