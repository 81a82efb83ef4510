package workflow

import (
	"strings"
	"unicode/utf8"

	"yardmaster/domain/plan"
)

// maxConcurrencyGroup bounds the name of a group, in characters.
const maxConcurrencyGroup = 400

// concurrency reads the name of a group, or a mapping with one. Its expressions have
// been evaluated.
func (d *decoder) concurrency(n *node) (c plan.Concurrency) {
	switch {
	case n.kind == scalar && !n.null():
		c.Group = d.concurrencyGroup(n)
		return c
	case n.kind != mapping:
		d.wrong(n, "concurrency: expected the name of a group, or a mapping", "write for example concurrency: deploy")
		return c
	}
	readFields(d, n, "concurrency", []field[plan.Concurrency]{
		{"group", func(d *decoder, c *plan.Concurrency, v *node) { c.Group = d.concurrencyGroup(v) }},
		{"cancel-in-progress", func(d *decoder, c *plan.Concurrency, v *node) { c.CancelInProgress = d.boolean(v) }},
		{"queue", func(d *decoder, c *plan.Concurrency, v *node) { c.KeepAll = d.queue(v) }},
	}, &c)
	switch {
	case n.key("group") == nil:
		d.report(n.pos, "concurrency has no group", "runs of the same group take turns: give it a name")
	case c.CancelInProgress && c.KeepAll:
		d.report(n.pos, "cancel-in-progress leaves nothing that could wait", "remove it, or queue: max")
	}
	return c
}

func (d *decoder) concurrencyGroup(n *node) string {
	s, ok := d.text(n)
	switch {
	case !ok:
		return ""
	case strings.TrimSpace(s) == "":
		d.report(n.pos, "the name of a group must not be empty", "")
		return ""
	case utf8.RuneCountInString(s) > maxConcurrencyGroup || !printable(s):
		d.report(n.pos, "the name of a group is one line of at most 400 printable characters", "")
		return ""
	}
	return strings.ToLower(s) // groups that differ in case only are the same
}

// queue reads how many runs of a group may wait: one, or all of them.
func (d *decoder) queue(n *node) (all bool) {
	s, ok := d.text(n)
	if ok && s != "single" && s != "max" {
		d.report(n.pos, "queue must be single or max", "single keeps the newest run that waits, max all of them")
	}
	return s == "max"
}
