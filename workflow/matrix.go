package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/plan"
)

const (
	maxProduct = 4 * plan.MaxCells // combinations before exclude
	maxAxes    = 32                // keys of one matrix or include entry
	maxEntries = 256               // of include or exclude
	maxValue   = 200               // characters of a value: it becomes part of a name
	maxJSON    = 4 << 10           // bytes of a list or a mapping as a value
)

// matrix is what a job's combinations are made of.
type matrix struct {
	axes             []axis
	include, exclude []entry
}

// axis is one key of a matrix and its values.
type axis struct {
	name   string
	values []cellVar
}

// entry is one item of include or exclude, in the order of the file.
type entry []cellVar

// get returns the value that vars give name, as it is compared with others.
func get(vars []cellVar, name string) (string, bool) {
	for i := range vars {
		if vars[i].Name == name {
			return compared(&vars[i]), true
		}
	}
	return "", false
}

// compared returns a text that is the same for values that count as one: 1.10 is 1.1,
// and the text "1" is the number.
func compared(v *cellVar) string { return cmp.Or(v.JSON, v.Text) }

func (d *decoder) matrix(n *node) *matrix {
	if !d.expect(n, mapping, "a mapping of lists") {
		return nil
	}
	m, before := &matrix{}, len(d.list)
	var excludes *node
	for _, p := range n.pairs {
		switch p.key.text {
		case "include":
			m.include = d.entries(p.value)
		case "exclude":
			excludes = p.value
		default:
			m.axes = append(m.axes, d.axis(p))
		}
	}
	if excludes != nil {
		m.exclude = d.entries(excludes)
		d.checkExcludes(excludes, m)
	}
	switch {
	case len(m.axes) > maxAxes:
		d.report(n.pos, fmt.Sprintf("a matrix may have %d keys", maxAxes), "")
	case len(d.list) == before && len(m.axes) == 0 && len(m.include) == 0:
		d.report(n.pos, "the matrix is empty", "give a key with a list of values, or include")
	case len(d.list) == before:
		d.checkVariables(n)
	}
	if len(d.list) > before {
		return nil
	}
	return m
}

func (d *decoder) axis(p pair) axis {
	a := axis{name: d.matrixKey(p.key)}
	if !d.expect(p.value, list, "a list of values") {
		return a
	}
	if len(p.value.items) == 0 {
		d.report(p.value.pos, "the matrix key "+quote(a.name)+" has no values", "give some, or remove it")
	}
	seen := make(map[string]bool, len(p.value.items))
	for _, item := range p.value.items {
		v, ok := d.matrixValue(a.name, item)
		if ok && seen[compared(&v)] {
			d.report(item.pos, "the value "+quote(v.Text)+" stands here twice", "remove one")
		}
		seen[compared(&v)] = true
		a.values = append(a.values, v)
	}
	return a
}

func (d *decoder) matrixKey(key *node) string {
	if !isID(key.text) {
		d.report(key.pos, quote(key.text)+" is not a key of a matrix", idHint)
	}
	return key.text
}

// entries reads include or exclude: a list of mappings.
func (d *decoder) entries(n *node) []entry {
	if !d.expect(n, list, "a list of mappings") {
		return nil
	}
	if len(n.items) > maxEntries {
		d.report(n.pos, fmt.Sprintf("the list has more than %d entries", maxEntries), "")
		return nil
	}
	entries := make([]entry, len(n.items))
	for i, item := range n.items {
		if !d.expect(item, mapping, "a mapping") {
			continue
		}
		if len(item.pairs) == 0 || len(item.pairs) > maxAxes {
			d.report(item.pos, fmt.Sprintf("an entry has from 1 to %d keys", maxAxes), "")
			continue
		}
		for _, p := range item.pairs {
			v, _ := d.matrixValue(d.matrixKey(p.key), p.value)
			entries[i] = append(entries[i], v)
		}
	}
	return entries
}

// checkVariables reports keys of the matrix n that would share a variable. It
// makes no difference whether they meet in a cell.
func (d *decoder) checkVariables(n *node) {
	first := make(map[string]*node, len(n.pairs))
	check := func(key *node) {
		name := plan.MatrixVariable(key.text)
		switch other, taken := first[name]; {
		case !taken:
			first[name] = key
		case other.text != key.text:
			d.report(key.pos, fmt.Sprintf("the matrix keys %s and %s would both be the variable %s",
				quote(other.text), quote(key.text), name), "rename one")
		}
	}
	for _, p := range n.pairs {
		switch p.key.text {
		case "exclude":
		case "include":
			for _, item := range p.value.items {
				for _, included := range item.pairs {
					check(included.key)
				}
			}
		default:
			check(p.key)
		}
	}
}

// checkExcludes reports keys of exclude that no combination has: they would
// never exclude anything.
func (d *decoder) checkExcludes(n *node, m *matrix) {
	names := make([]string, len(m.axes))
	for i, a := range m.axes {
		names[i] = a.name
	}
	for _, item := range n.items {
		for _, p := range item.pairs {
			if slices.Contains(names, p.key.text) {
				continue
			}
			hint := "possible: " + strings.Join(names, ", ")
			if near := nearest(p.key.text, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			if len(names) == 0 {
				hint = "exclude needs keys with lists of values"
			}
			d.report(p.key.pos, "exclude names "+quote(p.key.text)+", which is no key of the matrix", hint)
		}
	}
}
