package workflow

import (
	"fmt"
	"slices"
	"time"

	"yardmaster/domain/plan"
	"yardmaster/domain/retry"
)

// settings reads the key yardmaster over what s holds already.
func (d *decoder) settings(n *node, fields []field[settings], s *settings) {
	readFields(d, n, "yardmaster", fields, s)
}

// fileSettings are the settings that a workflow may give for all its jobs.
func fileSettings() []field[settings] {
	return []field[settings]{
		{"retry", func(d *decoder, s *settings, v *node) { d.retry(v, &s.retry) }},
		{"priority", func(d *decoder, s *settings, v *node) {
			s.priority = d.integer(v, "priority", -plan.MaxPriority, plan.MaxPriority)
		}},
		{"idempotent", func(d *decoder, s *settings, v *node) { s.idempotent = d.boolean(v) }},
		{"resources", func(d *decoder, s *settings, v *node) { d.resources(v, &s.resources) }},
	}
}

func jobSettings() []field[settings] {
	return append(fileSettings(), field[settings]{"executor", func(d *decoder, s *settings, v *node) {
		s.executor = d.executor(v)
	}})
}

func (d *decoder) executor(n *node) string {
	s, ok := d.text(n)
	if ok && s != plan.ExecutorProcess && s != plan.ExecutorNoop {
		d.report(n.pos, "unknown executor "+quote(s),
			fmt.Sprintf("possible: %s, %s", plan.ExecutorProcess, plan.ExecutorNoop))
	}
	return s
}

// maxFactor keeps the wait from reaching its cap in one step by a slip of the pen.
const maxFactor = 100

const retryExample = `write for example retry: {attempts: 3, delay: 5s}`

// retry reads a policy over p: keys that are not there keep their value.
func (d *decoder) retry(n *node, p *retry.Policy) {
	if n.kind != mapping {
		d.wrong(n, "retry: expected a mapping", retryExample)
		return
	}
	before := len(d.list)
	readFields(d, n, "retry", []field[retry.Policy]{
		{"attempts", func(d *decoder, p *retry.Policy, v *node) {
			p.MaxAttempts = d.integer(v, "attempts", 1, retry.MaxAttempts)
		}},
		{"delay", func(d *decoder, p *retry.Policy, v *node) { p.Delay = d.duration(v, "delay", retry.MaxDelay) }},
		{"factor", func(d *decoder, p *retry.Policy, v *node) { p.Factor = d.factor(v) }},
		{"max-delay", func(d *decoder, p *retry.Policy, v *node) { p.Cap = d.maxDelay(v) }},
		{"exit-codes", func(d *decoder, p *retry.Policy, v *node) { p.ExitCodes = d.exitCodes(v) }},
	}, p)
	switch {
	case len(d.list) > before:
	case p.MaxAttempts == 0:
		d.report(n.pos, "retry does not say how many attempts", retryExample)
	case p.Cap > 0 && p.Delay > p.Cap:
		at := n.pos
		if key := n.key("max-delay"); key != nil {
			at = key.pos
		}
		d.report(at, fmt.Sprintf("max-delay (%s) is below delay (%s)", p.Cap, p.Delay), "")
	}
}

func (d *decoder) factor(n *node) float64 {
	v, ok := d.number(n, "factor")
	if ok && (v < 1 || v > maxFactor) {
		d.report(n.pos, fmt.Sprintf("factor must be from 1 to %d", maxFactor), "2 doubles the wait each time")
	}
	return v
}

func (d *decoder) maxDelay(n *node) time.Duration {
	before := len(d.list)
	v := d.duration(n, "max-delay", retry.MaxDelay)
	if v == 0 && len(d.list) == before {
		d.report(n.pos, "max-delay must be above 0", "remove it for the longest, "+retry.MaxDelay.String())
	}
	return v
}

const maxExitCode = 255

func (d *decoder) exitCodes(n *node) (codes []int) {
	for _, item := range d.oneOrMany(n) {
		c := d.integer(item, "an exit code", 1, maxExitCode)
		if !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	return codes
}
