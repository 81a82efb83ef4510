package workflow

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"yardmaster/domain/plan"
	"yardmaster/workflow/expr"
)

const (
	maxStepName  = 80   // characters of a step's name made from its script
	maxDirectory = 1024 // bytes
)

// stepDraft is a step before the defaults are filled in.
type stepDraft = plan.Step

// stepFields are the keys of a step. Expressions in it are checked here, and evaluated
// by the worker.
func stepFields(ids map[string]pos, around *surroundings) []field[stepDraft] {
	return []field[stepDraft]{
		{"name", func(d *decoder, s *stepDraft, v *node) { s.Name = d.stepName(v, around) }},
		{"id", func(d *decoder, s *stepDraft, v *node) { s.ID = d.stepID(v, ids) }},
		{"if", func(d *decoder, s *stepDraft, v *node) { s.If, _ = d.condition(v, inStepIf, around) }},
		{"run", func(d *decoder, s *stepDraft, v *node) { s.Run = d.script(v, around) }},
		{"uses", func(d *decoder, s *stepDraft, v *node) { s.Uses = d.uses(v) }},
		{"with", func(d *decoder, s *stepDraft, v *node) { s.With = d.with(v, around) }},
		{"shell", func(d *decoder, s *stepDraft, v *node) { s.Shell = d.shell(v) }},
		{"env", func(d *decoder, s *stepDraft, v *node) { s.Env = d.env(v, inStep, around) }},
		{"working-directory", func(d *decoder, s *stepDraft, v *node) {
			s.WorkingDirectory = d.directory(v, inStep, around)
		}},
		{"timeout-minutes", func(d *decoder, s *stepDraft, v *node) {
			if s.TimeoutText = d.deferred(v, around); !v.open {
				s.Timeout = d.minutes(v)
			}
		}},
		{"continue-on-error", func(d *decoder, s *stepDraft, v *node) {
			if s.ContinueOnErrorText = d.deferred(v, around); !v.open {
				s.ContinueOnError = d.boolean(v)
			}
		}},
	}
}

// deferred reads a text with expressions, and nothing else: the worker makes a value
// of it.
func (d *decoder) deferred(n *node, s *surroundings) string {
	if n.kind != scalar || !n.open {
		return ""
	}
	text, _ := d.template(n, inStep, s)
	return text
}

func (d *decoder) stepName(n *node, s *surroundings) string {
	if n.kind != scalar || !n.open {
		return d.name(n)
	}
	text, _ := d.template(n, inStep, s)
	return text
}

// steps reads the steps of a job, in order.
func (d *decoder) steps(n *node, around *surroundings) []stepDraft {
	switch {
	case !d.expect(n, list, "a list of steps"):
		return nil
	case len(n.items) == 0:
		d.report(n.pos, "the job has no steps", "add one, with run")
		return nil
	case len(n.items) > plan.MaxSteps:
		d.reportLimit(n.pos, fmt.Sprintf("the job has more than %d steps", plan.MaxSteps), "")
		return nil
	}
	ids := map[string]pos{}
	fields := stepFields(ids, around)
	steps := make([]stepDraft, len(n.items))
	for i, item := range n.items {
		s := &steps[i]
		around.step = i
		if readFields(d, item, "a step", fields, s) {
			d.checkStep(item)
		}
		if s.Name == "" {
			s.Name = "Run " + firstLine(cmp.Or(s.Run, s.Uses))
		}
	}
	return steps
}

// checkStep reports keys of a step that do not go together.
func (d *decoder) checkStep(n *node) {
	run, uses, with := n.key("run"), n.key("uses"), n.key("with")
	switch {
	case run == nil && uses == nil:
		d.report(n.pos, "the step has nothing to run", "add run:, with the commands")
	case run != nil && uses != nil:
		d.report(uses.pos, "a step has either run or uses", "make two steps of it")
	}
	if with != nil && uses == nil {
		d.report(with.pos, "with belongs to uses", "pass values to a script in env")
	}
	if uses == nil || run != nil {
		return
	}
	for _, name := range []string{"shell", "working-directory"} {
		if key := n.key(name); key != nil {
			d.report(key.pos, name+" belongs to run", "remove it")
		}
	}
	d.checkInputs(n.value("uses"), n.value("with"))
}

func (d *decoder) stepID(n *node, ids map[string]pos) string {
	s, ok := d.text(n)
	if !ok {
		return ""
	}
	lower := strings.ToLower(s)
	first, twice := ids[lower]
	switch {
	case !isID(s):
		d.report(n.pos, quote(s)+" is not the id of a step", idHint)
	case twice:
		d.report(n.pos, "the step id "+quote(s)+" is taken",
			fmt.Sprintf("the first is in line %d; case makes no difference", first.line))
	default:
		ids[lower] = n.pos
	}
	return s
}

func (d *decoder) script(n *node, around *surroundings) string {
	if n.null() {
		d.report(n.pos, "run is empty", "write the commands, or remove the step")
		return ""
	}
	s, ok := d.template(n, inScript, around)
	if ok && strings.TrimSpace(s) == "" {
		d.report(n.pos, "run is empty", "write the commands, or remove the step")
	}
	return s
}

// firstLine returns the first line of a script that says something, for people, with
// no expression cut in two.
func firstLine(script string) string {
	short := first(printed(script), maxStepName)
	if !strings.Contains(short, opening) {
		return short
	}
	if _, err := expr.ParseTemplate(short); err == nil {
		return short
	}
	before, _, _ := strings.Cut(short, opening)
	return strings.TrimSpace(before + "...")
}

// first returns the first n characters of s.
func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// printed returns the first line of a text that says something, without what cannot be
// printed.
func printed(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, line))
}

// directory reads a path within the workspace. What expressions give is for the worker
// to check. Without surroundings there can be none.
func (d *decoder) directory(n *node, at place, around *surroundings) string {
	if n.kind == scalar && n.open && around != nil {
		s, _ := d.template(n, at, around)
		return s
	}
	s, ok := d.text(n)
	if !ok {
		return ""
	}
	clean := path.Clean(s)
	switch {
	case s == "" || len(s) > maxDirectory || !printable(s):
		d.report(n.pos, "working-directory must be a path of printable characters", "")
	case path.IsAbs(s) || clean == ".." || strings.HasPrefix(clean, "../"):
		d.report(n.pos, "working-directory must lie within the workspace", "give a path relative to it, without ..")
	}
	return s
}
