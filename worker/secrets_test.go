//go:build unix

package worker_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

func TestStepsUseSecretsAndNobodySeesThem(t *testing.T) {
	t.Parallel()
	const value, second = "p4ss+w/rd!", "first line\nsecond line"
	encoded := base64.StdEncoding.EncodeToString([]byte("x:" + value))
	tk := task(
		plan.Step{
			Run: `echo "is $TOKEN"; printf %s "x:$TOKEN" | base64; printf %s "$TOKEN" | od -An -tx1 | tr -d ' '
test "$TOKEN" = "$OF_JOB" && test -z "$MISSING" && test "${#TOKEN}" = 10 && echo right
echo "$LINES_OF" | tail -1`,
			Env: []plan.Var{
				{Name: "TOKEN", Value: "${{ secrets.token }}"},
				{Name: "MISSING", Value: "${{ secrets.MISSING }}"},
				{Name: "LINES_OF", Value: "${{ secrets.LINES }}"},
			},
		},
		plan.Step{ID: "o", Run: `echo "t=$OF_JOB" >>"$GITHUB_OUTPUT"; echo "::error::$OF_JOB"
echo "see $OF_JOB" >>"$GITHUB_STEP_SUMMARY"`},
		plan.Step{Run: "true", WorkingDirectory: "${{ secrets.TOKEN }}"},
	)
	tk.Spec.Env = []plan.Var{{Name: "OF_JOB", Value: "${{ secrets.TOKEN }}"}}
	tk.Spec.Outputs = []plan.Var{{Name: "t", Value: "${{ steps.o.outputs.t }}"}}
	tk.Secrets = []plan.Var{{Name: "TOKEN", Value: value}, {Name: "LINES", Value: second}}
	res, h := execute(t, worker.Config{}, tk)
	everything := fmt.Sprint(res) + h.output() + h.text(attempt.Notice)
	for _, s := range h.steps {
		everything += fmt.Sprint(s)
	}
	assert.NotContains(t, everything, value)
	assert.NotContains(t, everything, "second line")
	assert.NotContains(t, everything, encoded[4:14])
	assert.NotContains(t, everything, hex.EncodeToString([]byte(value)))
	assert.True(t, strings.HasPrefix(h.output(), "is ***\n"), h.output())
	assert.Contains(t, h.output(), "\nright\n***\n")
	assert.Equal(t, "see ***\n", res.Steps[1].Summary)
	assert.Empty(t, res.Outputs, "an output with a secret is left out")
	assert.Contains(t, res.Reason, "cannot be entered")
}

// What a worker is told to hide it hides from the first step on, also where nothing of
// the job has used it yet.
func TestSecretsAreHiddenBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{Run: "echo a hunter2 b"})
	tk.Secrets = []plan.Var{{Name: "TOKEN", Value: "hunter2"}}
	res, h := execute(t, worker.Config{}, tk)
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Equal(t, "a *** b\n", h.output())
}

func TestSecretsThatCannotBeHiddenAreNotUsed(t *testing.T) {
	t.Parallel()
	var long strings.Builder
	for i := 0; long.Len() < 48<<10; i++ {
		fmt.Fprintf(&long, "line %d of a long value, %x\n", i, i*i*7919)
	}
	tk := task(plan.Step{Run: "echo ran"})
	tk.Secrets = []plan.Var{{Name: "A", Value: long.String()}, {Name: "B", Value: strings.ToUpper(long.String())}}
	res, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.OutcomeFailed, res.Outcome)
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Contains(t, res.Reason, "too long to be hidden")
	assert.Empty(t, h.output())
}
