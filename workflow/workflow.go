// Package workflow reads workflow files: GitHub Actions syntax, as a strict
// subset, with one key of our own (yardmaster). It turns the bytes of a file
// into a plan, or into every fault found in it. The file by which operators limit
// projects is read likewise.
//
// What it promises:
//
//   - It is pure: no input or output, no clock, no goroutine, no panic.
//   - A file is accepted whole or not at all. What this version does not know
//     is refused with its line and column, never ignored.
//   - Untrusted input is safe: size, density, depth, aliases and the size of
//     the resulting plan are bounded before memory is spent on them.
//   - The same bytes and the same submission give the same plan, in the order of the
//     file.
//
// Expressions are checked where they stand. Those that shape the plan are evaluated
// here, over what is known at submission: the strategy of a job, its name, its labels,
// its limits, and run-name. The conditions of jobs are for the owner of a run, and all
// of a step, the env and the outputs for the worker; a plan has their text.
package workflow

import (
	"yardmaster/domain/plan"
)

// Limits of a file, beside those of a plan.
const (
	MaxFileBytes = 1 << 20 // of the whole file
	MaxDepth     = 64      // of lists and mappings within each other
	MaxNodes     = 100_000 // values, with every alias written out
	MaxFaults    = 100     // shown for one file; the rest are counted
	MaxNeeds     = 1 << 18 // edges between jobs, matrix cells included
	// MaxMarks bounds the characters that could begin a value. It keeps the
	// reading of a hostile file short; a file of a megabyte stays below it with
	// one such character in thirteen.
	MaxMarks = 80_000
)

// Parse reads the workflow file src, and what is submitted with it. The name is used in
// faults, and names the workflow when the file does not. The error, if any, is a Faults;
// what is wrong with the submission is told at the beginning of the file, or where the
// file says what it wants.
func Parse(name string, src []byte, s Submission) (*plan.Workflow, error) {
	d := &decoder{
		reporter: reporter{file: name, seen: map[Fault]struct{}{}}, emptyHint: "a workflow needs jobs, each with steps",
		github: true,
	}
	w := d.parse(src, &s)
	if faults := d.sorted(); len(faults) > 0 {
		return nil, faults
	}
	return w, nil
}

func (d *decoder) parse(src []byte, s *Submission) *plan.Workflow {
	root := d.root(src)
	if root == nil {
		return nil
	}
	f := d.readFile(root, s)
	d.rule = RuleNeeds
	d.checkNeeds(f)
	if d.any() {
		return nil
	}
	d.rule = RuleLimit
	return d.build(f)
}

// root returns the tree of the file src, or nil after reporting why there is none.
func (d *decoder) root(src []byte) *node {
	d.rule = RuleSyntax
	defer func() { d.rule = RuleValue }()
	src = withoutBOM(src)
	d.src = src
	if !d.admit(src) {
		return nil
	}
	doc := d.load(src)
	if doc == nil {
		return nil
	}
	return d.lower(doc)
}
