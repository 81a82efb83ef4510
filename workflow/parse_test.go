package workflow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
	"yardmaster/workflow"
)

func TestTheExamplesAreGood(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../examples/*.yml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), 4)
	for _, path := range paths {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		w, err := workflow.Parse(path, src, workflow.Submission{})
		require.NoError(t, err)
		require.Equal(t, strings.TrimSuffix(filepath.Base(path), ".yml"), w.Name)
		checkPlan(t, w)
	}
}

func TestASmallFileGetsAllDefaults(t *testing.T) {
	t.Parallel()
	require.Equal(t, &plan.Workflow{
		Name: "ci.yml",
		Jobs: []plan.Job{{
			Key: "a", ID: "a", Name: "a", Group: plan.NoGroup,
			Timeout: plan.DefaultTimeout, Executor: plan.ExecutorProcess,
			Steps: []plan.Step{{Name: "Run echo hi", Run: "echo hi"}},
		}},
	}, parse(t, "jobs: {a: {steps: [{run: echo hi}]}}"))
}

func TestAFullFileFillsEveryField(t *testing.T) {
	t.Parallel()
	got := parse(t, `
name: full
on: {push: {branches: [main]}, workflow_dispatch: }
env: {A: "1", B: 1.10, C: }
defaults: {run: {shell: bash, working-directory: src}}
yardmaster:
  {priority: 5, idempotent: true, retry: {attempts: 2, delay: 1.5, exit-codes: 7}, resources: {cpu: 2, memory: 4GiB}}
jobs:
  build:
    steps: [{run: make}]
  test:
    name: Test
    needs: [build]
    runs-on: {labels: [Linux, gpu, linux]}
    env: {B: two, D: ~}
    defaults: {run: {shell: "sh -e {0}"}}
    timeout-minutes: 0.5
    continue-on-error: true
    strategy: {matrix: {v: [1.10, true, null]}, fail-fast: false, max-parallel: 2}
    yardmaster: {priority: -5, idempotent: false, executor: noop, retry: {delay: 2m, factor: 1.5, max-delay: 1h},
      resources: {cpu: 0.5}}
    steps:
      - {id: one, name: First, run: echo, shell: python, env: {E: "x"}, working-directory: ., timeout-minutes: 3,
         continue-on-error: true}
      - run: |

          second line
          third
`)
	first := plan.Step{
		ID: "one", Name: "First", Run: "echo", Shell: "python", WorkingDirectory: ".",
		Env:     []plan.Var{{Name: "E", Value: "x"}},
		Timeout: 3 * time.Minute, ContinueOnError: true,
	}
	second := plan.Step{
		Name: "Run second line", Run: "\nsecond line\nthird\n", Shell: "sh -e {0}", WorkingDirectory: "src",
	}
	cell := func(v, json string) plan.Job {
		return plan.Job{
			Key: "test (" + v + ")", ID: "test", Name: "Test (" + v + ")",
			Needs: []int{0}, RunsOn: []string{"gpu", "linux"},
			Env:    []plan.Var{{Name: "A", Value: "1"}, {Name: "B", Value: "two"}, {Name: "C"}, {Name: "D", Value: "~"}},
			Matrix: []plan.MatrixValue{{Name: "v", Text: v, JSON: json}}, Group: 0,
			Timeout: 30 * time.Second, ContinueOnError: true,
			Retry: retry.Policy{
				MaxAttempts: 2, Delay: 2 * time.Minute, Factor: 1.5, Cap: time.Hour, ExitCodes: []int{7},
			},
			Priority: -5, Resources: resource.Amount{CPU: resource.Core / 2, Memory: 4 << 30},
			Executor: plan.ExecutorNoop, Steps: []plan.Step{first, second},
		}
	}
	require.Equal(t, &plan.Workflow{
		Name: "full", On: []string{"push", "workflow_dispatch"},
		Groups: []plan.Group{{FailFast: false, MaxParallel: 2}},
		Jobs: []plan.Job{
			{
				Key: "build", ID: "build", Name: "build", Group: plan.NoGroup, Timeout: plan.DefaultTimeout,
				Env:   []plan.Var{{Name: "A", Value: "1"}, {Name: "B", Value: "1.10"}, {Name: "C"}},
				Retry: retry.Policy{MaxAttempts: 2, Delay: 1500 * time.Millisecond, ExitCodes: []int{7}},
				Steps: []plan.Step{{Name: "Run make", Run: "make", Shell: "bash", WorkingDirectory: "src"}}, Priority: 5,
				Idempotent: true, Executor: plan.ExecutorProcess,
				Resources: resource.Amount{CPU: 2 * resource.Core, Memory: 4 << 30},
			},
			cell("1.10", "1.1"), cell("true", "true"), cell("null", "null"),
		},
	}, got)
}

func TestAWorkflowWithoutANameIsNamedAfterItsFile(t *testing.T) {
	t.Parallel()
	tests := []struct{ file, want string }{
		{"a/b.yml", "a/b.yml"},
		{"", "workflow"},
		{"\x1b[2J", "·[2J"},
		{strings.Repeat("é", 300), strings.Repeat("é", 255)},
	}
	for _, tt := range tests {
		w, err := workflow.Parse(tt.file, []byte(job()), workflow.Submission{})
		require.NoError(t, err)
		require.Equal(t, tt.want, w.Name)
	}
}

func TestANeedWaitsForEveryCell(t *testing.T) {
	t.Parallel()
	w := parse(t, `
jobs:
  last: {needs: [first, Many], steps: [{run: x}]}
  many: {strategy: {matrix: {n: [1, 2, 3]}}, needs: first, steps: [{run: x}]}
  first: {steps: [{run: x}]}
`)
	require.Equal(t, []int{4, 1, 2, 3}, w.Jobs[0].Needs)
	for _, cell := range w.Jobs[1:4] {
		require.Equal(t, []int{4}, cell.Needs)
	}
	require.Equal(t, []plan.Group{{FailFast: true}}, w.Groups)
}

func TestAliasesAndMergesAreFollowed(t *testing.T) {
	t.Parallel()
	w := parse(t, `
jobs:
  a: &a
    runs-on: &on [linux]
    env: &env {ONE: 1, TWO: 2}
    steps: [&step {run: echo a}]
  b:
    name: B
    <<: *a
    env: {ZERO: 0, <<: [{TWO: two}, *env], THREE: 3, ONE: one}
    steps: [*step, {<<: *step, name: again}]
  c: *a
  d: {runs-on: *on, steps: [{"run": "<<"}]}
`)
	require.Equal(t, []string{"linux"}, w.Jobs[1].RunsOn)
	require.Equal(t, []plan.Var{
		{Name: "ZERO", Value: "0"}, {Name: "TWO", Value: "two"}, {Name: "THREE", Value: "3"}, {Name: "ONE", Value: "one"},
	}, w.Jobs[1].Env)
	require.Equal(t, []plan.Step{
		{Name: "Run echo a", Run: "echo a"}, {Name: "again", Run: "echo a"},
	}, w.Jobs[1].Steps)
	require.Equal(t, w.Jobs[0].Steps, w.Jobs[2].Steps)
	require.Equal(t, "<<", w.Jobs[3].Steps[0].Run)
}

func TestAStepIsNamedAfterItsFirstLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ run, want string }{
		{`"\n\n  echo a  \necho b"`, "Run echo a"},
		{`"a\tb"`, "Run a b"},
		{`"\e[31mred"`, "Run [31mred"},
		{"'" + strings.Repeat("é", 90) + "'", "Run " + strings.Repeat("é", 80)},
		{"'" + strings.Repeat("é", 80) + "'", "Run " + strings.Repeat("é", 80)},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, parse(t, "jobs: {a: {steps: [{run: "+tt.run+"}]}}").Jobs[0].Steps[0].Name)
	}
}

func TestShellsAreAcceptedByNameAndByTemplate(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "sh", "python", "node {0}", "sh -c 'x {0}'"} {
		require.Equal(t, shell, parse(t, step(`shell: "`+shell+`"`)).Jobs[0].Steps[0].Shell)
	}
}

func TestByteOrderMarkAndLineEndsDoNotMatter(t *testing.T) {
	t.Parallel()
	src := "name: x\njobs:\n  a:\n    steps:\n      - run: |\n          a\n          b\n"
	want := parse(t, src)
	require.Equal(t, want, parse(t, "\ufeff"+src))
	require.Equal(t, want, parse(t, strings.ReplaceAll(src, "\n", "\r\n")))
	require.Equal(t, want, parse(t, "---\n"+src+"...\n"))
	require.Equal(t, want, parse(t, "%YAML 1.1\n---\n"+src))
}

func TestTimeoutsReachToTheirLimit(t *testing.T) {
	t.Parallel()
	require.Equal(t, plan.MaxTimeout, parse(t, job("timeout-minutes: 50400")).Jobs[0].Timeout)
	require.Equal(t, 90*time.Second, parse(t, job("timeout-minutes: 1.5")).Jobs[0].Timeout)
}

func TestRunsOnTakesEveryForm(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"Linux", "[linux, LINUX]", "{labels: linux}", "{labels: [Linux]}"} {
		require.Equal(t, []string{"linux"}, parse(t, job("runs-on: "+on)).Jobs[0].RunsOn)
	}
	require.Equal(t, []string{"arch=arm64", "ubuntu-latest"},
		parse(t, job("runs-on: [ubuntu-latest, arch=arm64]")).Jobs[0].RunsOn)
}
