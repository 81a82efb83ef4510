package messages

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
)

// PackRun returns a run with its jobs in the compact form that a ledger keeps of
// ended runs. The plan is not in it.
func PackRun(e *ledger.Entry) []byte { return must(proto.Marshal(runToRecord(e))) }

// UnpackRun reads what PackRun wrote of a run of plan w, or returns ErrMalformed.
func UnpackRun(data []byte, w *plan.Workflow) (*ledger.Entry, error) {
	var m RunRecord
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w run: %w", ErrMalformed, err)
	}
	return runFromRecord(&m, w)
}

func runToRecord(e *ledger.Entry) *RunRecord {
	r := e.Run
	m := &RunRecord{
		RunId: string(r.ID), IdempotencyKey: r.Key, Digest: r.Digest[:], Principal: r.Principal,
		TraceParent: r.Trace, Project: projectToProto(r.Project), RetryOf: string(r.RetryOf), Turn: r.Turn,
		Cancelling: r.Cancelling, Reason: r.Reason, SubmittedUnixNanos: nanos(r.SubmittedAt),
		State: StateToProto(r.State), EndedUnixNanos: nanos(r.EndedAt), Jobs: make([]*JobRecord, len(e.Jobs)),
	}
	for i, j := range e.Jobs {
		m.Jobs[i] = jobToRecord(j)
	}
	return m
}

// projectToProto leaves out the name that most runs have.
func projectToProto(name string) string {
	if name == project.Default {
		return ""
	}
	return name
}

func jobToRecord(j *job.Job) *JobRecord {
	m := &JobRecord{
		State: StateToProto(j.State), Cause: CauseToProto(j.Cause), Cancelling: j.Cancelling, Open: j.Open,
		Tries: uint32(j.Tries), Lost: uint32(j.Lost), WaitNanos: int64(j.Wait),
		StartedUnixNanos: nanos(j.StartedAt), EndedUnixNanos: nanos(j.EndedAt), Reason: j.Reason,
		Taken: varsToProto(j.Taken), Preempting: j.Preempting,
	}
	for i := range j.Attempts {
		a := &j.Attempts[i]
		m.Attempts = append(m.Attempts, &AttemptRecord{
			Token: uint64(a.Token), WorkerId: a.Worker, Node: a.Node, AssignedUnixNanos: nanos(a.AssignedAt),
			Result: ResultToProto(a.Result),
		})
	}
	return m
}

// runFromRecord rebuilds an entry. The run's own view of its jobs follows from
// the jobs, so it is folded rather than stored.
func runFromRecord(m *RunRecord, w *plan.Workflow) (*ledger.Entry, error) {
	if len(m.GetJobs()) != len(w.Jobs) {
		return nil, fmt.Errorf("%w run: %d jobs for a plan of %d", ErrMalformed, len(m.GetJobs()), len(w.Jobs))
	}
	s := run.Submission{
		ID: run.ID(m.GetRunId()), Plan: w, Key: m.GetIdempotencyKey(), Principal: m.GetPrincipal(),
		Trace: m.GetTraceParent(), Project: m.GetProject(), RetryOf: run.ID(m.GetRetryOf()),
		At: instant(m.GetSubmittedUnixNanos()),
	}
	if copy(s.Digest[:], m.GetDigest()) != len(s.Digest) {
		return nil, fmt.Errorf("%w run: digest of %d bytes", ErrMalformed, len(m.GetDigest()))
	}
	r := run.New(s)
	r.Cancelling, r.Reason, r.Turn = m.GetCancelling(), m.GetReason(), m.GetTurn()
	jobs := make([]*job.Job, len(w.Jobs))
	for i, jm := range m.GetJobs() {
		j := jobFromRecord(jm, job.ID{Run: r.ID, Index: uint32(i)}, &w.Jobs[i])
		if j.State == job.Unknown || (j.Open && len(j.Attempts) == 0) {
			return nil, fmt.Errorf("%w run: job %s is in state %d, without an attempt", ErrMalformed, j.ID, jm.GetState())
		}
		jobs[i] = &j
		if len(j.Attempts) > 0 { // a job that ended without an attempt never started its run
			r = r.JobStarted()
		}
		r = r.JobEnded(j.ID.Index, j.State, j.Cause, j.EndedAt)
	}
	if end := instant(m.GetEndedUnixNanos()); !end.IsZero() {
		r.State, r.EndedAt, r.Cancelling = StateFromProto(m.GetState()), end, m.GetCancelling()
		if !r.State.Final() {
			return nil, fmt.Errorf("%w run: %s ended in state %d", ErrMalformed, r.ID, m.GetState())
		}
	}
	return &ledger.Entry{Run: &r, Jobs: jobs}, nil
}

func jobFromRecord(m *JobRecord, id job.ID, spec *plan.Job) job.Job {
	j := job.Job{
		ID: id, Spec: spec, State: StateFromProto(m.GetState()), Cause: CauseFromProto(m.GetCause()),
		Cancelling: m.GetCancelling(), Open: m.GetOpen(), Tries: int(m.GetTries()), Lost: int(m.GetLost()),
		Wait: time.Duration(m.GetWaitNanos()), StartedAt: instant(m.GetStartedUnixNanos()),
		EndedAt: instant(m.GetEndedUnixNanos()), Reason: m.GetReason(), Taken: varsFromProto(m.GetTaken()),
		Preempting: m.GetPreempting(),
	}
	for i, a := range m.GetAttempts() {
		j.Attempts = append(j.Attempts, job.Attempt{
			Number: i + 1, Token: job.Token(a.GetToken()), Worker: a.GetWorkerId(), Node: a.GetNode(),
			AssignedAt: instant(a.GetAssignedUnixNanos()), Result: ResultFromProto(a.GetResult()),
		})
	}
	return j
}
