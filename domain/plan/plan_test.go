package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"yardmaster/domain/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPrintingAPlanShowsNoSecret(t *testing.T) {
	t.Parallel()

	secret := plan.Var{Name: "TOKEN", Value: "hunter2"}
	step := plan.Step{Name: "Log in", Run: "login hunter2", Env: []plan.Var{secret}}
	job := plan.Job{
		Key: "test (linux)", Env: []plan.Var{secret}, Matrix: []plan.MatrixValue{{Name: "TOKEN", Text: "hunter2"}},
		Steps: []plan.Step{step},
	}
	workflow := plan.Workflow{Name: "ci", Jobs: []plan.Job{job}}

	assert.Equal(t, "TOKEN=***", secret.String())
	assert.Equal(t, "Log in", step.String())
	assert.Equal(t, "test (linux)", job.String())
	assert.Equal(t, `workflow "ci" with 1 jobs`, workflow.String())
	for _, thing := range []any{secret, step, job, workflow, []plan.Var{secret}, []plan.Job{job}, &job} {
		for _, format := range []string{"%v", "%+v", "%s"} {
			assert.NotContains(t, fmt.Sprintf(format, thing), "hunter2", "%T with %s", thing, format)
		}
	}
}

func TestTheLimitsFitOneAnother(t *testing.T) {
	t.Parallel()

	assert.LessOrEqual(t, plan.MaxCells, plan.MaxJobs)
	assert.LessOrEqual(t, plan.DefaultTimeout, plan.MaxTimeout)
	assert.Negative(t, plan.NoGroup, "no index of a group")
}

func TestAMatrixKeyNamesAVariable(t *testing.T) {
	t.Parallel()

	for key, want := range map[string]string{
		"os": "YARDMASTER_MATRIX_OS", "OS": "YARDMASTER_MATRIX_OS", "go-1": "YARDMASTER_MATRIX_GO_1",
		"_x": "YARDMASTER_MATRIX__X", "é.": "YARDMASTER_MATRIX___",
	} {
		assert.Equal(t, want, plan.MatrixVariable(key))
	}
}
