package difftest_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/require"
	"yardmaster/workflow"
)

// theirs returns what actionlint finds wrong with a file, less what it says about labels
// of workers, which are ours to choose.
func theirs(t *testing.T, src string) (faults []string) {
	t.Helper()
	l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: "", Pyflakes: ""})
	require.NoError(t, err)
	found, err := l.Lint("ci.yml", []byte(src), nil)
	require.NoError(t, err)
	for _, e := range found {
		if e.Kind != "runner-label" {
			faults = append(faults, fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message))
		}
	}
	return faults
}

// ours returns what package workflow finds wrong.
func ours(src string) []string {
	_, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), "ci.yml:", ""), "\n")
}

// places are the keys in which expressions may stand, in the words of GitHub's schema,
// with a value for each; X is what is tried there. A good one leaves the value as it is.
var places = map[string]string{
	"run-name":                   "a${{ X && '' || '' }}",
	"env":                        "a${{ X }}",
	"strategy":                   "${{ fromJSON(format('5{0}', X && '' || '')) }}",
	"name":                       "a${{ X && '' || '' }}",
	"runs-on":                    "a${{ X && '' || '' }}",
	"timeout-minutes":            "${{ fromJSON(format('5{0}', X && '' || '')) }}",
	"continue-on-error":          "${{ fromJSON(format('true{0}', X && '' || '')) }}",
	"if":                         "github.ref || X",
	"job env":                    "a${{ X }}",
	"working-directory":          "a${{ X }}",
	"outputs":                    "a${{ X }}",
	"step name":                  "a${{ X }}",
	"step if":                    "github.ref || X",
	"step run":                   "a${{ X }}",
	"step env":                   "a${{ X }}",
	"step timeout-minutes":       "${{ fromJSON(format('5{0}', X && '' || '')) }}",
	"step continue-on-error":     "${{ fromJSON(format('true{0}', X && '' || '')) }}",
	"step working-directory":     "a${{ X }}",
	"max-parallel of a strategy": "${{ fromJSON(format('5{0}', X && '' || '')) }}",
}

// tried are an expression for each context and each function that is not everywhere.
var tried = []string{
	"github.ref", "inputs.x", "vars.X", "needs.first.result", "needs.first.outputs.tag", "strategy.job-index", "matrix.os",
	"secrets.T", "steps.one.outcome", "steps.one.outputs.x", "job.status", "runner.os", "env.A", "hashFiles('x')",
	"success()", "failure()", "always()", "cancelled()", "toJSON(github.event)", "contains(github.ref, 'x')",
	"github.event.a.b[0].c", "github.reff", "inputs.y", "needs.last.result", "needs.first.outputs.gat", "matrix.so",
	"steps.two.outcome", "nothing", "nothing()", "format('{0}')", "format('{0}', 1)", "startsWith('x')", "'a' == 1",
	"join(github.*.x)",
}

// wanted are the cases in which we differ on purpose, by place and by context.
func wanted(place, expression string) bool {
	submitted := map[string]bool{
		"strategy": true, "name": true, "runs-on": true, "timeout-minutes": true, "continue-on-error": true,
		"max-parallel of a strategy": true,
	}
	switch {
	case submitted[place] && strings.HasPrefix(expression, "needs."): // not known at submission
		return true
	case place == "step run" && strings.HasPrefix(expression, "secrets"): // never in a script
		return true
	}
	return false
}

// lineOf returns the line of a fault. Columns differ: they point at contexts where we
// point at properties, and do not count quotes.
func lineOf(fault string) string {
	line, _, _ := strings.Cut(fault, ":")
	return line
}

func file(place, expression string) string {
	value := func(of, other string) string {
		if of == place {
			return "'" + strings.ReplaceAll(strings.ReplaceAll(places[of], "X", expression), "'", "''") + "'"
		}
		return other
	}
	return `
run-name: ` + value("run-name", "a") + `
on: {workflow_dispatch: {inputs: {x: {type: string}}}}
env: {A: ` + value("env", "a") + `}
jobs:
  first:
    runs-on: ubuntu-latest
    outputs: {tag: x}
    steps: [{run: x}]
  last:
    needs: first
    name: ` + value("name", "a") + `
    if: ` + value("if", "always()") + `
    runs-on: ` + value("runs-on", "ubuntu-latest") + `
    timeout-minutes: ` + value("timeout-minutes", "5") + `
    continue-on-error: ` + value("continue-on-error", "true") + `
    env: {B: ` + value("job env", "a") + `}
    defaults: {run: {working-directory: ` + value("working-directory", "a") + `}}
    outputs: {o: ` + value("outputs", "a") + `}
    strategy:
      max-parallel: ` + value("max-parallel of a strategy", "2") + `
      matrix: {os: [linux, ` + value("strategy", "mac") + `]}
    steps:
      - {id: one, run: x}
      - name: ` + value("step name", "a") + `
        if: ` + value("step if", "always()") + `
        run: ` + value("step run", "a") + `
        env: {C: ` + value("step env", "a") + `}
        timeout-minutes: ` + value("step timeout-minutes", "5") + `
        continue-on-error: ` + value("step continue-on-error", "true") + `
        working-directory: ` + value("step working-directory", "a") + `
      - {id: two, run: x}
`
}

func TestBothAllowTheSameExpressionsAtEachPlace(t *testing.T) {
	t.Parallel()
	for place := range places {
		for _, expression := range tried {
			src := file(place, expression)
			we, they := ours(src), theirs(t, src)
			if (len(we) == 0) != (len(they) == 0) && !wanted(place, expression) {
				t.Errorf("%s: %s: we say %q, they say %q", place, expression, we, they)
			}
			if len(we) > 0 && len(they) > 0 && lineOf(we[0]) != lineOf(they[0]) {
				t.Errorf("%s: %s: we say %q, they say %q", place, expression, we, they)
			}
		}
	}
}

func TestBothTakeTheExamples(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../examples/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Empty(t, ours(string(src)), path)
		for _, fault := range theirs(t, string(src)) {
			// Our own key, what they want of every file although it can do without, and what
			// GitHub has had since May 2026 and they do not know yet.
			own := strings.Contains(fault, "yardmaster") || strings.Contains(fault, `"runs-on" section is missing`) ||
				strings.Contains(fault, `"on" section is missing`) || strings.Contains(fault, `key "queue" for "concurrency"`)
			require.True(t, own, "%s: %s", path, fault)
		}
	}
}
