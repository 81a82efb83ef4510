package workflow

import (
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
	"yardmaster/workflow/expr"
)

// file is a workflow as it is read, before its matrices are expanded.
type file struct {
	name, runName string
	on            []string
	inputs        inputs
	env           []plan.Var
	run           runDefaults
	settings      settings
	concurrency   plan.Concurrency
	jobsNode      *node
	jobs          []*draft
	known         *known
	values        map[string]expr.Value // of the contexts that are known now
	surroundings
}

// fileFields are the keys of a workflow. Those that others depend on are read before.
func fileFields() []field[file] {
	return []field[file]{
		{"name", func(*decoder, *file, *node) {}},
		{"run-name", func(d *decoder, f *file, v *node) {
			f.runName = d.shownName(v, inRunName, &f.surroundings, f.values)
		}},
		{"description", func(d *decoder, _ *file, v *node) { d.text(v) }},
		{"on", func(*decoder, *file, *node) {}},
		{"permissions", func(d *decoder, _ *file, v *node) { d.permissions(v) }},
		{"concurrency", func(d *decoder, f *file, v *node) {
			if v, ok := d.atOnce(v, inRunName, &f.surroundings, f.values); ok {
				f.concurrency = d.concurrency(v)
			}
		}},
		{"env", func(d *decoder, f *file, v *node) { f.env = d.env(v, inEnv, &f.surroundings) }},
		{"defaults", func(d *decoder, f *file, v *node) { f.run = d.defaults(v, nil) }},
		{"jobs", func(_ *decoder, f *file, v *node) { f.jobsNode = v }},
		{"yardmaster", func(d *decoder, f *file, v *node) {
			if v, ok := d.atOnce(v, inRunName, &f.surroundings, f.values); ok {
				d.settings(v, fileSettings(), &f.settings)
			}
		}},
	}
}

// readFile reads the whole file. The jobs come last, as they depend on the rest.
func (d *decoder) readFile(root *node, s *Submission) *file {
	f := &file{}
	if name := root.value("name"); name != nil {
		f.name = d.name(name)
	}
	if f.name == "" {
		f.name = nameOf(d.file)
	}
	if on := root.value("on"); on != nil {
		f.on = d.triggers(on, &f.inputs)
	}
	f.known = d.submission(s, &f.inputs)
	f.values = f.known.values(f.name)
	f.file = &shapes{declared: &f.inputs}
	switch ok := readFields(d, root, "the workflow", fileFields(), f); {
	case !ok:
	case root.key("jobs") == nil:
		d.report(root.pos, "the workflow has no jobs", "add jobs:, with a name and steps for each")
	default:
		d.readJobs(f)
	}
	return f
}

// atOnce returns n with its expressions evaluated, after checking them.
func (d *decoder) atOnce(n *node, p place, s *surroundings, values map[string]expr.Value) (*node, bool) {
	if !d.checkTree(n, p, s) {
		return n, false
	}
	return d.resolve(n, values)
}

// shownName reads a name for people in which expressions may stand. What these give is
// made a name that can be shown; it may be empty.
func (d *decoder) shownName(n *node, p place, s *surroundings, values map[string]expr.Value) string {
	if !n.open {
		return d.name(n)
	}
	if v, ok := d.atOnce(n, p, s, values); ok {
		return shown(v.text)
	}
	return ""
}

// shown returns the first line of a text that says something, as a name.
func shown(text string) string { return first(printed(text), maxName) }

// triggers reads on: a name, a list of names, or a mapping by name.
func (d *decoder) triggers(n *node, in *inputs) (names []string) {
	if n.kind == mapping {
		for _, p := range n.pairs {
			names = d.trigger(p.key, names)
			d.plainTree(p.value)
			if p.key.text == manual {
				d.dispatch(p.value, in)
			}
		}
		return names
	}
	for _, item := range d.oneOrMany(n) {
		names = d.trigger(item, names)
	}
	return names
}

const maxTrigger = 40 // bytes of the name of a trigger

func (d *decoder) trigger(n *node, names []string) []string {
	s, ok := d.text(n)
	switch {
	case !ok:
	case s == "workflow_call":
		d.reportAs(RuleUnsupported, n.pos, "reusable workflows are not supported in this version", "remove the trigger")
	case s == "" || len(s) > maxTrigger || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "":
		d.report(n.pos, quote(s)+" is not the name of a trigger", `such as "push" or "workflow_dispatch"`)
	case !slices.Contains(names, s):
		return append(names, s)
	}
	return names
}

// oneOrMany returns the items of a list, or n itself when it is a scalar.
func (d *decoder) oneOrMany(n *node) []*node {
	switch {
	case n.kind == list:
		return n.items
	case n.kind != scalar || n.null():
		d.wrong(n, "expected a string or a list", "")
		return nil
	}
	return []*node{n}
}

// runDefaults are what steps use when they say nothing themselves.
type runDefaults struct{ shell, workingDirectory string }

// or fills what r leaves empty from outer.
func (r runDefaults) or(outer runDefaults) runDefaults {
	if r.shell == "" {
		r.shell = outer.shell
	}
	if r.workingDirectory == "" {
		r.workingDirectory = outer.workingDirectory
	}
	return r
}

// defaults reads those of a job, or without surroundings those of the workflow.
func (d *decoder) defaults(n *node, s *surroundings) (r runDefaults) {
	readFields(d, n, "defaults", []field[runDefaults]{
		{"run", func(d *decoder, r *runDefaults, v *node) {
			readFields(d, v, "defaults.run", []field[runDefaults]{
				{"shell", func(d *decoder, r *runDefaults, v *node) { r.shell = d.shell(v) }},
				{"working-directory", func(d *decoder, r *runDefaults, v *node) {
					r.workingDirectory = d.directory(v, inDefaults, s)
				}},
			}, r)
		}},
	}, &r)
	return r
}

// settings are what the key yardmaster sets.
type settings struct {
	retry      retry.Policy
	priority   int
	idempotent bool
	executor   string
	resources  resource.Amount
}
