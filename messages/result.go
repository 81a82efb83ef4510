package messages

import (
	"time"

	"yardmaster/domain/job"
)

// The enums of the domain and of the wire have the same order and the same
// zero, so that they convert by number. A test holds them to it.

// StateToProto converts a job's or run's state.
func StateToProto(s job.State) JobState { return JobState(s) }

// StateFromProto converts a job's or run's state; a number from a newer release
// becomes Unknown.
func StateFromProto(s JobState) job.State {
	if s < 0 || s > JobState_JOB_STATE_CANCELLED {
		return job.Unknown
	}
	return job.State(s)
}

// CauseToProto converts a cause.
func CauseToProto(c job.Cause) Cause { return Cause(c) }

// CauseFromProto converts a cause; a number from a newer release becomes CauseNone.
func CauseFromProto(c Cause) job.Cause {
	if c < 0 || c > Cause_CAUSE_EXPRESSION {
		return job.CauseNone
	}
	return job.Cause(c)
}

// nanos is a time for the wire: 0 for the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant reads what nanos wrote.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// ResultToProto converts a result; the zero result becomes nil.
func ResultToProto(r job.Result) *Result {
	if r.Outcome == job.OutcomeUnknown {
		return nil
	}
	m := &Result{
		Outcome: Outcome(r.Outcome), Fault: Fault(r.Fault), ExitCode: int32(r.ExitCode), Reason: r.Reason,
		StartedUnixNanos: nanos(r.StartedAt), EndedUnixNanos: nanos(r.EndedAt), Log: LogSumToProto(r.Log),
		Outputs: varsToProto(r.Outputs),
	}
	for _, a := range r.Annotations {
		m.Annotations = append(m.Annotations, AnnotationToProto(a))
	}
	if len(r.Steps) > 0 {
		m.Steps = make([]*StepResult, len(r.Steps))
		for i, s := range r.Steps {
			m.Steps[i] = StepResultToProto(s)
		}
	}
	return m
}

// ResultFromProto converts a result; nil becomes the zero result. Numbers from a
// newer release become a failure that is ours.
func ResultFromProto(m *Result) job.Result {
	if m == nil {
		return job.Result{}
	}
	r := job.Result{
		Outcome: outcomeFromProto(m.GetOutcome()), Fault: job.Fault(m.GetFault()), ExitCode: int(m.GetExitCode()),
		Reason: m.GetReason(), StartedAt: instant(m.GetStartedUnixNanos()), EndedAt: instant(m.GetEndedUnixNanos()),
		Log: LogSumFromProto(m.GetLog()), Outputs: varsFromProto(m.GetOutputs()),
	}
	for _, a := range m.GetAnnotations() {
		r.Annotations = append(r.Annotations, annotationFromProto(a))
	}
	if m.GetFault() < 0 || m.GetFault() > Fault_FAULT_SYSTEM {
		r.Fault = job.FaultSystem
	}
	for _, s := range m.GetSteps() {
		r.Steps = append(r.Steps, StepResultFromProto(s))
	}
	return r
}

func outcomeFromProto(o Outcome) job.Outcome {
	if o < 0 || o > Outcome_OUTCOME_PREEMPTED {
		return job.OutcomeFailed
	}
	return job.Outcome(o)
}

// StepResultToProto converts how a step ended.
func StepResultToProto(s job.StepResult) *StepResult {
	return &StepResult{
		Outcome: Outcome(s.Outcome), ExitCode: int32(s.ExitCode), Reason: s.Reason,
		StartedUnixNanos: nanos(s.StartedAt), EndedUnixNanos: nanos(s.EndedAt),
		Tolerated: s.Tolerated, Summary: s.Summary,
	}
}

// StepResultFromProto converts how a step ended.
func StepResultFromProto(m *StepResult) job.StepResult {
	return job.StepResult{
		Outcome: outcomeFromProto(m.GetOutcome()), ExitCode: int(m.GetExitCode()), Reason: m.GetReason(),
		StartedAt: instant(m.GetStartedUnixNanos()), EndedAt: instant(m.GetEndedUnixNanos()),
		Tolerated: m.GetTolerated(), Summary: m.GetSummary(),
	}
}

// AnnotationToProto converts an annotation.
func AnnotationToProto(a job.Annotation) *Annotation {
	return &Annotation{
		Level: Level(a.Level), Step: uint32(a.Step), Message: a.Message, Title: a.Title, File: a.File,
		Line: uint32(a.Line), EndLine: uint32(a.EndLine), Column: uint32(a.Column), EndColumn: uint32(a.EndColumn),
	}
}

func annotationFromProto(m *Annotation) job.Annotation {
	a := job.Annotation{
		Level: job.Level(m.GetLevel()), Step: int(m.GetStep()), Message: m.GetMessage(), Title: m.GetTitle(),
		File: m.GetFile(), Line: int(m.GetLine()), EndLine: int(m.GetEndLine()), Column: int(m.GetColumn()),
		EndColumn: int(m.GetEndColumn()),
	}
	if m.GetLevel() < 0 || m.GetLevel() > Level_LEVEL_ERROR {
		a.Level = job.LevelError
	}
	return a
}

// LogSumToProto converts a log's sum; that of no log becomes nil.
func LogSumToProto(s job.LogSum) *LogSum {
	if s.Chunks == 0 && s.Dropped == 0 {
		return nil
	}
	return &LogSum{Chunks: s.Chunks, Bytes: s.Bytes, Sha256: s.SHA256[:], Dropped: s.Dropped}
}

// LogSumFromProto converts a log's sum. A hash of the wrong length becomes zero,
// which no log has.
func LogSumFromProto(m *LogSum) job.LogSum {
	s := job.LogSum{Chunks: m.GetChunks(), Bytes: m.GetBytes(), Dropped: m.GetDropped()}
	if len(m.GetSha256()) == len(s.SHA256) {
		copy(s.SHA256[:], m.GetSha256())
	}
	return s
}
