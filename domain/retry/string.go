package retry

import "fmt"

// String says in words what the policy does.
func (p Policy) String() string {
	n := min(p.MaxAttempts, MaxAttempts)
	if n <= 1 {
		return "no retry"
	}
	s := fmt.Sprintf("%d attempts", n)
	if p.Delay > 0 {
		factor, limit := p.Factor, p.Cap
		if factor < 1 {
			factor = 2
		}
		if limit <= 0 || limit > MaxDelay {
			limit = MaxDelay
		}
		s += fmt.Sprintf(", %v apart, times %g each, at most %v", p.Delay, factor, limit)
	}
	if len(p.ExitCodes) > 0 {
		s += fmt.Sprintf(", after exit codes %d only", p.ExitCodes)
	}
	return s
}
