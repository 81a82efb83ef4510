//go:build unix

package worker_test

import (
	"encoding/base64"
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

func TestRemarksAreKeptWithTheJob(t *testing.T) {
	t.Parallel()
	said := "::error file=a.go,line=3,col=4,title=T::it broke%0Ahere\n::group::g\n::notice::n\n::endgroup::\n::debug::d\n"
	res, h := execute(t, worker.Config{}, task(
		plan.Step{Run: "echo ::warning::first"}, plan.Step{Run: "cat <<'E'\n" + said + "E"},
	))
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Equal(t, "::warning::first\n"+said, h.output(), "the log has the lines as they were")
	assert.Equal(t, []job.Annotation{
		{Level: job.LevelWarning, Step: 0, Message: "first"},
		{Level: job.LevelError, Step: 1, Message: "it broke\nhere", Title: "T", File: "a.go", Line: 3, Column: 4},
		{Level: job.LevelNotice, Step: 1, Message: "n"},
	}, res.Annotations)
}

func TestOnlySoManyRemarksAreKept(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(plan.Step{Run: "for i in $(seq 100); do echo ::error::$i; done"}))
	require.Len(t, res.Annotations, job.MaxAnnotations)
	assert.Equal(t, "50", res.Annotations[49].Message)
	assert.Equal(t, 100, strings.Count(h.output(), "::error::"))
}

func TestNoCommandChangesTheEnvironment(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		message string
		fails   bool
	}{
		"::set-env name=A::b":        {"append to the file $GITHUB_ENV", true},
		"::add-path::/evil":          {"append to the file $GITHUB_PATH", true},
		"::set-output name=A::b":     {"append to the file $GITHUB_OUTPUT", false},
		"::save-state name=A::b":     {"append to the file $GITHUB_STATE", false},
		"::add-matcher::m.json":      {"the log is not searched for problems", false},
		"::stop-commands::":          {"needs a word of its own", false},
		"::add-mask::":               {"has no value to hide", false},
		"::stop-commands::add-mask":  {"needs a word of its own", false},
		"  ::SET-ENV name=A::b":      {"append to the file $GITHUB_ENV", true},
		"::stop-commands::error\\nx": {"", false},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			res, h := execute(t, worker.Config{}, task(
				plan.Step{ID: "one", Run: "printf '" + line + "\\n'"},
				plan.Step{If: "always()", Run: `echo "A=${A-none}.${{ steps.one.outputs.A }}" ${PATH%%evil*}`},
			))
			assert.Contains(t, h.output(), "A=none.")
			assert.NotContains(t, h.output(), "/evil ")
			assert.Equal(t, want.fails, res.Outcome == job.OutcomeFailed, res.Reason)
			if want.message == "" {
				return
			}
			require.Len(t, res.Annotations, 1)
			assert.Contains(t, res.Annotations[0].Message, want.message)
			if want.fails {
				assert.Contains(t, res.Reason, want.message)
				assert.Equal(t, job.LevelError, res.Annotations[0].Level)
			}
		})
	}
}

func TestMaskedValuesLeaveTheWorkerNowhere(t *testing.T) {
	t.Parallel()
	const value = "p4ss+w/rd!"
	encoded := base64.StdEncoding.EncodeToString([]byte("x:" + value))
	res, h := execute(t, worker.Config{}, task(
		plan.Step{Run: "echo '::add-mask::" + value + "'; echo 'is " + value + "'; echo " + encoded +
			"; printf p4ss; sleep 0.2; printf '+w/rd!\\n'"},
		plan.Step{
			Run: "echo '::error title=" + value + "::no " + value + "'\n" +
				"echo 'see " + value + "' >>\"$GITHUB_STEP_SUMMARY\"; echo '" + value + "<<' >>\"$GITHUB_OUTPUT\"",
			ContinueOnError: true,
		},
		plan.Step{Run: "printf 'p4ss+'"},
		plan.Step{Run: "printf 'w/rd!'; echo; echo end", WorkingDirectory: "."},
		plan.Step{Run: "true", WorkingDirectory: value},
	))
	everything := fmt.Sprint(res) + h.output() + h.text(attempt.Notice)
	for _, s := range h.steps {
		everything += fmt.Sprint(s)
	}
	assert.NotContains(t, everything, value)
	assert.NotContains(t, everything, encoded[4:14])
	assert.NotContains(t, everything, "add-mask")
	assert.True(t, strings.HasPrefix(h.output(), "is ***\n"), h.output())
	assert.True(t, strings.HasSuffix(h.output(), "***\nend\n"), h.output())
	assert.Equal(t, "no ***", res.Annotations[0].Message)
	assert.Equal(t, "***", res.Annotations[0].Title)
	assert.Equal(t, "see ***\n", res.Steps[1].Summary)
	assert.Contains(t, res.Reason, `working-directory "***"`)
}

func TestNothingIsShownOnceMoreIsToBeHiddenThanCanBe(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(plan.Step{
		Run: "echo before; sleep 0.2; printf '::add-mask::'; head -c 100000 /dev/zero | tr '\\0' x; echo\n" +
			"echo after; echo ::error::e",
	}))
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome)
	assert.NotContains(t, h.output(), "after")
	assert.NotContains(t, h.output(), "xxx")
	assert.Contains(t, h.text(attempt.Notice), "a step wants more hidden than can be")
	assert.Equal(t, "***", res.Annotations[0].Message)
}

func TestCommandsCanBeStopped(t *testing.T) {
	t.Parallel()
	res, _ := execute(t, worker.Config{}, task(
		plan.Step{Run: "echo ::stop-commands::T0k; echo ::error::a; echo ::T0k::; echo ::error::b\n" +
			"echo ::stop-commands::again"},
		plan.Step{Run: "printf ::error::c"},
	))
	require.Len(t, res.Annotations, 2)
	assert.Equal(t, "b", res.Annotations[0].Message)
	assert.Equal(t, job.Annotation{Level: job.LevelError, Step: 1, Message: "c"}, res.Annotations[1])
}

func TestALargeLogWithCommandsIsWhole(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(
		plan.Step{Run: "seq 300000; echo ::notice::x; seq 300000; echo ::add-mask::s3cret; seq 300000"},
	))
	all := string(lines(300_000))
	assert.Equal(t, all+"::notice::x\n"+all+all, h.output())
	assert.Len(t, res.Annotations, 1)
}
