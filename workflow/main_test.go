package workflow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns the plan of a file that must be good.
func parse(t *testing.T, src string) *plan.Workflow {
	t.Helper()
	w, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
	require.NoError(t, err)
	return w
}

// refuse returns the faults of a file that must be bad, one a line.
func refuse(t *testing.T, src string) string {
	t.Helper()
	w, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
	require.Error(t, err)
	require.Nil(t, w)
	return err.Error()
}

// job returns a file of one job, with a step to run and the given lines.
func job(lines ...string) string {
	return "jobs:\n  a:\n    steps: [{run: x}]\n    " + strings.Join(lines, "\n    ") + "\n"
}

// step returns a file of one step with the given lines, beside its run.
func step(lines ...string) string {
	return "jobs:\n  a:\n    steps:\n      - run: x\n        " + strings.Join(lines, "\n        ") + "\n"
}

// golden compares got with a file of testdata; UPDATE=1 rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
