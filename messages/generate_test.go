package messages_test

import (
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// some returns up to n things, and nil rather than none.
func some[T any](t *rapid.T, g *rapid.Generator[T], n int, label string) []T {
	s := rapid.SliceOfN(g, 0, n).Draw(t, label)
	if len(s) == 0 {
		return nil
	}
	return s
}

// anyTime returns the zero time, or any that nanoseconds can tell.
func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		n := rapid.Int64().Draw(t, "nanoseconds")
		if n == 0 {
			return time.Time{}
		}
		return time.Unix(0, n).UTC()
	})
}

func anyDigest() *rapid.Generator[[32]byte] {
	return rapid.Custom(func(t *rapid.T) (d [32]byte) {
		copy(d[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
		return d
	})
}

func anyVar() *rapid.Generator[plan.Var] {
	return rapid.Custom(func(t *rapid.T) plan.Var {
		return plan.Var{Name: rapid.String().Draw(t, "name"), Value: rapid.String().Draw(t, "value")}
	})
}

func anyRetry() *rapid.Generator[retry.Policy] {
	return rapid.Custom(func(t *rapid.T) retry.Policy {
		n := rapid.IntRange(0, retry.MaxAttempts).Draw(t, "attempts")
		if n == 0 {
			return retry.Policy{}
		}
		return retry.Policy{
			MaxAttempts: n, Delay: time.Duration(rapid.Int64Min(0).Draw(t, "delay")),
			Factor: rapid.Float64().Draw(t, "factor"), Cap: time.Duration(rapid.Int64Min(0).Draw(t, "cap")),
			ExitCodes: some(t, rapid.IntRange(math.MinInt32, math.MaxInt32), 3, "exit codes"),
		}
	})
}

func anyMatrixValue() *rapid.Generator[plan.MatrixValue] {
	return rapid.Custom(func(t *rapid.T) plan.MatrixValue {
		return plan.MatrixValue{
			Name: rapid.String().Draw(t, "name"), Text: rapid.String().Draw(t, "text"),
			JSON: rapid.SampledFrom([]string{"", "true", "1"}).Draw(t, "json"),
		}
	})
}

func anyReuse() *rapid.Generator[run.Reuse] {
	return rapid.Custom(func(t *rapid.T) run.Reuse {
		return run.Reuse{Index: rapid.Uint32().Draw(t, "index"), Outputs: some(t, anyVar(), 2, "outputs")}
	})
}

func anyStep() *rapid.Generator[plan.Step] {
	return rapid.Custom(func(t *rapid.T) plan.Step {
		return plan.Step{
			ID: rapid.String().Draw(t, "id"), Name: rapid.String().Draw(t, "name"), Run: rapid.String().Draw(t, "run"),
			Shell: rapid.String().Draw(t, "shell"), WorkingDirectory: rapid.String().Draw(t, "directory"),
			Env: some(t, anyVar(), 2, "env"), Timeout: time.Duration(rapid.Int64().Draw(t, "timeout")),
			ContinueOnError: rapid.Bool().Draw(t, "continue"), If: rapid.String().Draw(t, "if"),
			Uses: rapid.String().Draw(t, "uses"), With: some(t, anyVar(), 2, "with"),
			TimeoutText:         rapid.String().Draw(t, "timeout text"),
			ContinueOnErrorText: rapid.String().Draw(t, "continue text"),
		}
	})
}

func anyAmount() *rapid.Generator[resource.Amount] {
	return rapid.Custom(func(t *rapid.T) resource.Amount {
		return resource.Amount{
			CPU:    rapid.Int64Range(0, resource.MaxCPU).Draw(t, "cpu"),
			Memory: rapid.Int64Range(0, resource.MaxMemory).Draw(t, "memory"),
		}
	})
}

// anySpec returns a job of a plan of so many jobs and groups.
func anySpec(jobs, groups int) *rapid.Generator[plan.Job] {
	return rapid.Custom(func(t *rapid.T) plan.Job {
		return plan.Job{
			Key: rapid.String().Draw(t, "key"), ID: rapid.String().Draw(t, "id"), Name: rapid.String().Draw(t, "name"),
			Needs:  some(t, rapid.IntRange(0, max(0, jobs-1)), 3, "needs"),
			RunsOn: some(t, rapid.String(), 2, "runs-on"), Env: some(t, anyVar(), 2, "env"),
			Matrix: some(t, anyMatrixValue(), 2, "matrix"), Group: rapid.IntRange(plan.NoGroup, groups-1).Draw(t, "group"),
			Timeout:         time.Duration(rapid.Int64().Draw(t, "timeout")),
			ContinueOnError: rapid.Bool().Draw(t, "continue"), Retry: anyRetry().Draw(t, "retry"),
			Priority:   rapid.IntRange(-plan.MaxPriority, plan.MaxPriority).Draw(t, "priority"),
			Idempotent: rapid.Bool().Draw(t, "idempotent"), Resources: anyAmount().Draw(t, "resources"),
			Executor:   rapid.SampledFrom([]string{plan.ExecutorProcess, plan.ExecutorNoop}).Draw(t, "executor"),
			Steps:      some(t, anyStep(), 3, "steps"),
			AsksStatus: rapid.Bool().Draw(t, "asks"), If: rapid.String().Draw(t, "if"), Outputs: some(t, anyVar(), 2, "outputs"),
		}
	})
}

func anyPlan() *rapid.Generator[*plan.Workflow] {
	return rapid.Custom(func(t *rapid.T) *plan.Workflow {
		group := rapid.Custom(func(t *rapid.T) plan.Group {
			return plan.Group{FailFast: rapid.Bool().Draw(t, "fast"), MaxParallel: rapid.IntRange(0, 9).Draw(t, "parallel")}
		})
		w := &plan.Workflow{
			Name: rapid.String().Draw(t, "name"), On: some(t, rapid.String(), 2, "on"), Groups: some(t, group, 2, "groups"),
			RunName: rapid.String().Draw(t, "run name"), Context: rapid.String().Draw(t, "context"),
			Concurrency: plan.Concurrency{
				Group: rapid.SampledFrom([]string{"", "g"}).Draw(t, "group"), KeepAll: rapid.Bool().Draw(t, "keep"),
				CancelInProgress: rapid.Bool().Draw(t, "cancel"),
			},
		}
		jobs := rapid.IntRange(0, 4).Draw(t, "jobs")
		w.Jobs = make([]plan.Job, jobs)
		for i := range w.Jobs {
			w.Jobs[i] = anySpec(jobs, len(w.Groups)).Draw(t, "job")
		}
		return w
	})
}

func anyOutcome(least job.Outcome) *rapid.Generator[job.Outcome] {
	return rapid.Custom(func(t *rapid.T) job.Outcome {
		return job.Outcome(rapid.IntRange(int(least), int(job.OutcomePreempted)).Draw(t, "outcome"))
	})
}

func anyStepResult() *rapid.Generator[job.StepResult] {
	return rapid.Custom(func(t *rapid.T) job.StepResult {
		return job.StepResult{
			Outcome: anyOutcome(job.OutcomeUnknown).Draw(t, "outcome"), ExitCode: int(rapid.Int32().Draw(t, "exit")),
			StartedAt: anyTime().Draw(t, "started"), EndedAt: anyTime().Draw(t, "ended"),
			Reason: rapid.String().Draw(t, "reason"), Tolerated: rapid.Bool().Draw(t, "tolerated"),
			Summary: rapid.String().Draw(t, "summary"),
		}
	})
}

func anyAnnotation() *rapid.Generator[job.Annotation] {
	return rapid.Custom(func(t *rapid.T) job.Annotation {
		number := rapid.IntRange(0, math.MaxUint32)
		return job.Annotation{
			Level: job.Level(rapid.IntRange(int(job.LevelUnknown), int(job.LevelError)).Draw(t, "level")),
			Step:  number.Draw(t, "step"), Message: rapid.String().Draw(t, "message"),
			Title: rapid.String().Draw(t, "title"), File: rapid.String().Draw(t, "file"),
			Line: number.Draw(t, "line"), EndLine: number.Draw(t, "end line"), Column: number.Draw(t, "column"),
			EndColumn: number.Draw(t, "end column"),
		}
	})
}

func anyLogSum() *rapid.Generator[job.LogSum] {
	return rapid.Custom(func(t *rapid.T) job.LogSum {
		s := job.LogSum{Chunks: rapid.Uint64().Draw(t, "chunks"), Dropped: rapid.Uint64().Draw(t, "dropped")}
		if s.Chunks > 0 {
			s.Bytes, s.SHA256 = rapid.Uint64().Draw(t, "bytes"), anyDigest().Draw(t, "hash")
		}
		return s
	})
}

// anyResult returns what an attempt may have ended with; never the zero result.
func anyResult() *rapid.Generator[job.Result] {
	return rapid.Custom(func(t *rapid.T) job.Result {
		return job.Result{
			Outcome:  anyOutcome(job.OutcomeSucceeded).Draw(t, "outcome"),
			Fault:    job.Fault(rapid.IntRange(int(job.FaultNone), int(job.FaultSystem)).Draw(t, "fault")),
			ExitCode: int(rapid.Int32().Draw(t, "exit")), Reason: rapid.String().Draw(t, "reason"),
			StartedAt: anyTime().Draw(t, "started"), EndedAt: anyTime().Draw(t, "ended"),
			Steps: some(t, anyStepResult(), 3, "steps"), Log: anyLogSum().Draw(t, "log"),
			Outputs: some(t, anyVar(), 2, "outputs"), Annotations: some(t, anyAnnotation(), 2, "annotations"),
		}
	})
}

func anyCause() *rapid.Generator[job.Cause] {
	return rapid.Custom(func(t *rapid.T) job.Cause {
		return job.Cause(rapid.IntRange(int(job.CauseNone), int(job.CauseExpression)).Draw(t, "cause"))
	})
}

func anyStamp() *rapid.Generator[messages.Stamp] {
	return rapid.Custom(func(t *rapid.T) messages.Stamp {
		return messages.Stamp{
			At: anyTime().Draw(t, "at"), Principal: rapid.String().Draw(t, "principal"),
			TraceParent: rapid.String().Draw(t, "trace"),
		}
	})
}

// anyJobEvent returns any event of a job at the time at.
func anyJobEvent(at time.Time) *rapid.Generator[job.Event] {
	return rapid.Custom(func(t *rapid.T) job.Event {
		token, reason := job.Token(rapid.Uint64().Draw(t, "token")), rapid.String().Draw(t, "reason")
		result := anyResult().Draw(t, "result")
		if rapid.Bool().Draw(t, "none open") {
			result = job.Result{}
		}
		return rapid.SampledFrom([]job.Event{
			job.Assigned{Token: token, Worker: reason, Node: rapid.String().Draw(t, "node"), At: at},
			job.AttemptEnded{Token: token, Result: result, Wait: time.Duration(rapid.Int64().Draw(t, "wait"))},
			job.CancelRequested{Cause: anyCause().Draw(t, "cause"), Reason: reason},
			job.PreemptRequested{Token: token, Reason: reason},
			job.Ended{
				State: job.State(rapid.IntRange(int(job.Success), int(job.Cancelled)).Draw(t, "state")),
				Cause: anyCause().Draw(t, "cause"), Reason: reason, At: at, Token: token, Result: result,
			},
		}).Draw(t, "event")
	})
}

func anyTask() *rapid.Generator[attempt.Task] {
	return rapid.Custom(func(t *rapid.T) attempt.Task {
		return attempt.Task{
			Job: anyJobID().Draw(t, "job"), Token: job.Token(rapid.Uint64Min(1).Draw(t, "token")),
			Attempt: int(rapid.Uint32().Draw(t, "attempt")), Workflow: rapid.String().Draw(t, "workflow"),
			Trace: rapid.String().Draw(t, "trace"), Spec: anySpec(3, 2).Draw(t, "spec"),
			Context: rapid.String().Draw(t, "context"), Secrets: some(t, anyVar(), 2, "secrets"),
		}
	})
}

func anyJobID() *rapid.Generator[job.ID] {
	return rapid.Custom(func(t *rapid.T) job.ID {
		return job.ID{
			Run:   job.RunID(rapid.StringMatching(`[0-9A-Z]{1,26}`).Draw(t, "run")),
			Index: rapid.Uint32().Draw(t, "index"),
		}
	})
}
