package messages

import (
	"fmt"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

// TaskToProto converts a task. Equal specs may share spec, the converted form of
// t.Spec; nil converts it anew.
func TaskToProto(t attempt.Task, spec *JobSpec) *SpawnAttempt {
	if spec == nil {
		spec = JobSpecToProto(&t.Spec)
	}
	return &SpawnAttempt{
		RunId: string(t.Job.Run), JobIndex: t.Job.Index, Token: uint64(t.Token), Attempt: uint32(t.Attempt),
		Workflow: t.Workflow, Spec: spec, TraceParent: t.Trace, Context: t.Context,
		Secrets: varsToProto(t.Secrets),
	}
}

// TaskFromProto converts a task, or returns ErrMalformed.
func TaskFromProto(m *SpawnAttempt) (attempt.Task, error) {
	if m.GetRunId() == "" || m.GetToken() == 0 || m.GetSpec() == nil {
		return attempt.Task{}, fmt.Errorf("%w task: run, token and spec are mandatory", ErrMalformed)
	}
	return attempt.Task{
		Job:   job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()},
		Token: job.Token(m.GetToken()), Attempt: int(m.GetAttempt()), Workflow: m.GetWorkflow(),
		Trace: m.GetTraceParent(), Context: m.GetContext(), Secrets: varsFromProto(m.GetSecrets()),
		Spec: JobSpecFromProto(m.GetSpec()),
	}, nil
}

// ChunkToProto converts a log chunk of the attempt under token.
func ChunkToProto(token job.Token, c attempt.Chunk) *LogChunk {
	return &LogChunk{
		Token: uint64(token), Seq: c.Seq, Step: uint32(c.Step), Notice: c.Kind == attempt.Notice,
		UnixNanos: nanos(c.Time), Data: c.Data,
	}
}

// ChunkFromProto converts a log chunk, or returns ErrMalformed.
func ChunkFromProto(m *LogChunk) (attempt.Chunk, error) {
	if m.GetSeq() == 0 || len(m.GetData()) == 0 || len(m.GetData()) > attempt.MaxChunk {
		return attempt.Chunk{}, fmt.Errorf("%w chunk: seq %d with %d bytes", ErrMalformed, m.GetSeq(), len(m.GetData()))
	}
	kind := attempt.Output
	if m.GetNotice() {
		kind = attempt.Notice
	}
	return attempt.Chunk{
		Seq: m.GetSeq(), Step: int(m.GetStep()), Kind: kind, Time: instant(m.GetUnixNanos()), Data: m.GetData(),
	}, nil
}

// StepToProto converts the progress of the attempt under token.
func StepToProto(token job.Token, s attempt.Step) *StepProgress {
	m := &StepProgress{
		Token: uint64(token), Step: uint32(s.Index), Running: s.Running, StartedUnixNanos: nanos(s.StartedAt),
	}
	if !s.Running {
		m.Result = StepResultToProto(s.Result)
	}
	return m
}

// StepFromProto converts the progress of an attempt.
func StepFromProto(m *StepProgress) attempt.Step {
	return attempt.Step{
		Index: int(m.GetStep()), Running: m.GetRunning(), StartedAt: instant(m.GetStartedUnixNanos()),
		Result: StepResultFromProto(m.GetResult()),
	}
}
