package workflow

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxLabels   = 32
	maxLabelLen = 63
)

// runsOn reads the capabilities a worker must have: one label, a list of them, or a
// mapping with labels.
func (d *decoder) runsOn(n *node) (labels []string) {
	if n.kind == mapping {
		readFields(d, n, "runs-on", []field[[]string]{
			{"labels", func(d *decoder, into *[]string, v *node) {
				if v.kind == mapping {
					d.expect(v, list, "a list of labels")
					return
				}
				*into = d.runsOn(v)
			}},
		}, &labels)
		return labels
	}
	for _, item := range d.oneOrMany(n) {
		if s, ok := d.text(item); ok {
			labels = append(labels, d.label(item, strings.ToLower(s)))
		}
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	switch {
	case n.kind == list && len(n.items) == 0:
		d.report(n.pos, "runs-on names no label", "remove it to run on any worker")
	case len(labels) > maxLabels:
		d.reportLimit(n.pos, fmt.Sprintf("runs-on has more than %d labels", maxLabels), "")
	}
	return labels
}

func (d *decoder) label(n *node, s string) string {
	if len(s) > maxLabelLen || !isLabel(s) {
		d.report(n.pos, quote(s)+" is not a label",
			fmt.Sprintf("a letter or digit, then letters, digits and . _ = / -, at most %d in all", maxLabelLen))
	}
	return s
}

func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case i > 0 && strings.IndexByte("._=/-", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
