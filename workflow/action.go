package workflow

import (
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/plan"
)

// actions are those that a step may use, without their versions.
func actions() []string { return nil }

// uses reads which action a step uses.
func (d *decoder) uses(n *node) string {
	s, ok := d.text(n)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(s, "@")
	switch {
	case slices.Contains(actions(), name):
		return s
	case strings.HasPrefix(s, "./"):
		d.report(n.pos, "actions of the repository are not supported in this version", "write its commands in run")
	case strings.HasPrefix(s, "docker://"):
		d.report(n.pos, "images are not supported as actions in this version",
			"write the commands in run; name what they need of the worker in runs-on")
	default:
		d.report(n.pos, "the action "+quote(s)+" is not supported in this version", "write the commands in run")
	}
	return ""
}

// with reads what an action is given.
func (d *decoder) with(n *node, s *surroundings) []plan.Var {
	if !d.expect(n, mapping, "a mapping") {
		return nil
	}
	if len(n.pairs) > maxVars {
		d.report(n.pos, fmt.Sprintf("with has more than %d values", maxVars), "")
		return nil
	}
	vars := make([]plan.Var, 0, len(n.pairs))
	for _, p := range n.pairs {
		switch {
		case !isID(p.key.text):
			d.report(p.key.pos, quote(p.key.text)+" is not the name of a value", idHint)
		case p.value.kind != scalar:
			d.wrong(p.value, "a value: expected a string", "")
		case d.withoutNUL(p.value) && (!p.value.open || d.check(p.value, inStep, s)):
			vars = append(vars, plan.Var{Name: p.key.text, Value: p.value.text})
		}
	}
	return vars
}
