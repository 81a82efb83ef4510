//go:build linux

package exec

// Running returns the PIDs of a provider's workers, by their names.
func Running(p *Provider) map[string]int { return p.running() }
