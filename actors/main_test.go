package actors_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/plan"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits, by its virtual clock, for what must happen.
const patience = time.Hour

// inYard runs a test in a bubble with a virtual clock, in an empty yard.
func inYard(t *testing.T, test func(t *testing.T, y *testkit.Yard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // for timers that end by themselves
		test(t, testkit.NewYard(t))
	})
}

// elapse lets time pass, and then everything happen that it brings.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// workflow returns a plan of jobs without matrices.
func workflow(jobs ...plan.Job) *plan.Workflow { return &plan.Workflow{Name: "ci", Jobs: jobs} }

// aJob returns a job of one step that needs the jobs at the indexes needs.
func aJob(key string, needs ...int) plan.Job {
	return plan.Job{
		Key: key, ID: key, Name: key, Needs: needs, Group: plan.NoGroup, Timeout: time.Hour,
		Executor: plan.ExecutorProcess, Steps: []plan.Step{{Name: "step of " + key, Run: "true"}},
	}
}

// inGroup puts a job into the first matrix.
func inGroup(j plan.Job) plan.Job {
	j.Group = 0
	return j
}

// submit submits a plan once and returns its run.
func submit(t testing.TB, n *testkit.Node, w *plan.Workflow) string {
	t.Helper()
	runs, err := n.Backend().Submit(t.Context(), actors.Submission{Plan: w, Keys: []string{""}, Principal: "alice"})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	return runs[0].RunId
}

// get returns a run as users see it.
func get(t testing.TB, n *testkit.Node, id string) *messages.Run {
	t.Helper()
	r, err := n.Backend().GetRun(t.Context(), id)
	require.NoError(t, err)
	return r
}

// await returns a run when it has ended.
func await(t testing.TB, n *testkit.Node, id string) *messages.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := n.Backend().WatchRuns(ctx, id, func(*messages.WatchRunsResponse) error { return nil })
	r := get(t, n, id)
	require.NoError(t, err, "run %v", r)
	return r
}

// states returns the states of a run's jobs.
func states(r *messages.Run) []messages.JobState {
	all := make([]messages.JobState, len(r.Jobs))
	for i, j := range r.Jobs {
		all[i] = j.State
	}
	return all
}

// Short names of states.
const (
	pending   = messages.JobState_JOB_STATE_PENDING
	running   = messages.JobState_JOB_STATE_RUNNING
	success   = messages.JobState_JOB_STATE_SUCCESS
	failed    = messages.JobState_JOB_STATE_FAILED
	cancelled = messages.JobState_JOB_STATE_CANCELLED
)

func withLabels(labels ...string) func(*actors.WorkerConfig) {
	return func(c *actors.WorkerConfig) { c.Labels = labels }
}

type (
	ctx          = context.Context
	workerConfig = actors.WorkerConfig
)

func withTimeout(t testing.TB, d time.Duration) (ctx, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// contains reports whether a frame holds a text.
func contains(frame []byte, text string) bool { return bytes.Contains(frame, []byte(text)) }

// writing returns a script that writes a log of these chunks and succeeds.
func writing(chunks ...string) testkit.Script {
	return func(_ context.Context, _ attempt.Task, out attempt.Observer) job.Result {
		p := testkit.NewPen(out)
		for _, c := range chunks {
			p.Write(c)
		}
		return job.Result{Outcome: job.OutcomeSucceeded, Log: p.Sum()}
	}
}

// readLog returns the log of the newest attempt of a run's first job.
func readLog(t testing.TB, n *testkit.Node, id string, follow bool) (string, *messages.LogEnd) {
	t.Helper()
	var text strings.Builder
	var end *messages.LogEnd
	ctx, stop := withTimeout(t, patience)
	defer stop()
	err := n.Backend().ReadLog(ctx, &messages.ReadLogRequest{RunId: id, Follow: follow},
		func(m *messages.ReadLogResponse) error {
			for _, p := range m.Parts {
				text.Write(p.Data)
			}
			end = m.End
			return nil
		})
	require.NoError(t, err)
	return text.String(), end
}

// jobPID returns the PID of the actor of a run's job.
func jobPID(n *testkit.Node, id string, index int) *actor.PID {
	p := partition.Of(id, 2)
	return n.PID(fmt.Sprintf("yardmaster/partition-%d/jobs/%s.%d", p, id, index))
}

// spawnOn asks a worker for an attempt, in the name of a probe.
func spawnOn(w *testkit.Worker, owner *testkit.Probe, id string, token uint64) {
	j := aJob("a")
	m := messages.TaskToProto(attempt.Task{
		Job: job.ID{Run: job.RunID(id)}, Token: job.Token(token), Attempt: int(token), Workflow: "ci",
	}, messages.JobSpecToProto(&j))
	m.Owner, m.OwnerAddress = owner.PID.GetId(), owner.PID.GetAddress()
	w.System.Root.Send(actor.NewPID(w.System.Address(), "worker/agent"), m)
}

type (
	task     = attempt.Task
	observer = attempt.Observer
	result   = job.Result
)

// slowly is writing with a pause before each chunk.
func slowly(pause time.Duration, chunks ...string) testkit.Script {
	return func(c ctx, t task, out observer) result {
		p := testkit.NewPen(out)
		for _, chunk := range chunks {
			if r := testkit.Take(pause)(c, t, out); r.Outcome != job.OutcomeSucceeded {
				return r
			}
			p.Write(chunk)
		}
		return result{Outcome: job.OutcomeSucceeded, Log: p.Sum()}
	}
}

// failing refuses appends of events of some kinds.
func failing(bad func(kind string) bool) func(partition.Number, [][]byte) error {
	return func(_ partition.Number, events [][]byte) error {
		for _, e := range events {
			h, err := messages.DecodeHistory(e, messages.NewPlans())
			if err == nil && bad(kindOf(h)) {
				return actors.ErrLostOwnership
			}
		}
		return nil
	}
}

func kindOf(h messages.History) string {
	switch h.JobEvent.(type) {
	case job.Assigned:
		return "assigned"
	case job.Ended:
		return "ended"
	}
	return ""
}
