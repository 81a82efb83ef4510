package workflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/workflow"
	"yardmaster/workflow/expr"
)

func checkPlan(t *testing.T, w *plan.Workflow) {
	t.Helper()
	require.NoError(t, validate(w))
}

// validate checks what the rest of the system relies on in a plan.
func validate(w *plan.Workflow) error {
	if w.Name == "" || len(w.Jobs) == 0 || len(w.Jobs) > plan.MaxJobs {
		return fmt.Errorf("workflow %q with %d jobs", w.Name, len(w.Jobs))
	}
	if w.Context != "" && !json.Valid([]byte(w.Context)) {
		return fmt.Errorf("context %q", w.Context)
	}
	keys := map[string]bool{}
	for i, j := range w.Jobs {
		switch {
		case keys[j.Key]:
			return fmt.Errorf("key %q twice", j.Key)
		case j.Key == "" || j.ID == "" || j.Name == "":
			return fmt.Errorf("job %d lacks a name: %+v", i, j)
		case j.Timeout <= 0 || j.Timeout > plan.MaxTimeout:
			return fmt.Errorf("job %q: timeout %s", j.Key, j.Timeout)
		case len(j.Steps) == 0 || len(j.Steps) > plan.MaxSteps:
			return fmt.Errorf("job %q: %d steps", j.Key, len(j.Steps))
		case j.Executor != plan.ExecutorProcess && j.Executor != plan.ExecutorNoop:
			return fmt.Errorf("job %q: executor %q", j.Key, j.Executor)
		case j.Group < plan.NoGroup || j.Group >= len(w.Groups), (j.Group == plan.NoGroup) != (j.Matrix == nil):
			return fmt.Errorf("job %q: group %d of %d", j.Key, j.Group, len(w.Groups))
		case j.Priority < -plan.MaxPriority || j.Priority > plan.MaxPriority:
			return fmt.Errorf("job %q: priority %d", j.Key, j.Priority)
		case j.Resources.CPU < 0 || j.Resources.CPU > resource.MaxCPU,
			j.Resources.Memory < 0 || j.Resources.Memory > resource.MaxMemory:
			return fmt.Errorf("job %q: resources %v", j.Key, j.Resources)
		}
		keys[j.Key] = true
		if err := validateTexts(&w.Jobs[i]); err != nil {
			return err
		}
	}
	return acyclic(w)
}

// validateTexts checks that what others evaluate can be read.
func validateTexts(j *plan.Job) error {
	templates := append(slices.Clone(j.Env), j.Outputs...)
	conditions := []string{j.If}
	for _, s := range j.Steps {
		if s.Name == "" || (s.Run == "") == (s.Uses == "") || s.Timeout < 0 || s.Timeout > plan.MaxTimeout {
			return fmt.Errorf("job %q: step %+v", j.Key, s)
		}
		templates, conditions = append(templates, s.Env...), append(conditions, s.If)
		for _, text := range []string{s.Name, s.Run, s.WorkingDirectory, s.TimeoutText, s.ContinueOnErrorText} {
			templates = append(templates, plan.Var{Value: text})
		}
	}
	for _, v := range templates {
		if _, err := expr.ParseTemplate(v.Value); err != nil {
			return fmt.Errorf("job %q: %q: %w", j.Key, v.Value, err)
		}
	}
	for _, condition := range conditions {
		if _, err := expr.ParseCondition(condition); err != nil || strings.Contains(condition, "${{") {
			return fmt.Errorf("job %q: %q: %w", j.Key, condition, err)
		}
	}
	for _, v := range j.Matrix {
		if v.JSON != "" && !json.Valid([]byte(v.JSON)) {
			return fmt.Errorf("job %q: matrix.%s: %q", j.Key, v.Name, v.JSON)
		}
	}
	return nil
}

// acyclic checks by taking away, again and again, the jobs whose needs are gone.
func acyclic(w *plan.Workflow) error {
	gone := make([]bool, len(w.Jobs))
	for left := len(w.Jobs); left > 0; {
		before := left
		for i, j := range w.Jobs {
			ready := !gone[i]
			for _, n := range j.Needs {
				if n < 0 || n >= len(w.Jobs) {
					return fmt.Errorf("job %q needs number %d of %d", j.Key, n, len(w.Jobs))
				}
				ready = ready && gone[n]
			}
			if ready {
				gone[i] = true
				left--
			}
		}
		if left == before {
			return errors.New("needs in a circle")
		}
	}
	return nil
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"../examples/*.yml", "testdata/*.yml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, path := range paths {
			src, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(src)
		}
	}
	for name, src := range hostile() {
		if len(src) < 10_000 {
			f.Add([]byte(src))
		} else {
			f.Add([]byte(src[:2_000] + "\n# " + name))
		}
	}
	for _, src := range []string{
		"", "\ufeff", "a: &a [*a]", "<<: *x", "? [a]\n: b", "- - -", "a: |\n  ${{\n",
		"%TAG ! x\n---\n!a b", "a\rb\u2028",
		"jobs: {a: {<<: [{steps: [{run: x}]}]}}", "a: \"\\xff\\0\"", "{a: b}: c",
		"jobs:\n  a: {strategy: {matrix: {a: [1], include: [{b: 2}]}}, steps: [{run: x}]}",
		job("needs: a"), step(`shell: "{0}"`), "jobs: {a: &a {steps: [{run: x}]}, b: *a}",
		"yardmaster: {retry: {attempts: 2, delay: 1e9}}", job("yardmaster: {resources: {cpu: 0.5, memory: 1.5 GiB}}"),
		job("yardmaster: {resources: {cpu: 1e-9, memory: 99999999999999999999TB}}"), "jobs: {? : {}}", "\t",
		"a:\n\t- b", "- !!binary x", "&a *a", flow, dispatch, evaluated,
		job("if: github.ref == 'x' && !failure()"), job("strategy: {matrix: \"${{ fromJSON('{\\\"a\\\":[1]}') }}\"}"),
		step(`name: "\u00e9 ${{ env.A }}"`, "if: ${{ always() }}"),
		job("name: ${{ github.actor }}", "runs-on: ${{ vars.A }}"),
		step("env: {A: \"${{ toJSON(github) }}\"}", "timeout-minutes: ${{ fromJSON('1') }}"),
		job("strategy: {matrix: {a: [{b: [1, null]}, [x], ~, 0x1f, 010, 1_0, .inf]}}", "outputs: {a: \"${{ job.status }}\"}"),
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		w, err := workflow.Parse("f.yml", src, workflow.Submission{
			GitHub: map[string]string{"ref": "refs/heads/main", "actor": "me"}, Vars: map[string]string{"A": `["x", 1]`},
		})
		if err == nil {
			checkPlan(t, w)
			return
		}
		var faults workflow.Faults
		require.ErrorAs(t, err, &faults)
		require.NotEmpty(t, faults)
		require.LessOrEqual(t, len(faults), workflow.MaxFaults+1)
		require.Nil(t, w)
		for i, fault := range faults {
			require.Equal(t, "f.yml", fault.File)
			require.NotEmpty(t, fault.Message)
			require.Positive(t, fault.Line)
			require.Positive(t, fault.Column)
			if i > 0 && fault.Line == faults[i-1].Line {
				require.GreaterOrEqual(t, fault.Column, faults[i-1].Column)
			}
			_ = fault.Snippet(src)
		}
	})
}
