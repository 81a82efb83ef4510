//go:build unix

package worker_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

func TestStepsRunInOrderAndTheFailingOneEndsTheAttempt(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(
		plan.Step{Run: "echo one"},
		plan.Step{Run: "echo two; exit 3", ContinueOnError: true},
		plan.Step{Run: "echo three; exit 4"},
		plan.Step{Run: "echo never"},
	))
	assert.Equal(t, job.OutcomeFailed, res.Outcome)
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Equal(t, 4, res.ExitCode)
	assert.Equal(t, "one\ntwo\nthree\n", h.output())
	var outcomes []job.Outcome
	for _, s := range res.Steps {
		outcomes = append(outcomes, s.Outcome)
	}
	assert.Equal(t, []job.Outcome{
		job.OutcomeSucceeded, job.OutcomeFailed, job.OutcomeFailed, job.OutcomeSkipped,
	}, outcomes)
	assert.Equal(t, 3, res.Steps[1].ExitCode)
	assert.True(t, res.Steps[1].Tolerated)
	assert.False(t, res.Steps[2].Tolerated)
	require.Len(t, h.steps, 7)
	assert.Equal(t, job.OutcomeSkipped, h.steps[6].Result.Outcome)
	for i, s := range h.steps[:6] {
		assert.Equal(t, i/2, s.Index)
		assert.Equal(t, i%2 == 0, s.Running)
		assert.False(t, s.StartedAt.IsZero())
	}
	assert.Equal(t, 4, h.steps[5].Result.ExitCode)
	for i, c := range h.chunks {
		assert.Equal(t, i, c.Step)
	}
	assert.False(t, res.EndedAt.Before(res.StartedAt))
}

func TestEndingsAreToldInASentence(t *testing.T) {
	t.Parallel()
	ownDir := t.TempDir()
	cases := map[string]struct {
		step    plan.Step
		outcome job.Outcome
		fault   job.Fault
		code    int
		reason  string
	}{
		"success":             {plan.Step{Run: "true"}, job.OutcomeSucceeded, 0, 0, ""},
		"signal":              {plan.Step{Run: "kill -SEGV $$"}, job.OutcomeFailed, job.FaultUser, 139, "killed by SIGSEGV"},
		"kill":                {plan.Step{Run: "kill -KILL $$"}, job.OutcomeFailed, job.FaultUser, 137, "killed by SIGKILL"},
		"pipe is not ignored": {plan.Step{Run: "kill -PIPE $$"}, job.OutcomeFailed, job.FaultUser, 141, "SIGPIPE"},
		"unknown shell":       {plan.Step{Shell: "fish"}, job.OutcomeFailed, job.FaultUser, 0, `"fish" is neither`},
		"missing shell": {
			plan.Step{Shell: "no-such-shell -x {0}"},
			job.OutcomeFailed, job.FaultInfrastructure, 0,
			"no program no-such-shell",
		},
		"missing python": {
			plan.Step{Shell: "python", Env: []plan.Var{{Name: "PATH", Value: ownDir}}},
			job.OutcomeFailed, job.FaultInfrastructure, 0, "no program python3 or python",
		},
		"not a program": {plan.Step{Shell: "{0}", Run: "\x7fELF"}, job.OutcomeFailed, job.FaultUser, 0, "exec format"},
		"no interpreter": {
			plan.Step{Shell: "{0}", Run: "#!/no/such\n"}, job.OutcomeFailed, job.FaultUser, 0, "interpreter",
		},
		"directory missing": {
			plan.Step{Run: "true", WorkingDirectory: "sub"}, job.OutcomeFailed, job.FaultUser, 0, `"sub" cannot be`,
		},
		"directory above": {
			plan.Step{Run: "true", WorkingDirectory: "a/../.."}, job.OutcomeFailed, job.FaultUser, 0, "outside",
		},
		"directory elsewhere": {
			plan.Step{Run: "true", WorkingDirectory: "/etc"}, job.OutcomeFailed, job.FaultUser, 0, "outside",
		},
		"environment too big": {
			plan.Step{Run: "true", Env: []plan.Var{{Name: "BIG", Value: strings.Repeat("s3cret", 1<<20)}}},
			job.OutcomeFailed, job.FaultUser, 0, "environment is too big",
		},
		"zero byte": {
			plan.Step{Run: "true", Env: []plan.Var{{Name: "ZERO", Value: "s3cret\x00"}}},
			job.OutcomeFailed, job.FaultUser, 0, "value of ZERO holds a zero byte",
		},
		"bad name": {
			plan.Step{Run: "true", Env: []plan.Var{{Name: "A=B", Value: "s3cret"}}},
			job.OutcomeFailed, job.FaultUser, 0, `"A=B" cannot name`,
		},
		"step timeout": {
			plan.Step{Run: "sleep 1000", Timeout: 50 * time.Millisecond},
			job.OutcomeFailed, job.FaultUser, 143, "step timed out after 50ms",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, h := execute(t, worker.Config{}, task(c.step))
			assert.Equal(t, c.outcome, res.Outcome)
			assert.Equal(t, c.fault, res.Fault)
			assert.Equal(t, c.code, res.ExitCode)
			assert.Contains(t, res.Reason, c.reason)
			assert.NotContains(t, res.Reason, "s3cret")
			if c.reason != "" {
				assert.Contains(t, h.text(attempt.Notice), c.reason)
			}
		})
	}
}

func TestShellsAreThoseOfTheWorkflowSyntax(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		step   plan.Step
		output string
		code   int
	}{
		"default stops at an error": {plan.Step{Run: "echo a; false; echo b"}, "a\n", 1},
		"default lets a pipe fail":  {plan.Step{Run: "false | true; echo b"}, "b\n", 0},
		"bash does not":             {plan.Step{Shell: "bash", Run: "false | true; echo b"}, "", 1},
		"sh":                        {plan.Step{Shell: "sh", Run: "echo $0; false; echo b"}, "step-1.sh\n", 1},
		"python":                    {plan.Step{Shell: "python", Run: "print(6 * 7)"}, "42\n", 0},
		"template":                  {plan.Step{Shell: "cat {0}", Run: "as it is"}, "as it is", 0},
		"input is empty":            {plan.Step{Run: "cat; echo end"}, "end\n", 0},
		"starts in the workspace":   {plan.Step{Run: `mkdir s; cd s; echo "at ${PWD#"$GITHUB_WORKSPACE"}"`}, "at /s\n", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, h := execute(t, worker.Config{}, task(c.step))
			assert.Equal(t, c.code, res.ExitCode, h.output())
			assert.True(t, strings.HasSuffix(h.output(), c.output), h.output())
		})
	}
}

func TestADefaultShellWithoutBashIsSh(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	require.NoError(t, os.Symlink("/bin/sh", filepath.Join(bin, "sh")))
	cfg := worker.Config{Environ: []string{"PATH=" + bin}}
	res, h := execute(t, cfg, task(plan.Step{Run: "echo ${BASH_VERSION:-none}; false; echo b"}))
	assert.Equal(t, 1, res.ExitCode)
	assert.Equal(t, "none\n", h.output())
}

func TestStepsSeeACleanEnvironment(t *testing.T) {
	t.Parallel()
	cfg := worker.Config{
		Environ: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=/home/ci", "LANG=C", "SECRET=s3cret", "PROXY=p", "YARDMASTER_TOKEN=1",
		},
		Env: []string{"PROXY", "YARDMASTER_TOKEN"},
	}
	tk := task(plan.Step{
		Run: "env", Shell: "sh",
		Env: []plan.Var{{Name: "B", Value: "step"}, {Name: "YARDMASTER_TOKEN", Value: "99"}},
	})
	tk.Spec.Env = []plan.Var{{Name: "A", Value: "job"}, {Name: "B", Value: "job"}, {Name: "LANG", Value: "de"}}
	tk.Spec.Matrix = []plan.MatrixValue{{Name: "os-name", Text: "li\"nux"}, {Name: "go", Text: "1.26", JSON: "1.26"}}
	_, h := execute(t, cfg, tk)
	lines := strings.Split(strings.TrimSpace(h.output()), "\n")
	for _, want := range []string{
		"CI=true", "YARDMASTER=true", "YARDMASTER_RUN_ID=01RUN", "YARDMASTER_JOB=test (linux)",
		"YARDMASTER_JOB_ID=01RUN.3", "YARDMASTER_ATTEMPT=2", "YARDMASTER_TOKEN=7", "YARDMASTER_WORKFLOW=build",
		"YARDMASTER_ATTEMPT_NAME=01RUN.3.7", "YARDMASTER_MATRIX_OS_NAME=li\"nux", "YARDMASTER_MATRIX_GO=1.26",
		`YARDMASTER_MATRIX={"os-name":"li\"nux","go":1.26}`,
		"A=job", "B=step", "LANG=de", "HOME=/home/ci", "PROXY=p",
	} {
		assert.Contains(t, lines, want)
	}
	assert.NotContains(t, h.output(), "s3cret")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "YARDMASTER_WORKSPACE", "GITHUB_WORKSPACE":
			assert.True(t, strings.HasSuffix(value, "/01RUN.3.7/work"), line)
		case "RUNNER_TEMP", "TMPDIR":
			assert.True(t, strings.HasSuffix(value, "/01RUN.3.7/tmp"), line)
		}
	}
}

func TestAFileMaySetWhatIsNotReserved(t *testing.T) {
	t.Parallel()
	tk := task(
		plan.Step{Run: "echo $CI $RUNNER_TEMP $TMPDIR $TRACEPARENT"},
		plan.Step{Run: "echo $TRACEPARENT", Env: []plan.Var{{Name: "TRACEPARENT", Value: "mine"}}},
	)
	tk.Trace = "theirs"
	for _, name := range []string{"CI", "RUNNER_TEMP", "TMPDIR"} {
		tk.Spec.Env = append(tk.Spec.Env, plan.Var{Name: name, Value: "my" + name})
	}
	_, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, "myCI myRUNNER_TEMP myTMPDIR theirs\nmine\n", h.output())
}

func TestAWorkspaceIsRemovedWhateverIsInIt(t *testing.T) {
	t.Parallel()
	res, _ := execute(t, worker.Config{}, task(plan.Step{
		Run: `mkdir -p a/b; echo x >a/b/f; chmod 400 a/b/f; chmod 500 a/b a .; ln -s / root; touch "$TMPDIR/t"`,
	}))
	assert.NotEqual(t, job.OutcomeUnknown, res.Outcome)
}

func TestAStepMayRemoveTheWorkspace(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(
		plan.Step{Run: `rm -rf "$GITHUB_WORKSPACE" "$TMPDIR"`}, plan.Step{Run: `echo "in ${PWD#"$GITHUB_WORKSPACE"}."`}))
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Contains(t, h.output(), "in .\n")
}

func TestAStepMayLeaveAnythingUnderTheNameOfTheNextScript(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]string{
		"pipe":       "mkfifo $NEXT",
		"directory":  "mkdir $NEXT && touch $NEXT/file",
		"dangling":   "ln -s /no/such/file $NEXT",
		"unwritable": "touch $NEXT && chmod 400 $NEXT",
		"device":     "ln -s /dev/full $NEXT",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tk := task(plan.Step{Run: "NEXT=$RUNNER_TEMP/step-2.sh\n" + leave}, plan.Step{Run: "echo next"})
			tk.Spec.Timeout = deadline / 2
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			res, h := executeUntil(ctx, t, worker.Config{}, tk, &heard{})
			assert.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
			assert.Equal(t, "next\n", h.output())
		})
	}
}

func TestKeptWorkspacesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tk := task(plan.Step{Run: "echo x >f"})
	e := open(t, worker.Config{WorkDir: dir, KeepWorkspaces: true})
	res := e.Execute(context.Background(), tk, &heard{})
	require.Equal(t, job.OutcomeSucceeded, res.Outcome)
	assert.FileExists(t, filepath.Join(dir, tk.Name(), "work", "f"))

	res = e.Execute(context.Background(), tk, &heard{})
	assert.Equal(t, job.FaultSystem, res.Fault)
	assert.Contains(t, res.Reason, "has a workspace already")
}

func TestADirectoryThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, dir := range map[string]string{"a file": file, "below a file": file + "/x", "unwritable": "/proc/1"} {
		_, err := worker.New(worker.Config{WorkDir: dir})
		require.ErrorContains(t, err, "worker: work directory: ", name)
	}
	_, err := worker.New(worker.Config{Grace: -1})
	require.ErrorContains(t, err, "no work directory")
	require.ErrorContains(t, err, "negative")
}

func TestADirectoryHasOneWorker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, worker.Config{WorkDir: dir})
	_, err := worker.New(worker.Config{WorkDir: dir})
	require.ErrorIs(t, err, worker.ErrWorkDirBusy)
}

func TestNoopSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	runners := worker.Executors{plan.ExecutorNoop: worker.Noop{}}
	tk := task()
	tk.Spec.Executor = plan.ExecutorNoop
	h := &heard{}
	res := runners.Execute(context.Background(), tk, h)
	h.check(t, res)
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome)

	tk.Spec.Executor = ""
	res = runners.Execute(context.Background(), tk, h)
	assert.Equal(t, job.FaultInfrastructure, res.Fault)
	assert.Contains(t, res.Reason, "process")
}
