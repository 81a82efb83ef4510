//go:build unix

package worker_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

// given is what an owner sends of a run.
const given = `{
	"github": {"ref": "refs/heads/main", "ref_name": "main", "sha": "abc", "repository": "o/r", "actor": "me",
		"event_name": "push", "event": {"number": 7}, "run_number": 12, "base_ref": null},
	"inputs": {"count": 3}, "vars": {"REGION": "eu"},
	"needs": {"build": {"result": "success", "outputs": {"tag": "v1"}}},
	"strategy": {"job-index": 1, "job-total": 2}
}`

func names(res job.Result) (all []string) {
	for _, s := range res.Steps {
		all = append(all, [...]string{"unknown", "ok", "failed", "cancelled", "lost", "refused", "skipped"}[s.Outcome])
	}
	return all
}

func TestWhetherAStepRunsIsItsConditionsToSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first plan.Step
		when  string
		runs  bool
	}{
		"none, after success":        {plan.Step{Run: "true"}, "", true},
		"none, after failure":        {plan.Step{Run: "false"}, "", false},
		"success":                    {plan.Step{Run: "true"}, "success()", true},
		"failure, after success":     {plan.Step{Run: "true"}, "failure()", false},
		"failure, after failure":     {plan.Step{Run: "false"}, "failure()", true},
		"always":                     {plan.Step{Run: "false"}, "always()", true},
		"cancelled":                  {plan.Step{Run: "false"}, "cancelled()", false},
		"not cancelled":              {plan.Step{Run: "false"}, "!cancelled()", true},
		"a value":                    {plan.Step{Run: "true"}, "github.ref_name == 'main'", true},
		"another value":              {plan.Step{Run: "true"}, "github.ref_name == 'next'", false},
		"a value, after failure":     {plan.Step{Run: "false"}, "github.ref_name == 'main'", false},
		"both":                       {plan.Step{Run: "false"}, "failure() && inputs.count > 2", true},
		"in braces":                  {plan.Step{Run: "true"}, "${{ matrix.os == 'linux' }}", true},
		"needs":                      {plan.Step{Run: "true"}, "needs.build.outputs.tag == 'v1'", true},
		"own env":                    {plan.Step{Run: "true"}, "env.OWN == 'v1'", true},
		"status of the job":          {plan.Step{Run: "false"}, "always() && job.status == 'failure'", true},
		"tolerated, it is a success": {plan.Step{Run: "false", ContinueOnError: true}, "", true},
		"outcome": {
			plan.Step{Run: "false", ContinueOnError: true},
			"steps.first.outcome == 'failure' && steps.first.conclusion == 'success'", true,
		},
		"the system":   {plan.Step{Run: "true"}, "runner.os == 'Linux' || runner.os == 'macOS'", true},
		"hash, none":   {plan.Step{Run: "true"}, "hashFiles('**/go.sum') == ''", true},
		"hash of one":  {plan.Step{Run: "echo x >go.sum"}, "hashFiles('**/go.sum') != ''", true},
		"no such step": {plan.Step{Run: "true"}, "steps.other.outputs.x == ''", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.first.ID = "first"
			tk := task(c.first, plan.Step{
				Run: "echo ran", If: c.when, Env: []plan.Var{{Name: "OWN", Value: "${{ needs.build.outputs.tag }}"}},
			})
			tk.Context, tk.Spec.Matrix = given, []plan.MatrixValue{{Name: "os", Text: "linux"}}
			res, h := execute(t, worker.Config{}, tk)
			assert.Equal(t, c.runs, h.output() == "ran\n", res.Reason)
			assert.Equal(t, c.runs, res.Steps[1].Outcome == job.OutcomeSucceeded)
			assert.Equal(t, !c.runs, res.Steps[1].Outcome == job.OutcomeSkipped)
			failed := c.first.Run == "false" && !c.first.ContinueOnError
			assert.Equal(t, failed, res.Outcome == job.OutcomeFailed, "what ran after it changes nothing")
			if failed {
				assert.Equal(t, 1, res.ExitCode)
			}
		})
	}
}

func TestExpressionsAreEvaluatedInAllTextsOfAStep(t *testing.T) {
	t.Parallel()
	tk := task(
		plan.Step{ID: "one", Run: `mkdir eu; echo "answer=42" >>"$GITHUB_OUTPUT"`},
		plan.Step{
			Run:              "echo ${{ steps.one.outputs.answer }} $A $B ${{ env.B }} ${{ env.JOB }} ${PWD##*/}",
			WorkingDirectory: "${{ vars.REGION }}",
			Env:              []plan.Var{{Name: "A", Value: "a${{ inputs.count }}"}, {Name: "B", Value: "${{ env.JOB }}!"}},
		},
		plan.Step{Run: "sleep 1000", TimeoutText: "${{ inputs.count / 1 || 0.001 }}", ContinueOnErrorText: "${{ true }}"},
	)
	tk.Spec.Steps[2].TimeoutText = "${{ fromJSON('0.001') }}"
	tk.Context = given
	tk.Spec.Env = []plan.Var{{Name: "JOB", Value: "${{ github.sha }}-${{ github.job }}"}}
	res, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Equal(t, "42 a3 abc-test! abc-test! abc-test eu\n", h.output())
	assert.Equal(t, "step timed out after 60ms", res.Steps[2].Reason)
	assert.True(t, res.Steps[2].Tolerated)
}

func TestAnExpressionThatFailsIsTheUsersFault(t *testing.T) {
	t.Parallel()
	secret := []plan.Var{{Name: "S", Value: "s3cret"}}
	for name, c := range map[string]struct {
		step plan.Step
		want string
	}{
		"run":        {plan.Step{Run: "echo ${{ fromJSON(env.S) }}"}, "run cannot be evaluated: fromJSON(env.S): "},
		"no context": {plan.Step{Run: "${{ jobs.x }}"}, "run cannot be evaluated: jobs.x: there is no context"},
		"not closed": {plan.Step{Run: "echo ${{ env.S"}, "run cannot be evaluated: ${{: the expression is not closed"},
		"env": {
			plan.Step{Env: []plan.Var{{Name: "A", Value: "${{ fromJSON(env.S) }}"}}},
			"env.A cannot be evaluated: fromJSON",
		},
		"directory": {plan.Step{WorkingDirectory: "${{ fromJSON(env.S) }}"}, "working-directory cannot be evaluated: from"},
		"outside":   {plan.Step{WorkingDirectory: "../${{ env.S }}"}, `working-directory "../${{ env.S }}" lies outside`},
		"with": {
			plan.Step{With: []plan.Var{{Name: "w", Value: "${{ fromJSON(env.S) }}"}}},
			"with.w cannot be evaluated: f",
		},
		"if":          {plan.Step{If: "fromJSON(env.S)"}, "if cannot be evaluated: fromJSON(env.S): "},
		"if, grammar": {plan.Step{If: "a ||"}, "if cannot be evaluated: a ||: "},
		"timeout": {
			plan.Step{TimeoutText: "${{ env.S }}"},
			"timeout-minutes must be a number above 0, and no more than 50400",
		},
		"tolerance": {
			plan.Step{Run: "exit 3", ContinueOnErrorText: "${{ env.S }}"},
			"continue-on-error must be true or false: ${{ env.S }}",
		},
		"hash": {
			plan.Step{Run: "${{ hashFiles('../x') }}"},
			"run cannot be evaluated: hashFiles('../x'): hashFiles: a pattern",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.step.Run == "" {
				c.step.Run = "echo it ran"
			}
			tk := task(c.step, plan.Step{Run: "echo never"}, plan.Step{If: "failure()", Run: "echo tidied"})
			tk.Spec.Env = secret
			res, h := execute(t, worker.Config{}, tk)
			assert.Equal(t, job.OutcomeFailed, res.Outcome)
			assert.Equal(t, job.FaultUser, res.Fault)
			assert.Contains(t, res.Reason, c.want)
			assert.Equal(t, res.Reason, res.Steps[0].Reason)
			assert.Equal(t, []string{"failed", "skipped", "ok"}, names(res))
			assert.Equal(t, "tidied\n", h.output())
			assert.NotContains(t, fmt.Sprint(res, h.text(attempt.Notice)), "s3cret")
			assert.Contains(t, h.text(attempt.Notice), c.want)
		})
	}
}

func TestAJobWhoseVariablesCannotBeEvaluatedRunsNothing(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{Run: "echo never", If: "always()"})
	tk.Spec.Env = []plan.Var{{Name: "A", Value: "${{ runner.os }}"}}
	res, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Contains(t, res.Reason, "env.A cannot be evaluated: runner.os: there is no context")
	assert.Empty(t, h.output())

	tk = task(plan.Step{Run: "echo never"})
	tk.Context = "{"
	res, _ = execute(t, worker.Config{}, tk)
	assert.Equal(t, job.FaultSystem, res.Fault)
}

func TestStepsHandOnVariablesPathsAndOutputs(t *testing.T) {
	t.Parallel()
	tk := task(
		plan.Step{ID: "one", Run: `
			printf 'A=from one\nB=b\n' >>"$GITHUB_ENV"
			printf 'LINES<<EOF\nfirst\nsecond\nEOF\n' >>"$GITHUB_ENV"
			mkdir bin other; printf '#!/bin/sh\necho tool of bin\n' >bin/tool; printf '#!/bin/sh\necho other\n' >other/tool
			chmod +x */tool; echo "$PWD/other" >>"$GITHUB_PATH"; echo "$PWD/bin" >>"$GITHUB_PATH"
			echo x=1 >>"$GITHUB_OUTPUT"; echo x=2 >>"$GITHUB_OUTPUT"; echo state=s >>"$GITHUB_STATE"
			echo "[$A]"`},
		plan.Step{
			Run: `echo "$A|$B|$LINES|${{ env.B }}"; tool; wc -c <"$GITHUB_ENV"; test -z "${x-}"`,
			Env: []plan.Var{{Name: "B", Value: "own"}},
		},
		plan.Step{Run: `echo "$B" ${{ steps.one.outputs.x }} ${{ toJSON(steps).length }}.`},
	)
	tk.Spec.Env = []plan.Var{{Name: "A", Value: "of the job"}}
	res, h := execute(t, worker.Config{}, tk)
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Equal(t, "[of the job]\nfrom one|own|first\nsecond|own\ntool of bin\n0\nb 2 .\n",
		strings.ReplaceAll(h.output(), "       0", "0"))
}

func TestAFileThatMakesNoSenseFailsItsStep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ run, want string }{
		"no pair":     {`echo s3cret >>"$GITHUB_OUTPUT"`, "GITHUB_OUTPUT: line 1: expected NAME=VALUE"},
		"no end":      {`printf 'a=b\nc<<EOF\ns3cret\n' >>"$GITHUB_ENV"`, "GITHUB_ENV: line 2: there is no line that ends"},
		"node":        {`echo NODE_OPTIONS=s3cret >>"$GITHUB_ENV"`, `GITHUB_ENV: "NODE_OPTIONS" must not be set`},
		"reserved":    {`echo GITHUB_SHA=s3cret >>"$GITHUB_ENV"`, `GITHUB_ENV: the name "GITHUB_SHA" is reserved`},
		"zero":        {`printf 'A=s3cret\0\n' >>"$GITHUB_ENV"`, `GITHUB_ENV: the value of "A" holds a zero byte`},
		"state":       {`echo s3cret >>"$GITHUB_STATE"`, "GITHUB_STATE: line 1"},
		"too large":   {`head -c 1048577 /dev/zero >>"$GITHUB_OUTPUT"`, "GITHUB_OUTPUT: it is larger than 1048576 bytes"},
		"a pipe":      {`rm "$GITHUB_ENV"; mkfifo "$GITHUB_ENV"`, "GITHUB_ENV: it is no regular file any more"},
		"a link":      {`ln -sf /etc/passwd "$GITHUB_OUTPUT"`, "GITHUB_OUTPUT: it cannot be read"},
		"a directory": {`rm "$GITHUB_PATH"; mkdir "$GITHUB_PATH"`, "GITHUB_PATH: it is no regular file any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, h := execute(t, worker.Config{}, task(plan.Step{Run: c.run}, plan.Step{Run: "echo $c never"}))
			assert.Equal(t, job.FaultUser, res.Fault)
			assert.Contains(t, res.Reason, c.want)
			assert.Equal(t, []string{"failed", "skipped"}, names(res))
			assert.NotContains(t, fmt.Sprint(res, h.text(attempt.Notice)), "s3cret")
		})
	}
}

func TestAStepMayRemoveItsFilesOrLeaveOthers(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]string{
		"a file": "echo A=forged >$NEXT", "a directory": "mkdir $NEXT; touch $NEXT/x", "a pipe": "mkfifo $NEXT",
		"a link": "ln -s /etc/passwd $NEXT",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, h := execute(t, worker.Config{}, task(
				plan.Step{Run: `rm -r "${GITHUB_ENV%/*}"; mkdir "${GITHUB_ENV%/*}"; NEXT="${GITHUB_ENV%/*}/2.env"; ` + leave},
				plan.Step{Run: `cat "$GITHUB_ENV"; ls "${GITHUB_ENV%/*}" | grep -c '^2[.]'`},
				plan.Step{Run: `echo "${A-none}"`},
			))
			require.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
			assert.Equal(t, "5\nnone\n", strings.ReplaceAll(h.output(), " ", ""))
		})
	}
}

func TestAFailedStepHandsOnWhatItWrote(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(
		plan.Step{ID: "one", Run: `echo A=b >>"$GITHUB_ENV"; echo o=p >>"$GITHUB_OUTPUT"
			echo "# sum" >>"$GITHUB_STEP_SUMMARY"; exit 3`},
		plan.Step{Run: `echo $A ${{ steps.one.outputs.o }} ${{ steps.one.conclusion }}`, If: "always()"},
	))
	assert.Equal(t, "b p failure\n", h.output())
	assert.Equal(t, "# sum\n", res.Steps[0].Summary)
	assert.Equal(t, 3, res.ExitCode)
}

func TestSummariesHaveRoomTogether(t *testing.T) {
	t.Parallel()
	res, _ := execute(t, worker.Config{}, task(
		plan.Step{Run: `echo ::add-mask::s3cret; yes "s3cret é" | head -c 60000 >>"$GITHUB_STEP_SUMMARY"`},
		plan.Step{Run: `yes é | head -c 100000 >>"$GITHUB_STEP_SUMMARY"`},
		plan.Step{Run: `echo none >>"$GITHUB_STEP_SUMMARY"`},
	))
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	total := 0
	for _, s := range res.Steps {
		total += len(s.Summary)
	}
	assert.LessOrEqual(t, total, job.MaxSummary)
	assert.Greater(t, total, job.MaxSummary-10)
	assert.True(t, strings.HasPrefix(res.Steps[0].Summary, "*** é\n***"))
	require.NotEmpty(t, res.Annotations)
	assert.Contains(t, res.Annotations[0].Message, "the summary is cut")
	assert.Equal(t, 1, res.Annotations[0].Step)
}

func TestAJobHandsOnItsOutputs(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{
		ID: "one", Run: `printf 'a=1\ns=as3cretb\n' >>"$GITHUB_OUTPUT"; echo ::add-mask::s3cret; exit 1`,
	})
	tk.Context = given
	tk.Spec.Outputs = []plan.Var{
		{Name: "a", Value: "${{ steps.one.outputs.a }}"},
		{Name: "none", Value: "${{ steps.one.outputs.none }}"},
		{Name: "secret", Value: "${{ steps.one.outputs.s }}"},
		{Name: "both", Value: "${{ github.sha }}-${{ job.status }}"},
	}
	res, _ := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.OutcomeFailed, res.Outcome)
	assert.Equal(t, []plan.Var{{Name: "a", Value: "1"}, {Name: "both", Value: "abc-failure"}}, res.Outputs)
	require.Len(t, res.Annotations, 1)
	assert.Equal(t, "the output secret is left out: it holds what is to be hidden", res.Annotations[0].Message)
	assert.Equal(t, job.LevelWarning, res.Annotations[0].Level)
}

func TestOutputsThatCannotBeHandedOnFailTheJob(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{ID: "one", Run: `(printf a=; head -c 300000 /dev/zero | tr '\0' x; echo) >>"$GITHUB_OUTPUT"`})
	tk.Spec.Outputs = []plan.Var{{Name: "a", Value: "${{ steps.one.outputs.a }}"}}
	res, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.OutcomeFailed, res.Outcome)
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Equal(t, "the outputs of the job take 300001 bytes, and may take 262144", res.Reason)
	assert.Contains(t, h.text(attempt.Notice), res.Reason)
	assert.Empty(t, res.Outputs)

	tk = task(plan.Step{Run: "true"})
	tk.Spec.Outputs = []plan.Var{{Name: "a", Value: "${{ fromJSON('x') }}"}, {Name: "b", Value: "fine"}}
	res, _ = execute(t, worker.Config{}, tk)
	assert.Contains(t, res.Reason, "outputs.a cannot be evaluated: fromJSON('x'): ")
	assert.Equal(t, []plan.Var{{Name: "b", Value: "fine"}}, res.Outputs)
}

func TestStepsSeeTheVariablesOfGitHubsRunner(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{
		Shell: "sh", Run: "env; cat $GITHUB_EVENT_PATH; echo\n" +
			"echo ${{ github.event_path == env.NONE }} ${{ github.workspace }}",
	})
	tk.Context = strings.Replace(given, `"REGION": "eu"`, `"ACTIONS_STEP_DEBUG": "true"`, 1)
	_, h := execute(t, worker.Config{Name: "w1"}, tk)
	lines := strings.Split(h.output(), "\n")
	for _, want := range []string{
		"CI=true", "GITHUB_ACTIONS=true", "GITHUB_RUN_ID=01RUN", "GITHUB_RUN_ATTEMPT=2", "GITHUB_JOB=test",
		"GITHUB_WORKFLOW=build", "GITHUB_REF=refs/heads/main", "GITHUB_REF_NAME=main", "GITHUB_SHA=abc",
		"GITHUB_REPOSITORY=o/r", "GITHUB_ACTOR=me", "GITHUB_EVENT_NAME=push", "GITHUB_RUN_NUMBER=12",
		"RUNNER_NAME=w1", "RUNNER_DEBUG=1", "RUNNER_ENVIRONMENT=self-hosted", `  "number": 7`,
	} {
		assert.Contains(t, lines, want)
	}
	for _, none := range []string{"GITHUB_BASE_REF=", "GITHUB_HEAD_REF=", "GITHUB_SERVER_URL="} {
		assert.NotContains(t, h.output(), none)
	}
	assert.Regexp(t, `(?m)^RUNNER_ARCH=[A-Z0-9]+$`, h.output())
	assert.Regexp(t, `(?m)^RUNNER_TOOL_CACHE=/.*/[.]tools$`, h.output())
	assert.Regexp(t, `(?m)^false /.*/01RUN.3.7/work$`, h.output())

	_, h = execute(t, worker.Config{}, task(plan.Step{Run: "env"}))
	for _, none := range []string{"GITHUB_EVENT_PATH=", "GITHUB_SHA=", "RUNNER_DEBUG="} {
		assert.NotContains(t, h.output(), none)
	}
}

func TestToolsAreKeptBetweenAttempts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, h := execute(t, worker.Config{ToolCache: dir}, task(plan.Step{Run: `echo kept >"$RUNNER_TOOL_CACHE/tool"`}))
	assert.Empty(t, h.output())
	text, err := os.ReadFile(dir + "/tool")
	require.NoError(t, err)
	assert.Equal(t, "kept\n", string(text))
}

func TestAnActionThatTheWorkerLacksIsNotTheUsersFault(t *testing.T) {
	t.Parallel()
	res, _ := execute(t, worker.Config{}, task(
		plan.Step{Uses: "acme/other@v4", ContinueOnError: true}, plan.Step{If: "always()", Run: "true"},
	))
	assert.Equal(t, job.FaultInfrastructure, res.Fault)
	assert.Equal(t, "this worker has no action acme/other@v4", res.Reason)
	assert.Equal(t, []string{"failed", "ok"}, names(res))
}
