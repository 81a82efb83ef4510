//go:build unix

package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/action"
)

// setup puts a tool that the worker has in front of PATH. It fetches nothing.
type setup struct{ tool }

// Run implements Action.
func (s setup) Run(ctx context.Context, c *Call) (Result, error) {
	spec, asked, err := s.spec(c)
	if err != nil {
		return Result{}, err
	}
	all := s.installed(ctx, c)
	best := -1
	for i, t := range all {
		switch {
		case asked && !spec.Allows(t.version):
		case best < 0, asked && t.version.Compare(all[best].version) > 0:
			best = i
		}
	}
	if best < 0 {
		return Result{}, s.missing(all)
	}
	found := all[best]
	fmt.Fprintf(c.Log, "%s %s in %s\n", s.what, found.version, found.bin)
	r := Result{Outputs: s.outputs(c, found)}
	if isFalse(c.Inputs["update-environment"]) {
		return r, nil
	}
	if s.more != nil {
		if err := s.more(c, found, &r); err != nil {
			return Result{}, err
		}
	}
	if !found.first { // else it might hide what another action has set up
		r.Paths = append(r.Paths, found.bin)
	}
	return r, nil
}

func isFalse(s string) bool { return strings.EqualFold(s, "false") }

// spec returns which versions will do, if anything says so.
func (s setup) spec(c *Call) (spec action.Spec, asked bool, err error) {
	text, from := c.Inputs[s.input], s.input
	if file := c.Inputs[s.input+"-file"]; text == "" && file != "" {
		from = s.input + "-file"
		if text, err = s.readVersion(c.Getenv("GITHUB_WORKSPACE"), file); err != nil {
			return spec, false, fmt.Errorf("%s %w", from, err)
		}
	}
	if text == "" {
		return spec, false, nil
	}
	if spec, err = action.ParseSpec(text); err != nil {
		return spec, false, fmt.Errorf("%s %w", from, err)
	}
	return spec, true, nil
}

// missing says what there is instead.
func (s setup) missing(all []installed) error {
	if len(all) == 0 {
		return lack("this worker has no %s; runs-on: %s chooses one that has", s.what, s.programs[0])
	}
	slices.SortFunc(all, func(a, b installed) int { return -a.version.Compare(b.version) })
	var versions []string
	for _, t := range all {
		versions = append(versions, t.version.String())
	}
	versions = slices.Compact(versions)
	const shown = 10
	return lack("this worker has no such %s; it has %s", s.what, strings.Join(versions[:min(len(versions), shown)], ", "))
}

func (s setup) outputs(c *Call, t installed) []plan.Var {
	version := t.version.String()
	switch s.input {
	case "node-version":
		version = "v" + version
	case "java-version":
		return []plan.Var{
			{Name: "version", Value: version},
			{Name: "path", Value: homeOf(t)},
			{Name: "distribution", Value: singleLine(c.Inputs["distribution"])},
			{Name: "cache-hit", Value: "false"},
		}
	}
	outputs := []plan.Var{{Name: s.input, Value: version}, {Name: "cache-hit", Value: "false"}}
	if s.input == "python-version" {
		outputs = append(outputs, plan.Var{Name: "python-path", Value: t.program})
	}
	return outputs
}

func singleLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// homeOf is the directory of a tool with its programs in bin.
func homeOf(t installed) string {
	program, err := filepath.EvalSymlinks(t.program)
	if err != nil {
		program = t.program
	}
	return filepath.Dir(filepath.Dir(program))
}

// forGo makes programs known that go install puts in their place.
func forGo(c *Call, _ installed, r *Result) error {
	path := c.Getenv("GOPATH")
	if first, _, several := strings.Cut(path, string(os.PathListSeparator)); several {
		path = first
	}
	if path == "" {
		path = filepath.Join(c.Getenv("HOME"), "go")
	}
	if filepath.IsAbs(path) {
		r.Paths = append(r.Paths, filepath.Join(path, "bin"))
	}
	return nil
}

func forJava(_ *Call, t installed, r *Result) error {
	r.Env = append(r.Env, plan.Var{Name: "JAVA_HOME", Value: homeOf(t)})
	return nil
}

// forPython makes the interpreter known as python, as scripts expect, where it is only
// python3.
func forPython(c *Call, t installed, r *Result) error {
	if filepath.Base(t.program) == "python" {
		return nil
	}
	if other, err := filepath.EvalSymlinks(filepath.Join(t.bin, "python")); err == nil {
		if same, err := filepath.EvalSymlinks(t.program); err == nil && same == other {
			return nil
		}
	}
	dir := filepath.Join(cmp.Or(c.Getenv("RUNNER_TEMP"), os.TempDir()), "setup-python-"+t.version.String())
	for _, name := range []string{"python", "python3"} {
		link := filepath.Join(dir, name)
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			err = os.Symlink(t.program, link)
		}
		if errors.Is(err, os.ErrExist) { // the step stands there twice
			continue
		}
		if err != nil {
			return lack("python cannot be put in front of PATH: %s", causeOf(err))
		}
	}
	r.Paths = append(r.Paths, dir)
	return nil
}
