package graph

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel bounds a line of a label, in columns.
const maxLabel = 44

// label is what stands in a job's box.
type label struct {
	name  string
	notes []string
	stack bool // its box looks like several
}

// labelOf returns what is said of a job. All cells of a large matrix are shown only
// when expand is set.
func labelOf(j *Job, expand bool) label {
	l := label{name: shorten(j.Name), stack: j.Matrix}
	if j.ID != j.Name {
		l.notes = append(l.notes, shorten(j.ID))
	}
	if j.If != "" {
		l.notes = append(l.notes, shorten("if "+j.If))
	}
	switch {
	case !j.Matrix:
	case len(j.Cells) > MaxShown && !expand:
		l.notes = append(l.notes, fmt.Sprintf("%d cells", len(j.Cells)))
	default:
		for _, cell := range j.Cells {
			l.notes = append(l.notes, shorten(j.Values(cell)))
		}
	}
	return l
}

// breadth returns how many columns s fills at most.
func breadth(s string) (n int) {
	const firstWide = 0x1100 // no character below fills two columns
	for _, r := range s {
		n++
		if r >= firstWide && (r < 0x2000 || r >= 0x2e80) {
			n++
		}
	}
	return n
}

// shorten cuts s to what a label may have.
func shorten(s string) string {
	if breadth(s) <= maxLabel {
		return s
	}
	n := 1 // for the dots
	for i, r := range s {
		if n += breadth(string(r)); n > maxLabel {
			return s[:i] + "…"
		}
	}
	return s
}

// pad fills s with spaces to a number of columns.
func pad(s string, columns int) string {
	return fmt.Sprintf("%s%*s", s, max(0, columns-breadth(s)), "")
}

// plural returns "1 job" or "2 jobs".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// summary says how large the workflow is.
func (g *Graph) summary() string {
	s := plural(len(g.Jobs), "job") + " on " + plural(len(g.Levels), "level")
	if all := g.jobs(); all != len(g.Jobs) {
		s += fmt.Sprintf(", %d with all cells", all)
	}
	return s
}

// plain returns s with a mark in place of each character that controls something.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
