package plan_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/plan"
	"yardmaster/domain/retry"
)

// TestMemoryKnowsAllParts fails when a part of a plan has grown beyond what Memory
// takes it for.
func TestMemoryKnowsAllParts(t *testing.T) {
	t.Parallel()

	of := func(w plan.Workflow) int { return w.Memory() }
	job := func(j plan.Job) plan.Workflow { return plan.Workflow{Jobs: []plan.Job{j}} }
	step := func(s plan.Step) plan.Workflow { return job(plan.Job{Steps: []plan.Step{s}}) }
	parts := []struct {
		name          string
		with, without plan.Workflow
		least         uintptr
	}{
		{"a workflow", plan.Workflow{}, plan.Workflow{}, 0},
		{"a job", job(plan.Job{}), plan.Workflow{}, reflect.TypeFor[plan.Job]().Size()},
		{"a step", step(plan.Step{}), job(plan.Job{}), reflect.TypeFor[plan.Step]().Size()},
		{"a group", plan.Workflow{Groups: make([]plan.Group, 1)}, plan.Workflow{}, reflect.TypeFor[plan.Group]().Size()},
		{"a trigger", plan.Workflow{On: []string{""}}, plan.Workflow{}, reflect.TypeFor[string]().Size()},
		{"a need", job(plan.Job{Needs: []int{0}}), job(plan.Job{}), reflect.TypeFor[int]().Size()},
		{
			"an exit code", job(plan.Job{Retry: retry.Policy{ExitCodes: []int{0}}}), job(plan.Job{}),
			reflect.TypeFor[int]().Size(),
		},
		{"a variable", job(plan.Job{Env: make([]plan.Var, 1)}), job(plan.Job{}), reflect.TypeFor[plan.Var]().Size()},
		{
			"a cell's value", job(plan.Job{Matrix: make([]plan.MatrixValue, 1)}), job(plan.Job{}),
			reflect.TypeFor[plan.MatrixValue]().Size(),
		},
		{
			"a step's variable", step(plan.Step{Env: make([]plan.Var, 1)}), step(plan.Step{}),
			reflect.TypeFor[plan.Var]().Size(),
		},
	}
	for _, p := range parts {
		assert.GreaterOrEqual(t, of(p.with)-of(p.without), int(p.least), p.name)
		assert.LessOrEqual(t, of(p.with)-of(p.without), int(p.least)+32, p.name)
	}
	assert.GreaterOrEqual(t, of(plan.Workflow{}), int(reflect.TypeFor[plan.Workflow]().Size()))
}

func TestMemoryCountsEveryText(t *testing.T) {
	t.Parallel()

	text := func(s string) *plan.Workflow {
		v := []plan.Var{{Name: s, Value: s}}
		return &plan.Workflow{
			Name: s, RunName: s, Context: s, Concurrency: plan.Concurrency{Group: s}, On: []string{s},
			Jobs: []plan.Job{{
				Key: s, ID: s, Name: s, Executor: s, RunsOn: []string{s}, Env: v, If: s, Outputs: v,
				Matrix: []plan.MatrixValue{{Name: s, Text: s, JSON: s}},
				Steps: []plan.Step{{
					ID: s, Name: s, If: s, Run: s, Uses: s, With: v, Shell: s, WorkingDirectory: s, Env: v, TimeoutText: s,
					ContinueOnErrorText: s,
				}},
			}},
		}
	}
	assert.Equal(t, 31*1000, text(strings.Repeat("x", 1000)).Memory()-text("").Memory())
}
