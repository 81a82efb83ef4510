package contexts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/workflow/contexts"
	"yardmaster/workflow/expr"
)

var epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const given = `{"github":{"ref":"refs/heads/main","run_id":"forged","event":{"n":1}},` +
	`"inputs":{"dry":true},"vars":{"REGION":"eu"}}`

// end is how a job ends.
type end struct {
	state   job.State
	cause   job.Cause
	outputs []plan.Var
}

// entry returns a run of the jobs, of which the first have ended so, a minute after
// each other.
func entry(t *testing.T, w *plan.Workflow, ends ...end) *ledger.Entry {
	t.Helper()
	for i := range w.Jobs {
		j := &w.Jobs[i]
		j.ID = map[bool]string{true: j.Key, false: j.ID}[j.ID == ""]
		j.Name, j.Timeout, j.Executor = j.Key, time.Minute, plan.ExecutorNoop
	}
	l := ledger.New(1, func(*ledger.Entry) []byte { return nil })
	e, err := l.Submit(run.Submission{ID: "01J", Plan: w, At: epoch})
	require.NoError(t, err)
	for i, how := range ends {
		id, at := job.ID{Run: "01J", Index: uint32(i)}, epoch.Add(time.Duration(i)*time.Minute)
		ended := job.Ended{State: how.state, Cause: how.cause, At: at}
		if how.state != job.Cancelled {
			require.NoError(t, l.JobEvent(id, job.Assigned{Token: 1, Worker: "w", At: epoch}, at))
			ended.Token, ended.Result = 1, job.Result{Outcome: job.OutcomeSucceeded, Outputs: how.outputs}
		}
		require.NoError(t, l.JobEvent(id, ended, at))
	}
	return e
}

func alone(key, condition string, needs ...int) plan.Job {
	return plan.Job{Key: key, Group: plan.NoGroup, Needs: needs, If: condition}
}

func v(name, value string) plan.Var { return plan.Var{Name: name, Value: value} }

// evaluate returns what an expression of the task comes to.
func evaluate(t *testing.T, task *attempt.Task, text string) string {
	t.Helper()
	values, err := contexts.OfTask(task)
	require.NoError(t, err)
	e, err := expr.Parse(text)
	require.NoError(t, err)
	got, err := e.Evaluate(&expr.Env{Contexts: values})
	require.NoError(t, err)
	return got.Text()
}

func TestAWorkerSeesWhatTheOwnerKnows(t *testing.T) {
	t.Parallel()

	w := &plan.Workflow{
		Name: "ci", Context: given, Groups: []plan.Group{{FailFast: true}, {MaxParallel: 2}},
		Jobs: []plan.Job{
			{Key: "build (1)", ID: "build", Group: 0},
			{Key: "build (2)", ID: "build", Group: 0},
			alone("lint", ""),
			{Key: "test (a)", ID: "test", Group: 1, Needs: []int{0, 1, 2}},
			{
				Key: "test (b)", ID: "test", Group: 1, Needs: []int{0, 1, 2},
				Matrix: []plan.MatrixValue{{Name: "os", Text: "b"}, {Name: "n", Text: "1.50", JSON: "1.5"}},
			},
		},
	}
	e := entry(t, w, end{job.Success, 0, []plan.Var{v("tag", "v1"), v("a", "1")}},
		end{job.Success, 0, []plan.Var{v("tag", "v2")}}, end{job.Failed, 0, nil})
	text, err := contexts.ForTask(e, 4)
	require.NoError(t, err)
	task := &attempt.Task{
		Job: job.ID{Run: "01J", Index: 4}, Attempt: 3, Workflow: "ci", Spec: w.Jobs[4], Context: text,
	}
	for expression, want := range map[string]string{
		"github.ref": "refs/heads/main", "github.event.n": "1", "github.run_id": "01J", "github.run_attempt": "3",
		"github.job": "test", "github.workflow": "ci", "inputs.dry": "true", "vars.region": "eu",
		"needs.build.result": "success", "needs.build.outputs.tag": "v2", "needs.build.outputs.a": "1",
		"needs.lint.result": "failure", "needs.test": "", "matrix.os": "b", "matrix.n": "1.5",
		"matrix.n == 1.5": "true", "strategy.job-index": "1", "strategy.job-total": "2", "strategy.max-parallel": "2",
		"strategy.fail-fast": "false",
	} {
		assert.Equal(t, want, evaluate(t, task, expression), expression)
	}
}

func TestAJobThatNeedsNothingIsToldNothing(t *testing.T) {
	t.Parallel()

	w := &plan.Workflow{Name: "ci", Jobs: []plan.Job{alone("a", "")}}
	text, err := contexts.ForTask(entry(t, w), 0)
	require.NoError(t, err)
	assert.Empty(t, text)
	task := &attempt.Task{Job: job.ID{Run: "01J"}, Attempt: 1, Spec: w.Jobs[0]}
	assert.Equal(t, "01J", evaluate(t, task, "github.run_id"))
	assert.Empty(t, evaluate(t, task, "matrix.os"))
	assert.Empty(t, evaluate(t, task, "needs.a.result"))
}

func TestWhatTheOwnerSentMustBeJSON(t *testing.T) {
	t.Parallel()

	_, err := contexts.OfTask(&attempt.Task{Context: "{"})
	require.ErrorContains(t, err, "contexts: ")
	_, err = contexts.OfTask(&attempt.Task{Context: "[]"})
	require.ErrorContains(t, err, "contexts: expected an object, found Array")
	_, err = contexts.OfTask(&attempt.Task{Spec: plan.Job{Matrix: []plan.MatrixValue{{Name: "os", JSON: "{"}}}})
	require.ErrorContains(t, err, "contexts: matrix.os: ")
}

func TestTooManyOutputsAreRefused(t *testing.T) {
	t.Parallel()

	large := make([]byte, contexts.MaxBytes/2)
	for i := range large {
		large[i] = 'x'
	}
	w := &plan.Workflow{Name: "ci", Jobs: []plan.Job{alone("a", ""), alone("b", ""), alone("c", "", 0, 1)}}
	some := []plan.Var{v("x", string(large))}
	e := entry(t, w, end{job.Success, 0, some}, end{job.Success, 0, some})
	_, err := contexts.ForTask(e, 2)
	require.ErrorIs(t, err, contexts.ErrTooLarge)
}

func TestWhetherAJobMayRun(t *testing.T) {
	t.Parallel()

	ok, failed := end{job.Success, 0, []plan.Var{v("deploy", "true")}}, end{job.Failed, 0, nil}
	skipped, stopped := end{job.Cancelled, job.CauseCondition, nil}, end{job.Cancelled, job.CauseRequested, nil}
	for name, tt := range map[string]struct {
		condition string
		first     end // of the job before the one that is needed, which ended well
		cancelled bool
		want      bool
	}{
		"none":                              {"", ok, false, true},
		"none, after a failure further up":  {"", failed, false, false},
		"none, after a skip further up":     {"", skipped, false, false},
		"success":                           {"success()", ok, false, true},
		"always, after a failure":           {"always()", failed, false, true},
		"always, cancelled":                 {"always()", ok, true, true},
		"failure, without one":              {"failure()", ok, false, false},
		"failure, further up":               {"failure()", failed, false, true},
		"failure, cancelled":                {"failure()", failed, true, false},
		"cancelled":                         {"cancelled()", ok, true, true},
		"cancelled, but not":                {"cancelled()", stopped, false, false},
		"of what was submitted":             {"github.ref == 'refs/heads/main' && vars.region == 'EU'", ok, false, true},
		"of what was submitted, and is not": {"inputs.dry == false", ok, false, false},
		"with success in front":             {"github.ref == 'refs/heads/main'", failed, false, false},
		"of outputs":                        {"needs.second.outputs.deploy == 'true'", ok, false, true},
		"of a result":                       {"needs.second.result == 'success' && !cancelled()", failed, false, true},
		"of the run":                        {"github.run_id == '01J' && github.job == 'third'", ok, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &plan.Workflow{Name: "ci", Context: given, Jobs: []plan.Job{
				alone("first", ""), alone("second", "always()", 0), alone("third", tt.condition, 1),
			}}
			e := entry(t, w, tt.first, ok)
			e.Run.Cancelling = tt.cancelled
			var c contexts.Conditions
			for range 2 { // the second time from what is kept
				got, err := c.Holds(e, 2)
				require.NoError(t, err)
				assert.Equal(t, tt.want, got)
			}
		})
	}
}

func TestAConditionThatCannotBeEvaluatedSaysWhy(t *testing.T) {
	t.Parallel()

	for condition, want := range map[string]string{
		"fromJSON('{')": "fromJSON", "&&": "expr: at byte 0", "steps.a": `there is no context "steps" here`,
	} {
		w := &plan.Workflow{Name: "ci", Jobs: []plan.Job{alone("a", condition)}}
		var c contexts.Conditions
		_, err := c.Holds(entry(t, w), 0)
		require.ErrorContains(t, err, want)
	}
	w := &plan.Workflow{Name: "ci", Context: "[]", Jobs: []plan.Job{alone("a", "true")}}
	var c contexts.Conditions
	_, err := c.Holds(entry(t, w), 0)
	require.ErrorContains(t, err, "contexts: expected an object")
}

func TestTheCellsOfAMatrixAreOneJob(t *testing.T) {
	t.Parallel()

	ok, failed, stopped := end{job.Success, 0, nil}, end{job.Failed, 0, nil}, end{job.Cancelled, job.CauseRequested, nil}
	skipped := end{job.Cancelled, job.CauseNeeds, nil}
	for want, ends := range map[string][]end{
		"success": {ok, skipped}, "failure": {stopped, failed}, "cancelled": {ok, stopped}, "skipped": {skipped, skipped},
	} {
		w := &plan.Workflow{Name: "ci", Groups: []plan.Group{{}}, Jobs: []plan.Job{
			{Key: "m (1)", ID: "m", Group: 0},
			{Key: "m (2)", ID: "m", Group: 0},
			alone("z", "needs.m.result == '"+want+"' && always()", 0, 1),
		}}
		var c contexts.Conditions
		got, err := c.Holds(entry(t, w, ends...), 2)
		require.NoError(t, err)
		assert.True(t, got, want)
	}
}
