package workflow

import (
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
)

// file is a workflow as it is read, before its matrices are expanded.
type file struct {
	name     string
	on       []string
	env      []plan.Var
	run      runDefaults
	settings settings
	jobsNode *node
	jobs     []*draft
}

func fileFields() []field[file] {
	return []field[file]{
		{"name", func(d *decoder, f *file, v *node) { f.name = d.name(v) }},
		{"on", func(d *decoder, f *file, v *node) { f.on = d.triggers(v) }},
		{"env", func(d *decoder, f *file, v *node) { f.env = d.env(v) }},
		{"defaults", func(d *decoder, f *file, v *node) { f.run = d.defaults(v) }},
		{"jobs", func(_ *decoder, f *file, v *node) { f.jobsNode = v }},
		{"yardmaster", func(d *decoder, f *file, v *node) { d.settings(v, fileSettings(), &f.settings) }},
	}
}

// readFile reads the whole file. The jobs come last, as they depend on the rest.
func (d *decoder) readFile(root *node) *file {
	f := &file{}
	switch ok := readFields(d, root, "the workflow", fileFields(), f); {
	case !ok:
	case root.key("jobs") == nil:
		d.report(root.pos, "the workflow has no jobs", "add jobs:, with a name and steps for each")
	default:
		d.readJobs(f)
	}
	return f
}

// triggers reads on: a name, a list of names, or a mapping by name.
func (d *decoder) triggers(n *node) (names []string) {
	if n.kind == mapping {
		for _, p := range n.pairs {
			names = d.trigger(p.key, names)
			d.plainTree(p.value)
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

func (d *decoder) defaults(n *node) (r runDefaults) {
	readFields(d, n, "defaults", []field[runDefaults]{
		{"run", func(d *decoder, r *runDefaults, v *node) {
			readFields(d, v, "defaults.run", []field[runDefaults]{
				{"shell", func(d *decoder, r *runDefaults, v *node) { r.shell = d.shell(v) }},
				{"working-directory", func(d *decoder, r *runDefaults, v *node) {
					r.workingDirectory = d.directory(v)
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
