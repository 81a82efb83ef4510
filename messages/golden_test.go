package messages_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
	"yardmaster/domain/run"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

const goldenHistory = "testdata/history.golden"

// past is an event as some release wrote it, and what it means for ever. A case
// is never changed or removed: what is new is another case.
type past struct {
	name  string
	want  messages.History
	bytes []byte
}

func pastStamp() messages.Stamp {
	return messages.Stamp{
		At: epoch, Principal: "ann", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

func pastPlan() *plan.Workflow {
	env := []plan.Var{{Name: "CI", Value: "true"}}
	return &plan.Workflow{
		Name: "ci", On: []string{"push", "pull_request"}, Groups: []plan.Group{{FailFast: true, MaxParallel: 2}},
		Jobs: []plan.Job{
			{
				Key: "lint", ID: "lint", Name: "Lint", Group: plan.NoGroup, Timeout: plan.DefaultTimeout,
				Executor: plan.ExecutorNoop,
			},
			{
				Key: "test (linux)", ID: "test", Name: "Test", Needs: []int{0}, RunsOn: []string{"gpu", "linux"}, Env: env,
				Matrix: []plan.MatrixValue{{Name: "os", Text: "linux"}}, Group: 0, Timeout: time.Hour, ContinueOnError: true,
				Retry: retry.Policy{
					MaxAttempts: 3, Delay: time.Second, Factor: 1.5, Cap: time.Minute, ExitCodes: []int{-1, 75},
				},
				Priority: -7, Idempotent: true, Executor: plan.ExecutorProcess,
				Steps: []plan.Step{{
					ID: "build", Name: "Build", Run: "make", Shell: "bash", WorkingDirectory: "src", Env: env,
					Timeout: time.Minute, ContinueOnError: true,
				}},
			},
		},
	}
}

func pastResult() job.Result {
	return job.Result{
		Outcome: job.OutcomeFailed, Fault: job.FaultUser, ExitCode: 2, Reason: "step 1: exit code 2",
		StartedAt: epoch.Add(1), EndedAt: epoch.Add(2),
		Steps: []job.StepResult{
			{Outcome: job.OutcomeFailed, ExitCode: 2, StartedAt: epoch.Add(1), EndedAt: epoch.Add(2), Reason: "no rule"},
			{},
		},
		Log: job.LogSum{Chunks: 3, Bytes: 1000, SHA256: [32]byte{1, 2, 3}, Dropped: 4},
	}
}

// pastSuccess has what steps may say beside their log.
func pastSuccess() job.Result {
	return job.Result{
		Outcome: job.OutcomeSucceeded, Outputs: []plan.Var{{Name: "tag", Value: "v1"}},
		Steps: []job.StepResult{
			{Outcome: job.OutcomeSkipped}, {Outcome: job.OutcomeFailed, Tolerated: true, Summary: "# 1 failed"},
		},
		Annotations: []job.Annotation{{
			Level: job.LevelError, Step: 1, Message: "unused", Title: "vet", File: "a.go", Line: 1, EndLine: 2, Column: 3,
			EndColumn: 4,
		}},
	}
}

// pastFlow is a retry with a plan of conditions and expressions.
func pastFlow(s run.Submission) run.Submission {
	vars := []plan.Var{{Name: "tag", Value: "${{ steps.a.outputs.tag }}"}}
	s.Reused = []run.Reuse{{}, {Index: 1, Outputs: vars}}
	s.Plan = pastPlan()
	s.Plan.RunName, s.Plan.Context = "Deploy 7", `{"github":{"ref":"refs/heads/main"}}`
	j := &s.Plan.Jobs[1]
	j.If, j.Outputs, j.Matrix[0].JSON = "always()", vars, "1"
	step := &j.Steps[0]
	step.If, step.Uses, step.With = "failure()", "actions/checkout@v4", vars
	step.TimeoutText, step.ContinueOnErrorText = "${{ matrix.minutes }}", "${{ matrix.may-fail }}"
	return s
}

// pasts are the events that must be readable for ever.
func pasts() []past {
	stamp, id := pastStamp(), job.ID{Run: "01JZ0000000000000000000000", Index: 7}
	ofRun := messages.History{Stamp: stamp, Job: job.ID{Run: id.Run}}
	ofJob := messages.History{Stamp: stamp, Job: id}

	submitted, cancelled, shared := ofRun, ofRun, ofRun
	s := run.Submission{
		ID: id.Run, Plan: pastPlan(), Key: "k", Digest: [32]byte{9, 8}, Principal: "ann",
		Trace: stamp.TraceParent, At: epoch,
	}
	c := run.CancelRequested{By: "ann", Reason: "enough"}
	s2 := s
	s2.Plan = nil // that of the submission before
	submitted.Submitted, cancelled.Cancelled, shared.Submitted = &s, &c, &s2

	w := &messages.WorkerChanged{
		WorkerId: "w1", Incarnation: "i1", State: messages.WorkerState_WORKER_STATE_UNHEALTHY, Reason: "silent",
		Labels: []string{"linux"}, Slots: 4,
	}
	w2 := &messages.WorkerChanged{
		WorkerId: "w1", Incarnation: "i1", State: messages.WorkerState_WORKER_STATE_GONE, Reason: "held back: old disk",
		Labels: []string{"gpu", "linux"}, Slots: 4, Resources: &messages.Resources{CpuMilli: 4000, MemoryBytes: 8 << 30},
		Pool: "trusted", HeldBack: true, Added: []string{"big"}, Removed: []string{"gpu"}, Alert: true,
	}
	changed, quarantined := messages.History{Stamp: stamp, Worker: w}, ofJob
	adjusted := messages.History{Stamp: stamp, Worker: w2}
	quarantined.Poisoned = &messages.ActorQuarantined{Actor: "job-1", Reason: "panic"}

	retried, web := ofRun, s
	web.Project, web.RetryOf, web.Reused = "web", "01JX0000000000000000000000", []run.Reuse{{}, {Index: 300}}
	web.Plan = pastPlan()
	web.Plan.Jobs[1].Resources = resource.Amount{CPU: 1500, Memory: 4 << 30}
	retried.Submitted = &web
	conditional, flow := ofRun, pastFlow(web)
	conditional.Submitted = &flow

	kept, gone := messages.History{Stamp: stamp}, messages.History{Stamp: stamp}
	kept.TraceParent, gone.TraceParent = "", ""
	kept.Secret = &secret.Record{
		Ref: secret.Ref{Project: "web", Name: "TOKEN"}, Sealed: []byte{1, 2, 3}, At: epoch, By: "ann",
	}
	gone.Removed = &secret.Ref{Project: "web", Name: "TOKEN"}

	all := []past{
		{"secret_stored", kept, messages.EncodeSecret(*kept.Secret)},
		{"secret_removed", gone, messages.EncodeSecretRemoval(*gone.Removed, messages.Stamp{At: epoch, Principal: "ann"})},
		{"run_submitted.retry", retried, messages.EncodeSubmission(web, messages.EncodePlan(web.Plan), stamp)},
		{"run_submitted.context", conditional, messages.EncodeSubmission(flow, messages.EncodePlan(flow.Plan), stamp)},
		{"run_submitted", submitted, messages.EncodeSubmission(s, messages.EncodePlan(s.Plan), stamp)},
		{"run_submitted.shared", shared, messages.EncodeSubmission(s, nil, stamp)},
		{"run_cancel_requested", cancelled, messages.EncodeRunCancel(id.Run, c, stamp)},
		{"worker_changed", changed, messages.EncodeWorkerChange(w, stamp)},
		{"worker_changed.adjusted", adjusted, messages.EncodeWorkerChange(w2, stamp)},
		{"actor_quarantined", quarantined, messages.EncodeQuarantine("job-1", "panic", id, stamp)},
	}
	for name, e := range map[string]job.Event{
		"job_assigned":          job.Assigned{Token: 5, Worker: "w1", Node: "n1-7", At: epoch},
		"attempt_ended":         job.AttemptEnded{Token: 5, Result: pastResult(), Wait: 750 * time.Millisecond},
		"job_cancel_requested":  job.CancelRequested{Cause: job.CauseFailFast, Reason: "another job of its matrix failed"},
		"job_preempt_requested": job.PreemptRequested{Token: 5, Reason: "preempted by job 01JZ0000000000000000000001.0"},
		"attempt_ended.preempted": job.AttemptEnded{Token: 5, Result: job.Result{
			Outcome: job.OutcomePreempted, Fault: job.FaultInfrastructure, ExitCode: 143, EndedAt: epoch,
		}},
		"job_ended": job.Ended{
			State: job.Failed, Cause: job.CausePoison, Reason: "given up", At: epoch, Token: 5, Result: pastResult(),
		},
		"job_ended.outputs": job.Ended{State: job.Success, At: epoch, Token: 3, Result: pastSuccess()},
		"job_ended.skipped": job.Ended{State: job.Cancelled, Cause: job.CauseNeeds, Reason: "needs lint", At: epoch},
	} {
		h := ofJob
		h.JobEvent = e
		all = append(all, past{name, h, messages.EncodeJobEvent(id, e, stamp)})
	}
	return all
}

// readGolden returns the stored events by name.
func readGolden(t *testing.T) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(goldenHistory)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	golden := map[string][]byte{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		name, digits, ok := strings.Cut(lines.Text(), " ")
		require.True(t, ok, "%q", lines.Text())
		require.NotContains(t, golden, name)
		golden[name], err = hex.DecodeString(digits)
		require.NoError(t, err)
	}
	require.NoError(t, lines.Err())
	return golden
}

// TestAHistoryIsReadableForEver decodes events that were stored once. A failure
// means that no history written before can be read any more: mend the code, not
// the file. UPDATE=1 adds what is new and changes nothing.
func TestAHistoryIsReadableForEver(t *testing.T) {
	t.Parallel()

	golden := readGolden(t)
	kinds := map[string]bool{}
	for _, p := range pasts() {
		data, ok := golden[p.name]
		if !ok && os.Getenv("UPDATE") != "" {
			addGolden(t, p)
			data, ok = p.bytes, true
		}
		if !assert.True(t, ok, "%s is not in %s: run with UPDATE=1", p.name, goldenHistory) {
			continue
		}
		delete(golden, p.name)
		got, err := messages.DecodeHistory(data, messages.NewPlans())
		require.NoError(t, err, p.name)
		assertHistory(t, p.name, p.want, got)
		kind, _, _ := strings.Cut(p.name, ".")
		kinds[kind] = true
	}
	assert.Empty(t, golden, "stored, and no case says what it means")

	what := (&messages.HistoryEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("what").Fields()
	for i := range what.Len() {
		assert.True(t, kinds[string(what.Get(i).Name())], "no case for %s", what.Get(i).Name())
	}
}

func addGolden(t *testing.T, p past) {
	t.Helper()
	f, err := os.OpenFile(goldenHistory, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = f.WriteString(p.name + " " + hex.EncodeToString(p.bytes) + "\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// assertHistory compares field by field what are messages, and the rest as one.
func assertHistory(t *testing.T, name string, want, got messages.History) {
	t.Helper()
	assert.True(t, proto.Equal(want.Worker, got.Worker), "%s: %v", name, got.Worker)
	assert.True(t, proto.Equal(want.Poisoned, got.Poisoned), "%s: %v", name, got.Poisoned)
	want.Worker, want.Poisoned, got.Worker, got.Poisoned = nil, nil, nil, nil
	assert.Equal(t, want, got, name)
}
