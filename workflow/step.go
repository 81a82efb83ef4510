package workflow

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"yardmaster/domain/plan"
)

const (
	maxStepName  = 80   // characters of a step's name made from its script
	maxDirectory = 1024 // bytes
)

// stepDraft is a step before the defaults are filled in.
type stepDraft = plan.Step

func stepFields(ids map[string]pos) []field[stepDraft] {
	return []field[stepDraft]{
		{"name", func(d *decoder, s *stepDraft, v *node) { s.Name = d.name(v) }},
		{"id", func(d *decoder, s *stepDraft, v *node) { s.ID = d.stepID(v, ids) }},
		{"run", func(d *decoder, s *stepDraft, v *node) { s.Run = d.script(v) }},
		{"shell", func(d *decoder, s *stepDraft, v *node) { s.Shell = d.shell(v) }},
		{"env", func(d *decoder, s *stepDraft, v *node) { s.Env = d.env(v) }},
		{"working-directory", func(d *decoder, s *stepDraft, v *node) { s.WorkingDirectory = d.directory(v) }},
		{"timeout-minutes", func(d *decoder, s *stepDraft, v *node) { s.Timeout = d.minutes(v) }},
		{"continue-on-error", func(d *decoder, s *stepDraft, v *node) { s.ContinueOnError = d.boolean(v) }},
	}
}

// steps reads the steps of a job, in order.
func (d *decoder) steps(n *node) []stepDraft {
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
	fields := stepFields(ids)
	steps := make([]stepDraft, len(n.items))
	for i, item := range n.items {
		s := &steps[i]
		ok := readFields(d, item, "a step", fields, s)
		if ok && item.key("run") == nil && item.key("uses") == nil {
			d.report(item.pos, "the step has nothing to run", "add run:, with the commands")
		}
		if s.Name == "" {
			s.Name = "Run " + firstLine(s.Run)
		}
	}
	return steps
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

func (d *decoder) script(n *node) string {
	if n.null() {
		d.report(n.pos, "run is empty", "write the commands, or remove the step")
		return ""
	}
	s, ok := d.text(n)
	if ok && strings.TrimSpace(s) == "" {
		d.report(n.pos, "run is empty", "write the commands, or remove the step")
	}
	return s
}

// firstLine returns the first line of a script that says something, for people.
func firstLine(script string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(script), "\n")
	line = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, line)
	line = strings.TrimSpace(line)
	n := 0
	for i := range line {
		if n == maxStepName {
			return line[:i]
		}
		n++
	}
	return line
}

// directory reads a path within the workspace.
func (d *decoder) directory(n *node) string {
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
