package messages

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
)

// Progress is how far the open attempt of a job has come, by step. It is soft
// state: a worker tells it again when it is lost.
type Progress map[int]attempt.Step

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// ViewRun returns what users see of a run. With jobs false it is the summary
// that lists show. progress may be nil; it is asked only for open attempts.
func ViewRun(e *ledger.Entry, jobs bool, progress func(job.ID) Progress) *Run {
	r := e.Run
	m := &Run{
		RunId: string(r.ID), Name: r.Plan.Name, State: StateToProto(r.State), Reason: r.Reason, Principal: r.Principal,
		SubmittedAt: stamp(r.SubmittedAt), EndedAt: stamp(r.EndedAt), Cancelling: r.Cancelling && !r.State.Final(),
		IdempotencyKey: r.Key, Project: r.Project, RetryOf: string(r.RetryOf),
		RunName: r.Plan.RunName, ConcurrencyGroup: r.Plan.Concurrency.Group,
	}
	var started time.Time
	for _, j := range e.Jobs {
		if !j.StartedAt.IsZero() && (started.IsZero() || j.StartedAt.Before(started)) {
			started = j.StartedAt
		}
		if jobs {
			m.Jobs = append(m.Jobs, viewJob(j, r.Plan, progress))
		}
	}
	m.StartedAt = stamp(started)
	return m
}

// ViewEnded returns what lists show of an ended run, without unpacking it.
func ViewEnded(e ledger.Ended) *Run {
	return &Run{
		RunId: string(e.ID), Name: e.Plan.Name, RunName: e.Plan.RunName, State: StateToProto(e.State), Project: e.Project,
		SubmittedAt: stamp(e.SubmittedAt), EndedAt: stamp(e.EndedAt),
	}
}

func viewJob(j *job.Job, w *plan.Workflow, progress func(job.ID) Progress) *Job {
	m := &Job{
		Index: j.ID.Index, Key: j.Spec.Key, Name: j.Spec.Name, State: StateToProto(j.State), Cause: CauseToProto(j.Cause),
		Reason: j.Reason, Cancelling: j.Cancelling, RunsOn: j.Spec.RunsOn, StartedAt: stamp(j.StartedAt),
		EndedAt: stamp(j.EndedAt), ContinueOnError: j.Spec.ContinueOnError,
		Resources: ResourcesToProto(j.Spec.Resources), Priority: int32(j.Spec.Priority),
		Condition: j.Spec.If, Outputs: varsToProto(j.Outputs()),
	}
	for _, n := range j.Spec.Needs {
		m.Needs = append(m.Needs, w.Jobs[n].Key)
	}
	var soft Progress
	if j.Open && progress != nil {
		soft = progress(j.ID)
	}
	m.Attempts = ViewAttempts(j)
	if n := len(j.Attempts); n > 0 {
		for _, a := range j.Attempts[n-1].Result.Annotations {
			m.Annotations = append(m.Annotations, AnnotationToProto(a))
		}
	}
	m.Steps = viewSteps(j, soft)
	return m
}

// ViewAttempts returns what users see of the attempts of a job, oldest first.
func ViewAttempts(j *job.Job) []*Attempt {
	var all []*Attempt
	for i := range j.Attempts {
		all = append(all, viewAttempt(&j.Attempts[i]))
	}
	return all
}

func viewAttempt(a *job.Attempt) *Attempt {
	return &Attempt{
		Number: uint32(a.Number), Token: uint64(a.Token), WorkerId: a.Worker, AssignedAt: stamp(a.AssignedAt),
		StartedAt: stamp(a.Result.StartedAt), EndedAt: stamp(a.Result.EndedAt), Outcome: Outcome(a.Result.Outcome),
		Fault: Fault(a.Result.Fault), ExitCode: int32(a.Result.ExitCode), Reason: a.Result.Reason,
		Log: LogSumToProto(a.Result.Log),
	}
}

func viewSteps(j *job.Job, soft Progress) []*StepView {
	steps := make([]*StepView, len(j.Spec.Steps))
	var done []job.StepResult
	if n := len(j.Attempts); n > 0 {
		done = j.Attempts[n-1].Result.Steps
	}
	for i := range j.Spec.Steps {
		s, live := soft[i]
		if !live && i < len(done) {
			s = attempt.Step{Index: i, StartedAt: done[i].StartedAt, Result: done[i]}
		}
		steps[i] = ViewStep(j.Spec.Steps[i].Name, s)
	}
	return steps
}

// ViewStep returns what users see of a step called name.
func ViewStep(name string, s attempt.Step) *StepView {
	return &StepView{
		Name: name, Running: s.Running, Outcome: Outcome(s.Result.Outcome), ExitCode: int32(s.Result.ExitCode),
		Reason: s.Result.Reason, StartedAt: stamp(s.StartedAt), EndedAt: stamp(s.Result.EndedAt),
		Tolerated: s.Result.Tolerated, Summary: s.Result.Summary,
	}
}

// ViewJobChange returns the change that brought j to where it stands.
func ViewJobChange(j *job.Job, at time.Time) *RunChange {
	m := &RunChange{
		RunId: string(j.ID.Run), JobIndex: j.ID.Index, State: StateToProto(j.State), At: stamp(at), Reason: j.Reason,
	}
	if n := len(j.Attempts); n > 0 {
		a := &j.Attempts[n-1]
		m.Attempt, m.WorkerId = uint32(a.Number), a.Worker
		if j.State.Final() {
			m.AttemptStartedAt = stamp(a.Result.StartedAt)
		}
	}
	return m
}

// ViewRunChange returns the change that brought a run to where it stands.
func ViewRunChange(e *ledger.Entry, at time.Time) *RunChange {
	return &RunChange{
		RunId: string(e.Run.ID), OfRun: true, State: StateToProto(e.Run.State), At: stamp(at), Reason: e.Run.Reason,
	}
}
