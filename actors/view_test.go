package actors_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/retry"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// TestAListTellsOfAnEndedRunWhatItToldBefore lists a run that is kept in its packed
// form only.
func TestAListTellsOfAnEndedRunWhatItToldBefore(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Take(time.Minute)))
		id := submit(t, n, workflow(aJob("build")))
		elapse(time.Second)
		listed := func() *messages.Run {
			runs, err := n.Backend().ListRuns(t.Context(), &messages.ListRunsRequest{})
			require.NoError(t, err)
			require.Len(t, runs, 1)
			return runs[0]
		}
		before := listed()
		require.Equal(t, "alice", before.Principal)
		require.NotNil(t, before.StartedAt)
		require.NoError(t, cancel(t, n, id, ""))
		require.Equal(t, cancelled, await(t, n, id).State)

		after := listed()
		require.NotEmpty(t, after.Reason)
		require.NotNil(t, after.EndedAt)
		before.State, before.EndedAt, before.Reason = after.State, after.EndedAt, after.Reason
		require.True(t, proto.Equal(before, after), "%s became %s", before, after)
	})
}

// TestEveryJobIsExplained shows jobs at every place where one may stand, and what
// users are told of each.
func TestEveryJobIsExplained(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		script := func(c ctx, task task, out observer) result {
			switch task.Spec.ID {
			case "bad":
				return testkit.Failure(3)
			case "lost":
				return result{Outcome: job.OutcomeLost, Fault: job.FaultInfrastructure, Reason: "the disk is full"}
			case "ok":
				return testkit.Succeed(c, task, out)
			}
			return testkit.Take(time.Hour)(c, task, out)
		}
		w := y.StartWorker("w1", testkit.NewExecutor(script), func(c *actors.WorkerConfig) { c.Slots = 1 })
		var b strings.Builder
		explain := func(title, id string, index uint32) {
			e, err := n.Backend().Explain(t.Context(), id, index)
			require.NoError(t, err)
			fmt.Fprintf(&b, "%s\n", title)
			for _, r := range e.Reasons {
				fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(r, id, "RUN"))
			}
			for _, a := range e.Attempts {
				fmt.Fprintf(&b, "  attempt %d on %s: %s %s %d %q\n", a.Number, a.WorkerId, a.Outcome, a.Fault, a.ExitCode, a.Reason)
			}
		}
		bad := aJob("bad")
		bad.Retry = retry.Policy{MaxAttempts: 2, Delay: time.Minute}
		badRun := submit(t, n, workflow(bad))
		elapse(time.Second)
		explain("pauses before its second attempt", badRun, 0)
		elapse(2 * time.Minute)
		explain("failed twice", badRun, 0)
		once := submit(t, n, workflow(aJob("bad")))
		elapse(time.Second)
		explain("failed and asks for no retry", once, 0)
		bad.Retry.ExitCodes = []int{75}
		final := submit(t, n, workflow(bad))
		elapse(time.Second)
		explain("failed with an exit code that is final", final, 0)
		ok := submit(t, n, workflow(aJob("ok")))
		elapse(time.Second)
		explain("succeeded", ok, 0)
		lost := submit(t, n, workflow(aJob("lost")))
		elapse(5 * time.Minute)
		explain("lost too often", lost, 0)

		gpu := aJob("gpu")
		gpu.RunsOn = []string{"gpu"}
		long := submit(t, n, workflow(aJob("long"), aJob("last", 0)))
		elapse(time.Second)
		waits := aJob("waits")
		waits.Priority = 5
		wf := workflow(waits, aJob("after", 0), inGroup(aJob("m1")), inGroup(aJob("m2")), gpu)
		wf.Groups = []plan.Group{{MaxParallel: 1}}
		id := submit(t, n, wf)
		elapse(time.Second)
		explain("runs", long, 0)
		for i, title := range []string{
			"waits for a slot", "waits for another", "first of its matrix", "second of its matrix", "no worker matches",
		} {
			explain(title, id, uint32(i))
		}
		w.Cut()
		require.NoError(t, cancel(t, n, long, ""))
		elapse(time.Second)
		explain("is being cancelled", long, 0)
		explain("was cancelled", long, 1)
		text := regexp.MustCompile(`since [0-9:]+`).ReplaceAllString(b.String(), "since TIME")
		text = regexp.MustCompile(`waits [0-9.]+s before`).ReplaceAllString(text, "waits PAUSE before")
		text = regexp.MustCompile(`queued at [0-9:]+`).ReplaceAllString(text, "queued at TIME")
		golden(t, "testdata/explain.txt", text)
		_, err := n.Backend().Explain(t.Context(), id, 99)
		requireProblem(t, err, problem.NotFound)
		_, err = n.Backend().Explain(t.Context(), "01NONE", 0)
		requireProblem(t, err, problem.NotFound)
	})
}

func TestRunsAreListedNewestFirstPageByPage(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		gpu := aJob("gpu")
		gpu.RunsOn = []string{"gpu"}
		other := workflow(gpu)
		other.Name = "other"
		var want []string
		for i := range 10 {
			w := workflow(aJob("a"))
			if i%2 == 0 {
				w = other
			}
			want = append([]string{submit(t, n, w)}, want...)
			elapse(time.Second)
		}
		list := func(m *messages.ListRunsRequest) (ids []string) {
			runs, err := n.Backend().ListRuns(t.Context(), m)
			require.NoError(t, err)
			for _, r := range runs {
				ids = append(ids, r.RunId)
				require.Empty(t, r.Jobs)
			}
			return ids
		}
		require.Equal(t, want, list(&messages.ListRunsRequest{}))
		require.Equal(t, want[:3], list(&messages.ListRunsRequest{Limit: 3}))
		require.Equal(t, want[3:6], list(&messages.ListRunsRequest{Limit: 3, BeforeRunId: want[2]}))
		require.Empty(t, list(&messages.ListRunsRequest{BeforeRunId: want[9]}))
		require.Len(t, list(&messages.ListRunsRequest{Name: "other"}), 5)
		require.Equal(t, []string{want[0], want[2]},
			list(&messages.ListRunsRequest{States: []messages.JobState{success}, Limit: 2}))
		_, err := n.Backend().GetRun(t.Context(), "01NONE")
		requireProblem(t, err, problem.NotFound)
	})
}

func TestOldRunsAreLetGo(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.Partitions, c.KeepRuns = 1, 2 })
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		for range 6 {
			await(t, n, submit(t, n, workflow(aJob("a"))))
		}
		runs, err := n.Backend().ListRuns(t.Context(), &messages.ListRunsRequest{})
		require.NoError(t, err)
		require.Len(t, runs, 3)
	})
}

// A watcher of a run hears of each change of a job, of each step, and of the end,
// and then the watching ends.
func TestAWatchEndsWithItsRun(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		id := submit(t, n, workflow(aJob("a")))
		var heard []string
		done := make(chan error, 1)
		go func() {
			done <- n.Backend().WatchRuns(t.Context(), id, func(m *messages.WatchRunsResponse) error {
				for _, c := range m.Changes {
					switch {
					case c.OfRun:
						heard = append(heard, "run "+c.State.String())
					case c.Step != nil:
						heard = append(heard, fmt.Sprintf("step %q running %v", c.Step.Name, c.Step.Running))
					default:
						heard = append(heard, "job "+c.State.String())
					}
				}
				return nil
			})
		}()
		elapse(time.Second)
		y.StartWorker("w1", testkit.NewExecutor(func(c ctx, _ task, out observer) result {
			s := attempt.Step{Running: true, StartedAt: time.Now()}
			out.StepChanged(s)
			out.StepChanged(attempt.Step{Index: 7, Running: true}) // there is no such step
			testkit.Take(time.Second)(c, attempt.Task{}, out)
			require.True(t, get(t, n, id).Jobs[0].Steps[0].Running) //nolint:contextcheck // the test's own
			s.Running, s.Result = false, job.StepResult{Outcome: job.OutcomeSucceeded}
			out.StepChanged(s)
			return result{Outcome: job.OutcomeSucceeded, Steps: []job.StepResult{s.Result}}
		}))
		require.NoError(t, <-done)
		require.Equal(t, []string{
			"job JOB_STATE_RUNNING", "run JOB_STATE_RUNNING", `step "step of a" running true`,
			`step "step of a" running false`, "job JOB_STATE_SUCCESS", "run JOB_STATE_SUCCESS",
		}, heard)
		requireProblem(t, n.Backend().WatchRuns(t.Context(), "01NONE",
			func(*messages.WatchRunsResponse) error { return nil }), problem.NotFound)
	})
}

func TestWhatWorkersMaySay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		target, message string
		system, may     bool
	}{
		{"yardmaster/fleet/registry", "Hello", false, true},
		{"yardmaster/fleet/registry", "Hello", true, false},
		{"yardmaster/fleet/registry", "Heartbeat", false, false},
		{"yardmaster/fleet/sessions/w1", "Heartbeat", false, true},
		{"yardmaster/fleet/sessions/w1", "Goodbye", false, true},
		{"yardmaster/fleet/sessions/w2", "Heartbeat", false, false},
		{"yardmaster/partition-0/jobs/01A.0", "ReportResult", false, true},
		{"yardmaster/partition-12/jobs/01A.0", "LogChunk", false, true},
		{"yardmaster/partition-0/jobs/01A.0", "AssignJob", false, false},
		{"yardmaster/partition-0/runs/01A", "ReportResult", false, false},
		{"yardmaster/partition-0/owner", "ReportResult", false, false},
		{"yardmaster/coordinator", "JobQueued", false, false},
		{"yardmaster/gateway", "Hello", false, false},
		{"activator", "Spawn", false, false},
	}
	for _, tt := range tests {
		got := actors.WorkerMay("w1", tt.target, tt.system, "yardmaster.v1."+tt.message)
		require.Equal(t, tt.may, got, "%s to %s", tt.message, tt.target)
	}
}
