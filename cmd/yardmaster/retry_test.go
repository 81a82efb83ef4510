package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

// retried is a backend with a failed run, and a run that tried what failed of it
// again.
func retried() *apitest.Backend {
	b := new(apitest.Backend)
	first := sample(1, failed)
	first.Project = "web"
	b.Put(first)
	second := sample(2, success)
	second.Project, second.RetryOf = "web", first.RunId
	second.Jobs[0] = &messages.Job{
		Key: "build", State: success, EndedAt: at(0), Reason: "taken over from run " + first.RunId,
		Steps: []*messages.StepView{{Name: "make"}},
	}
	second.Jobs[1].State, second.Jobs[1].Reason = success, ""
	second.Jobs[1].Steps[0].Outcome = messages.Outcome_OUTCOME_SUCCEEDED
	second.Jobs = second.Jobs[:2]
	b.Put(second)
	part := func(s string) *messages.ReadLogResponse {
		return &messages.ReadLogResponse{Parts: []*messages.LogPart{{Seq: 1, Time: at(30), Data: []byte(s)}}}
	}
	end := &messages.ReadLogResponse{End: &messages.LogEnd{Sum: &messages.LogSum{Chunks: 1}, Complete: true}}
	b.PutLog(second.RunId, 0, 0, part("compiling\n"), end)
	b.PutLog(second.RunId, 1, 1, part("ok\n"), end)
	b.OnRetry = func(r *messages.RetryRunRequest, _ string) (*messages.RetryRunResponse, error) {
		again := r.GetIdempotencyKey() == "again"
		res := &messages.RetryRunResponse{Run: &messages.SubmittedRun{RunId: second.RunId, Existing: again}}
		if r.GetFailedOnly() {
			res.Reused = 1
		}
		return res, nil
	}
	b.Why = &messages.ExplainJobResponse{
		State: failed, Reasons: []string{"it ended: FAILED", "its file allows 2 attempts, and they are used up"},
		Attempts: []*messages.Attempt{
			{
				Number: 1, WorkerId: "w1", Outcome: messages.Outcome_OUTCOME_LOST, Fault: messages.Fault_FAULT_INFRASTRUCTURE,
				Reason: "worker w1 was not heard of for 22s", AssignedAt: at(0), EndedAt: at(30_000),
			},
			{
				Number: 2, WorkerId: "w2", Outcome: messages.Outcome_OUTCOME_FAILED, Fault: messages.Fault_FAULT_USER,
				ExitCode: 2, AssignedAt: at(31_000), StartedAt: at(32_000), EndedAt: at(33_000),
			},
			{
				Number: 3, WorkerId: "w2", Outcome: messages.Outcome_OUTCOME_LOST, Fault: messages.Fault_FAULT_SYSTEM,
				Reason: "a defect",
			},
			{Number: 4, WorkerId: "w2"},
		},
	}
	return b
}

func TestWhatIsPrintedOfRetries(t *testing.T) {
	t.Parallel()
	first, second := apitest.RunID(1), apitest.RunID(2)
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"retry":           {[]string{"retry", first}, 0},
		"retry_failed":    {[]string{"retry", first, "--failed"}, 0},
		"retry_again":     {[]string{"retry", "0001", "--failed", "--key", "again"}, 0},
		"retry_json":      {[]string{"retry", first, "--failed", "-o", "json"}, 0},
		"retry_job":       {[]string{"retry", first + "/build"}, 2},
		"help_retry":      {[]string{"retry", "--help"}, 0},
		"show_retried":    {[]string{"show", second}, 0},
		"logs_retried":    {[]string{"logs", second}, 0},
		"logs_taken_over": {[]string{"logs", second + "/build", "--follow"}, 0},
		"why_attempts":    {[]string{"why", first + "/build"}, 0},
		"list_project":    {[]string{"list", "--project", "web"}, 0},
		"list_no_project": {[]string{"list", "--project", "Web!"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, retried())
			code := c.run(tt.args...)
			golden(t, name+".txt", c.out.String()+"-- stderr --\n"+c.err.String())
			assert.Equal(t, tt.code, code)
		})
	}
}

func TestARetryCanBeRepeated(t *testing.T) {
	t.Parallel()
	b := retried()
	tries := 0
	b.OnRetry = func(r *messages.RetryRunRequest, _ string) (*messages.RetryRunResponse, error) {
		if tries++; tries < 3 {
			return nil, problem.RetryIn(problem.Exhausted, time.Millisecond, "full")
		}
		return &messages.RetryRunResponse{Run: &messages.SubmittedRun{RunId: apitest.RunID(2)}}, nil
	}
	c := newCLI(t, b)
	require.Zero(t, c.run("retry", apitest.RunID(1)), c.err.String())
	asked := b.Retries()
	require.Len(t, asked, 3)
	assert.NotEmpty(t, asked[0].GetIdempotencyKey())
	assert.Equal(t, asked[0].GetIdempotencyKey(), asked[2].GetIdempotencyKey())
	require.Zero(t, c.run("retry", apitest.RunID(1)))
	assert.NotEqual(t, asked[0].GetIdempotencyKey(), b.Retries()[3].GetIdempotencyKey(), "another wish, another run")
}

func TestARetryIsFollowedToItsVerdict(t *testing.T) {
	t.Parallel()
	for state, want := range map[messages.JobState]int{success: 0, failed: 1} {
		b := retried()
		run := sample(2, state)
		b.Put(run)
		c := newCLI(t, b)
		assert.Equal(t, want, c.run("retry", apitest.RunID(1), "--wait"))
		assert.Contains(t, c.out.String(), apitest.RunID(2))
		assert.Contains(t, c.out.String(), stateName(state))
	}
	b := retried()
	b.Fail = problem.New(problem.Refused, "run X is still RUNNING")
	c := newCLI(t, b)
	assert.Equal(t, exitUsage, c.run("retry", apitest.RunID(1), "--wait"))
	assert.Contains(t, c.err.String(), "still RUNNING")
}

func TestSubmitNamesItsProject(t *testing.T) {
	t.Parallel()
	file := workflowFile(t, helloFile)
	for name, tt := range map[string]struct {
		env  string
		args []string
		want string
	}{
		"none":        {"", nil, ""},
		"flag":        {"", []string{"--project", "web"}, "web"},
		"environment": {"api", nil, "api"},
		"flag wins":   {"api", []string{"--project", "web"}, "web"},
	} {
		b := new(apitest.Backend)
		c := newCLI(t, b)
		c.env["YARDMASTER_PROJECT"], c.env["YARDMASTER_KEY"] = tt.env, "not a flag of the environment"
		require.Zero(t, c.run(append([]string{"submit", file}, tt.args...)...), name)
		assert.Equal(t, tt.want, b.Submissions()[0].Project, name)
		assert.NotEqual(t, "not a flag of the environment", b.Submissions()[0].Keys[0])
	}
	c := newCLI(t, new(apitest.Backend))
	assert.Equal(t, exitUsage, c.run("submit", file, "--project", "Web Site"))
	assert.Contains(t, c.err.String(), `project: bad name "Web Site"`)
}

func TestSubmitPrintsWarnings(t *testing.T) {
	t.Parallel()
	b := &apitest.Backend{Warnings: []string{"no connected worker could ever take job a: none has gpu\x1b[2J"}}
	file := workflowFile(t, helloFile)
	c := newCLI(t, b)
	require.Zero(t, c.run("submit", file, "--count", "1500"))
	assert.Equal(t, "warning: no connected worker could ever take job a: none has gpu[2J\n", c.err.String(), "once")
	c = newCLI(t, b)
	require.Zero(t, c.run("submit", file, "-o", "json"))
	assert.Contains(t, c.out.String(), `"warnings":["no connected worker`)
	assert.Empty(t, c.err.String())
}
