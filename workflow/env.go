package workflow

import (
	"fmt"
	"strings"

	"yardmaster/domain/plan"
)

const (
	maxVars    = 1000 // variables of one env
	maxVarName = 255  // bytes
)

// env reads variables, in order. Values keep their text; one that is left out is empty.
// Expressions in them are kept for the worker.
func (d *decoder) env(n *node, at place, s *surroundings) []plan.Var {
	if !d.expect(n, mapping, "a mapping of variables") {
		return nil
	}
	if len(n.pairs) > maxVars {
		d.reportLimit(n.pos, fmt.Sprintf("env has more than %d variables", maxVars), "")
		return nil
	}
	vars := make([]plan.Var, 0, len(n.pairs))
	for _, p := range n.pairs {
		d.varName(p.key)
		if p.value.kind != scalar {
			d.wrong(p.value, "the value of a variable: expected a string", "")
			continue
		}
		if d.withoutNUL(p.value) && (!p.value.open || d.check(p.value, at, s)) {
			vars = append(vars, plan.Var{Name: p.key.text, Value: p.value.text})
		}
	}
	return vars
}

func (d *decoder) varName(key *node) {
	name := key.text
	if name == "YARDMASTER" {
		d.report(key.pos, "the variable YARDMASTER is reserved", "use another name")
		return
	}
	if name == "GITHUB_TOKEN" {
		return // which tools read, and nobody else sets
	}
	for _, prefix := range []string{"GITHUB_", "YARDMASTER_"} {
		if strings.HasPrefix(name, prefix) {
			d.report(key.pos, "names of variables that begin with "+prefix+" are reserved", "use another name")
			return
		}
	}
	if len(name) > maxVarName || !identifier(name, "-") {
		d.report(key.pos, quote(name)+" is not the name of a variable",
			"letters, digits, _ and -, beginning with a letter or _")
	}
}

// identifier reports whether s is a letter or _, then letters, digits, _ and others.
func identifier(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || strings.IndexByte(others, c) >= 0):
		default:
			return false
		}
	}
	return s != ""
}

// merged returns outer with inner over it: a variable of both keeps its place and
// takes the value of inner.
func merged(outer, inner []plan.Var) []plan.Var {
	switch {
	case len(inner) == 0:
		return outer
	case len(outer) == 0:
		return inner
	}
	all := make([]plan.Var, len(outer), len(outer)+len(inner))
	copy(all, outer)
	at := make(map[string]int, len(outer))
	for i, v := range outer {
		at[v.Name] = i
	}
	for _, v := range inner {
		if i, ok := at[v.Name]; ok {
			all[i].Value = v.Value
			continue
		}
		all = append(all, v)
	}
	return all
}
