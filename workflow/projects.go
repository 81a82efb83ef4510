package workflow

import (
	"fmt"

	"yardmaster/domain/project"
)

// Bounds of what a projects file may allow.
const (
	maxWeight = 1000
	minWeight = 0.001
	maxAtOnce = 10_000_000 // jobs that run, or wait
	maxStarts = 1_000_000  // a second
)

// projectsFile is a projects file as it is read.
type projectsFile struct {
	others   project.Limits
	projects *node
}

// ParseProjects reads a projects file: under default the limits of projects that
// have none of their own, under projects those of each, which say only what is
// different. The name is used in faults. The error, if any, is a Faults.
func ParseProjects(name string, src []byte) (project.Set, error) {
	d := &decoder{
		reporter: reporter{file: name, seen: map[Fault]struct{}{}}, emptyHint: "give default: or projects:, or no file",
	}
	var set project.Set
	if root := d.root(src); root != nil {
		set = d.projectSet(root)
	}
	if faults := d.sorted(); len(faults) > 0 {
		return project.Set{}, faults
	}
	return set, nil
}

func (d *decoder) projectSet(root *node) project.Set {
	var f projectsFile
	readFields(d, root, "the projects file", []field[projectsFile]{
		{"default", func(d *decoder, f *projectsFile, v *node) { d.limits(v, "default", &f.others) }},
		{"projects", func(_ *decoder, f *projectsFile, v *node) { f.projects = v }},
	}, &f)
	set := project.Set{Others: f.others}
	if f.projects == nil || !d.expect(f.projects, mapping, "a mapping of projects") {
		return set
	}
	set.By = make(map[string]project.Limits, len(f.projects.pairs))
	for _, p := range f.projects.pairs {
		d.projectName(p.key, "the name of a project")
		own := f.others
		d.limits(p.value, "project "+quote(p.key.text), &own)
		set.By[p.key.text] = own
	}
	return set
}

// limits reads the limits of a project over l: keys that are not there keep their
// value.
func (d *decoder) limits(n *node, what string, l *project.Limits) {
	readFields(d, n, what, []field[project.Limits]{
		{"weight", func(d *decoder, l *project.Limits, v *node) { l.Weight = d.within(v, "weight", minWeight, maxWeight) }},
		{"running", func(d *decoder, l *project.Limits, v *node) { l.Running = d.integer(v, "running", 0, maxAtOnce) }},
		{"queued", func(d *decoder, l *project.Limits, v *node) { l.Queued = d.integer(v, "queued", 0, maxAtOnce) }},
		{"starts-per-second", func(d *decoder, l *project.Limits, v *node) {
			l.StartsPerSecond = d.within(v, "starts-per-second", 0, maxStarts)
		}},
		{"pool", func(d *decoder, l *project.Limits, v *node) { l.Pool = d.projectName(v, "the name of a pool") }},
	}, l)
}

// within reads a number between low and high; it returns low after a fault.
func (d *decoder) within(n *node, what string, low, high float64) float64 {
	v, ok := d.number(n, what)
	if ok && (v < low || v > high) {
		d.report(n.pos, fmt.Sprintf("%s must be from %g to %.0f", what, low, high), "")
		ok = false
	}
	if !ok {
		return low
	}
	return v
}

// projectName reads a name of the form that projects and pools have.
func (d *decoder) projectName(n *node, what string) string {
	s, ok := d.text(n)
	if ok && project.CheckName(s) != nil {
		d.report(n.pos, quote(s)+" is not "+what, fmt.Sprintf(
			"1 to %d lower-case letters, digits, _, - and ., the first a letter or digit", project.MaxName))
	}
	return s
}
