package workflow

import (
	"fmt"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/action"
)

// uses reads which action a step uses.
func (d *decoder) uses(n *node) string {
	s, ok := d.text(n)
	if !ok {
		return ""
	}
	if _, ok := action.Find(s); ok {
		return s
	}
	name, version, _ := strings.Cut(s, "@")
	near := nearest(name, action.Names())
	switch {
	case near != "" && version == "" && strings.EqualFold(near, name):
		d.report(n.pos, "the action "+quote(s)+" has no version", "write for example "+name+"@v4")
	case strings.HasPrefix(s, "./"):
		d.report(n.pos, "actions of the repository are not supported in this version", "write its commands in run")
	case strings.HasPrefix(s, "docker://"):
		d.report(n.pos, "images are not supported as actions in this version",
			"write the commands in run; name what they need of the worker in runs-on")
	case near != "":
		d.report(n.pos, "the action "+quote(s)+" is not supported in this version", fmt.Sprintf("did you mean %q?", near))
	default:
		d.report(n.pos, "the action "+quote(s)+" is not supported in this version",
			"write the commands in run; there are "+strings.Join(action.Names(), ", "))
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
		case p.value.null():
			vars = append(vars, plan.Var{Name: p.key.text})
		case d.withoutNUL(p.value) && (!p.value.open || d.check(p.value, inStep, s)):
			vars = append(vars, plan.Var{Name: p.key.text, Value: p.value.text})
		}
	}
	return vars
}

// checkInputs holds what a step gives its action against what that takes. What
// expressions give is for the worker to check.
func (d *decoder) checkInputs(uses, with *node) {
	a, ok := action.Find(uses.text)
	if !ok || with == nil || with.kind != mapping {
		return
	}
	first := map[string]*node{}
	for _, p := range with.pairs {
		in, known := a.Input(p.key.text)
		other := first[in.Name]
		switch {
		case !known && isID(p.key.text):
			d.unknownInput(p.key, a)
		case !known:
		case other != nil:
			d.report(p.key.pos, fmt.Sprintf("the inputs %s and %s differ only in case", quote(other.text),
				quote(p.key.text)), "remove one")
		default:
			first[in.Name] = p.key
			d.checkInput(a, in, p.value)
		}
	}
}

func (d *decoder) checkInput(a action.Action, in action.Input, n *node) {
	if n.kind != scalar || n.null() || n.open && !in.Refused {
		return
	}
	if problem, hint := in.Check(n.text); problem != "" {
		d.report(n.pos, in.Name+" of "+a.Name+" "+problem, hint)
	}
}

func (d *decoder) unknownInput(key *node, a action.Action) {
	names := a.InputNames()
	hint := "possible here: " + strings.Join(names, ", ")
	if near := nearest(key.text, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	d.reportAs(RuleUnknownKey, key.pos, fmt.Sprintf("%s has no input %s", a.Name, quote(key.text)), hint)
}
