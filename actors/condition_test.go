package actors_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
	"yardmaster/workflow/contexts"
)

// on gives a job a condition.
func on(condition string, asks bool, j plan.Job) plan.Job {
	j.If, j.AsksStatus = condition, asks
	return j
}

// handing is a script that succeeds with outputs, and keeps the tasks it was given.
func handing(tasks chan<- attempt.Task, outputs ...plan.Var) testkit.Script {
	return func(_ context.Context, task attempt.Task, _ attempt.Observer) job.Result {
		tasks <- task
		return job.Result{Outcome: job.OutcomeSucceeded, Outputs: outputs}
	}
}

func TestAJobRunsOnlyIfItsConditionHolds(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{"test": testkit.Fail}))
		y.StartWorker("w1", e)
		w := workflow(aJob("test"), on("github.ref == 'refs/heads/main'", false, aJob("deploy")),
			on("github.ref == 'refs/heads/dev'", false, aJob("preview")), on("failure()", true, aJob("report", 0)),
			on("always()", true, aJob("clean", 0, 1)), aJob("after", 4), on("fromJSON('{')", false, aJob("broken")))
		w.Context = `{"github":{"ref":"refs/heads/main"}}`

		id := submit(t, n, w)
		r := await(t, n, id)
		require.Equal(t, failed, r.State)
		require.Equal(t, []messages.JobState{failed, success, cancelled, success, success, cancelled, failed}, states(r))
		assert.Equal(t, messages.Cause_CAUSE_CONDITION, r.Jobs[2].Cause)
		assert.Equal(t, "its condition is false: github.ref == 'refs/heads/dev'", r.Jobs[2].Reason)
		assert.Equal(t, messages.Cause_CAUSE_NEEDS, r.Jobs[5].Cause, "clean succeeded, and test before it did not")
		assert.Equal(t, messages.Cause_CAUSE_EXPRESSION, r.Jobs[6].Cause)
		assert.Contains(t, r.Jobs[6].Reason, "fromJSON")
		assert.Len(t, e.Begun(), 4)
		why, err := n.Backend().Explain(t.Context(), id, 2)
		require.NoError(t, err)
		assert.Contains(t, why.Reasons[0], "its condition is false")
	})
}

func TestARunOfSkippedJobsSucceeds(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		r := await(t, n, submit(t, n, workflow(on("false", false, aJob("a")), aJob("b", 0))))
		require.Equal(t, success, r.State)
		require.Equal(t, []messages.JobState{cancelled, cancelled}, states(r))
	})
}

func TestWhatAJobHandsOnReachesThoseThatNeedIt(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		tasks := make(chan attempt.Task, 10)
		outputs := []plan.Var{{Name: "tag", Value: "v1"}}
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{
			"build": handing(tasks, outputs...), "flaky": testkit.Fail,
		})))
		use := on("needs.build.outputs.tag == 'v1' && needs.flaky.result == 'failure' && always()", true, aJob("use", 0, 1))
		id := submit(t, n, workflow(aJob("build"), aJob("flaky"), use))
		r := await(t, n, id)
		require.Equal(t, []messages.JobState{success, failed, success}, states(r))
		require.Len(t, r.Jobs[0].Outputs, 1)
		assert.Equal(t, "v1", r.Jobs[0].Outputs[0].Value)
		require.Empty(t, (<-tasks).Context, "nothing is said to a job that needs nothing")

		// What is taken over hands on what it did before.
		again, err := n.Backend().Retry(t.Context(), &messages.RetryRunRequest{RunId: id, FailedOnly: true}, "bob", "")
		require.NoError(t, err)
		r = await(t, n, again.Run.RunId)
		require.Equal(t, []messages.JobState{success, failed, success}, states(r))
		assert.Equal(t, "v1", r.Jobs[0].Outputs[0].Value)
	})
}

func TestAnAttemptIsToldWhatItsExpressionsSee(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		tasks := make(chan attempt.Task, 10)
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(handing(tasks, plan.Var{Name: "tag", Value: "v1"})))
		w := workflow(aJob("build"), aJob("use", 0))
		w.Context = `{"vars":{"REGION":"eu"}}`
		id := submit(t, n, w)
		require.Equal(t, success, await(t, n, id).State)
		<-tasks
		task := <-tasks
		got, err := contexts.OfTask(&task)
		require.NoError(t, err)
		build, _ := got["needs"].Get("build")
		tags, _ := build.Get("outputs")
		tag, _ := tags.Get("tag")
		assert.Equal(t, "v1", tag.Text())
		region, _ := got["vars"].Get("REGION")
		assert.Equal(t, "eu", region.Text())
		run, _ := got["github"].Get("run_id")
		assert.Equal(t, id, run.Text())
	})
}

func TestACancelLeavesWhatAlwaysRuns(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Minute))
		y.StartWorker("w1", e)
		y.StartWorker("w2", e)
		id := submit(t, n, workflow(aJob("build"), on("always()", true, aJob("lock")),
			on("always()", true, aJob("clean", 0)), aJob("deploy", 0)))
		elapse(time.Second)
		require.NoError(t, n.Backend().Cancel(t.Context(), &messages.CancelRunRequest{RunId: id}, "bob"))
		r := await(t, n, id)
		require.Equal(t, cancelled, r.State)
		require.Equal(t, []messages.JobState{cancelled, success, success, cancelled}, states(r))
		assert.Equal(t, messages.Cause_CAUSE_REQUESTED, r.Jobs[0].Cause)
		assert.Equal(t, messages.Cause_CAUSE_REQUESTED, r.Jobs[3].Cause)
	})
}

func TestConditionsHoldAfterARestart(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		hands := testkit.NewHands()
		n, e := y.StartNode(), testkit.NewExecutor(hands.Script)
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("build"), on("failure()", true, aJob("report", 0)), aJob("deploy", 0)))
		elapse(time.Second)
		n.Kill()
		n = y.StartNode()
		elapse(time.Minute)
		hands.End(id+".0.1", testkit.Failure(1))
		elapse(time.Second)
		hands.End(id+".1.1", job.Result{Outcome: job.OutcomeSucceeded})
		r := await(t, n, id)
		require.Equal(t, []messages.JobState{failed, success, cancelled}, states(r))
	})
}
