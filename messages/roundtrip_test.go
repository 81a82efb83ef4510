package messages_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// same fails unless got is what was sent.
func same(t *rapid.T, want, got any) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("sent\n%#v, got\n%#v", want, got)
	}
}

// wire sends a message across: what arrives shares nothing with what was sent.
func wire[M proto.Message](t rapid.TB, m M) M {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := m.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	return got.(M)
}

func TestAPlanArrivesAsItWasSent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		w := anyPlan().Draw(t, "plan")
		data := messages.EncodePlan(w)
		got, err := messages.DecodePlan(data)
		if err != nil {
			t.Fatal(err)
		}
		same(t, w, got)
		if !bytes.Equal(data, messages.EncodePlan(got)) {
			t.Fatal("the same plan has other bytes")
		}
	})
}

func TestATaskArrivesAsItWasSent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		task := anyTask().Draw(t, "task")
		var spec *messages.JobSpec
		if rapid.Bool().Draw(t, "shared") {
			spec = messages.JobSpecToProto(&task.Spec)
		}
		got, err := messages.TaskFromProto(wire(t, messages.TaskToProto(task, spec)))
		if err != nil {
			t.Fatal(err)
		}
		same(t, task, got)
	})
}

func TestAChunkArrivesAsItWasSent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		c := attempt.Chunk{
			Seq: rapid.Uint64Min(1).Draw(t, "seq"), Step: int(rapid.Uint32().Draw(t, "step")),
			Kind: rapid.SampledFrom([]attempt.ChunkKind{attempt.Output, attempt.Notice}).Draw(t, "kind"),
			Time: anyTime().Draw(t, "time"), Data: rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "data"),
		}
		m := wire(t, messages.ChunkToProto(7, c))
		got, err := messages.ChunkFromProto(m)
		if err != nil || m.GetToken() != 7 {
			t.Fatal(m, err)
		}
		same(t, c, got)
	})
}

func TestProgressArrivesAsItWasSent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		s := attempt.Step{
			Index: int(rapid.Uint32().Draw(t, "step")), Running: rapid.Bool().Draw(t, "running"),
			StartedAt: anyTime().Draw(t, "started"),
		}
		if !s.Running {
			s.Result = anyStepResult().Draw(t, "result")
		}
		m := wire(t, messages.StepToProto(7, s))
		same(t, s, messages.StepFromProto(m))
		if m.GetToken() != 7 {
			t.Fatal(m)
		}
	})
}

func TestAResultArrivesAsItWasSent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		r := anyResult().Draw(t, "result")
		same(t, r, messages.ResultFromProto(wire(t, messages.ResultToProto(r))))
	})
	assert.Nil(t, messages.ResultToProto(job.Result{}))
	assert.Zero(t, messages.ResultFromProto(nil))
}

func TestEveryJobEventIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		id, stamp := anyJobID().Draw(t, "job"), anyStamp().Draw(t, "stamp")
		e := anyJobEvent(stamp.At).Draw(t, "event")
		got, err := messages.DecodeHistory(messages.EncodeJobEvent(id, e, stamp), messages.NewPlans())
		if err != nil {
			t.Fatal(err)
		}
		same(t, messages.History{Stamp: stamp, Job: id, JobEvent: e}, got)
	})
}

func hasJobs(w *plan.Workflow) bool { return len(w.Jobs) > 0 }

func TestASubmissionMayShareThePlanBeforeIt(t *testing.T) {
	t.Parallel()

	s := run.Submission{ID: "01J", Plan: pastPlan(), At: epoch}
	h, err := messages.DecodeHistory(messages.EncodeSubmission(s, nil, messages.Stamp{At: epoch}), messages.NewPlans())
	require.NoError(t, err)
	s.Plan = nil
	assert.Equal(t, &s, h.Submitted)
}

func TestEveryRunEventIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		id, stamp := anyJobID().Draw(t, "run").Run, anyStamp().Draw(t, "stamp")
		s := run.Submission{
			ID: id, Plan: anyPlan().Filter(hasJobs).Draw(t, "plan"), Key: rapid.String().Draw(t, "key"),
			Digest: anyDigest().Draw(t, "digest"), Principal: stamp.Principal, Trace: stamp.TraceParent, At: stamp.At,
			Project: rapid.SampledFrom([]string{"", "web"}).Draw(t, "project"),
			RetryOf: run.ID(rapid.String().Draw(t, "retry of")), Reused: some(t, anyReuse(), 3, "reused"),
		}
		plans := messages.NewPlans()
		got, err := messages.DecodeHistory(messages.EncodeSubmission(s, messages.EncodePlan(s.Plan), stamp), plans)
		if err != nil {
			t.Fatal(err)
		}
		same(t, messages.History{Stamp: stamp, Job: job.ID{Run: id}, Submitted: &s}, got)

		c := run.CancelRequested{By: stamp.Principal, Reason: rapid.String().Draw(t, "reason")}
		got, err = messages.DecodeHistory(messages.EncodeRunCancel(id, c, stamp), plans)
		if err != nil {
			t.Fatal(err)
		}
		same(t, messages.History{Stamp: stamp, Job: job.ID{Run: id}, Cancelled: &c}, got)
	})
}

func TestEveryOtherEventIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		id, stamp := anyJobID().Draw(t, "job"), anyStamp().Draw(t, "stamp")
		w := &messages.WorkerChanged{
			WorkerId: rapid.String().Draw(t, "worker"), Incarnation: rapid.String().Draw(t, "incarnation"),
			State: messages.WorkerState(rapid.Int32Range(0, 5).Draw(t, "state")), Reason: rapid.String().Draw(t, "reason"),
			Labels: some(t, rapid.String(), 3, "labels"), Slots: rapid.Uint32().Draw(t, "slots"),
		}
		got, err := messages.DecodeHistory(messages.EncodeWorkerChange(w, stamp), nil)
		if err != nil || !proto.Equal(w, got.Worker) {
			t.Fatalf("%v became %v, %v", w, got.Worker, err)
		}
		q := &messages.ActorQuarantined{Actor: rapid.String().Draw(t, "actor"), Reason: w.Reason}
		got, err = messages.DecodeHistory(messages.EncodeQuarantine(q.Actor, q.Reason, id, stamp), nil)
		if err != nil || !proto.Equal(q, got.Poisoned) {
			t.Fatalf("%v became %v, %v", q, got.Poisoned, err)
		}
		got.Poisoned = nil
		same(t, messages.History{Stamp: stamp, Job: id}, got)
	})
}

// TestEnumsAgreeByNumber holds the wire to the domain, by name where the domain
// has names.
func TestEnumsAgreeByNumber(t *testing.T) {
	t.Parallel()

	agree := func(e protoreflect.EnumDescriptor, prefix string, names []string) {
		require.Equal(t, len(names), e.Values().Len(), "%s", e.Name())
		for i, name := range names {
			got := e.Values().ByNumber(protoreflect.EnumNumber(i))
			require.NotNil(t, got, "%s %d", e.Name(), i)
			assert.Equal(t, prefix+name, string(got.Name()))
		}
	}
	names := func(n int, name func(int) string) []string {
		s := []string{"UNSPECIFIED"}
		for i := 1; i < n; i++ {
			s = append(s, name(i))
		}
		return s
	}
	agree(messages.JobState(0).Descriptor(), "JOB_STATE_",
		names(int(job.Cancelled)+1, func(i int) string { return job.State(i).String() }))
	agree(messages.WorkerState(0).Descriptor(), "WORKER_STATE_",
		names(int(worker.Gone)+1, func(i int) string { return worker.State(i).String() }))
	agree(messages.Cause(0).Descriptor(), "CAUSE_", index(map[int]string{
		int(job.CauseNone): "UNSPECIFIED", int(job.CauseRequested): "REQUESTED", int(job.CauseFailFast): "FAIL_FAST",
		int(job.CauseNeeds): "NEEDS", int(job.CauseExpired): "EXPIRED", int(job.CausePoison): "POISON",
		int(job.CauseCondition): "CONDITION", int(job.CauseExpression): "EXPRESSION",
	}))
	agree(messages.Outcome(0).Descriptor(), "OUTCOME_", index(map[int]string{
		int(job.OutcomeUnknown): "UNSPECIFIED", int(job.OutcomeSucceeded): "SUCCEEDED", int(job.OutcomeFailed): "FAILED",
		int(job.OutcomeCancelled): "CANCELLED", int(job.OutcomeLost): "LOST", int(job.OutcomeRefused): "REFUSED",
		int(job.OutcomeSkipped): "SKIPPED", int(job.OutcomePreempted): "PREEMPTED",
	}))
	agree(messages.Fault(0).Descriptor(), "FAULT_", index(map[int]string{
		int(job.FaultNone): "UNSPECIFIED", int(job.FaultUser): "USER", int(job.FaultInfrastructure): "INFRASTRUCTURE",
		int(job.FaultSystem): "SYSTEM",
	}))
	agree(messages.Level(0).Descriptor(), "LEVEL_", index(map[int]string{
		int(job.LevelUnknown): "UNSPECIFIED", int(job.LevelNotice): "NOTICE", int(job.LevelWarning): "WARNING",
		int(job.LevelError): "ERROR",
	}))
	for s := job.Unknown; s <= job.Cancelled; s++ {
		assert.Equal(t, s, messages.StateFromProto(messages.StateToProto(s)))
	}
	for c := job.CauseNone; c <= job.CauseExpression; c++ {
		assert.Equal(t, c, messages.CauseFromProto(messages.CauseToProto(c)))
	}
}

func index(by map[int]string) []string {
	s := make([]string, len(by))
	for i, name := range by {
		s[i] = name
	}
	return s
}

func TestNumbersOfANewerReleaseAreOurFault(t *testing.T) {
	t.Parallel()

	for _, n := range []int32{-1, 99} {
		assert.Equal(t, job.Unknown, messages.StateFromProto(messages.JobState(n)))
		assert.Equal(t, job.CauseNone, messages.CauseFromProto(messages.Cause(n)))
		r := messages.ResultFromProto(&messages.Result{
			Outcome: messages.Outcome(n), Fault: messages.Fault(n), Log: &messages.LogSum{Chunks: 1, Sha256: []byte("short")},
		})
		assert.Equal(t, job.Result{
			Outcome: job.OutcomeFailed, Fault: job.FaultSystem, Log: job.LogSum{Chunks: 1},
		}, r)
	}
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()

	spec := &messages.JobSpec{Key: "a"}
	for _, m := range []*messages.SpawnAttempt{
		nil, {Token: 1, Spec: spec}, {RunId: "01J", Spec: spec}, {RunId: "01J", Token: 1},
	} {
		_, err := messages.TaskFromProto(m)
		require.ErrorIs(t, err, messages.ErrMalformed)
	}
	for _, m := range []*messages.LogChunk{
		nil, {Data: []byte("x")}, {Seq: 1}, {Seq: 1, Data: make([]byte, attempt.MaxChunk+1)},
	} {
		_, err := messages.ChunkFromProto(m)
		require.ErrorIs(t, err, messages.ErrMalformed)
	}
	_, err := messages.ChunkFromProto(&messages.LogChunk{Seq: 1, Data: make([]byte, attempt.MaxChunk)})
	require.NoError(t, err)
}

func TestAPlanThatPointsNowhereIsRefused(t *testing.T) {
	t.Parallel()

	for name, w := range map[string]*plan.Workflow{
		"a need":  {Jobs: []plan.Job{{Needs: []int{1}, Group: plan.NoGroup}}},
		"a group": {Jobs: []plan.Job{{Group: 0}}},
	} {
		_, err := messages.DecodePlan(messages.EncodePlan(w))
		require.ErrorIs(t, err, messages.ErrMalformed, name)
	}
	_, err := messages.DecodePlan([]byte{0xff})
	require.ErrorIs(t, err, messages.ErrMalformed)
}

func history(t *testing.T, m *messages.HistoryEvent) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}

func TestAnEventThatCannotBeUnderstoodIsRefused(t *testing.T) {
	t.Parallel()

	newer := protowire.AppendBytes(protowire.AppendTag(nil, 18, protowire.BytesType), []byte("of tomorrow"))
	digest := make([]byte, 32)
	for name, data := range map[string][]byte{
		"nothing":        {},
		"a newer kind":   newer,
		"a kind of none": history(t, &messages.HistoryEvent{RunId: "01J"}),
		"garbage":        {0xff, 0xff},
		"a short digest": history(t, &messages.HistoryEvent{What: &messages.HistoryEvent_RunSubmitted{
			RunSubmitted: &messages.RunSubmitted{Digest: digest[1:]},
		}}),
		"a broken plan": history(t, &messages.HistoryEvent{What: &messages.HistoryEvent_RunSubmitted{
			RunSubmitted: &messages.RunSubmitted{Digest: digest, Plan: []byte{0xff}},
		}}),
		"an end that is none": history(t, &messages.HistoryEvent{What: &messages.HistoryEvent_JobEnded{
			JobEnded: &messages.JobEnded{State: messages.JobState_JOB_STATE_RUNNING},
		}}),
		"an end of a newer kind": history(t, &messages.HistoryEvent{What: &messages.HistoryEvent_JobEnded{
			JobEnded: &messages.JobEnded{State: 99},
		}}),
	} {
		h, err := messages.DecodeHistory(data, messages.NewPlans())
		require.ErrorIs(t, err, messages.ErrMalformed, name)
		assert.Zero(t, h, name)
	}
}

func TestWhatHasNoFormIsADefect(t *testing.T) {
	t.Parallel()

	assert.PanicsWithValue(t, "messages: job event without a form", func() {
		messages.EncodeJobEvent(job.ID{}, nil, messages.Stamp{})
	})
	assert.Panics(t, func() { messages.EncodePlan(&plan.Workflow{Name: "\xff"}) })
}

func TestNoErrorShowsWhatWasSent(t *testing.T) {
	t.Parallel()

	secret := "hunter2"
	w := &plan.Workflow{Jobs: []plan.Job{{Needs: []int{9}, Env: []plan.Var{{Name: secret, Value: secret}}}}}
	_, err := messages.DecodePlan(messages.EncodePlan(w))
	require.Error(t, err)
	_, err2 := messages.DecodePlan([]byte("\x0a\x08" + secret + "\xff"))
	require.Error(t, err2)
	assert.NotContains(t, fmt.Sprint(err, err2), secret)
}
