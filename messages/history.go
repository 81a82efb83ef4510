package messages

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/domain/secret"
)

// Stamp is what is kept of every event besides what happened.
type Stamp struct {
	At          time.Time // wall clock of the owner, for people
	Principal   string    // who caused it
	TraceParent string    // W3C traceparent, or ""
}

// History is one event of the journal, decoded. Exactly one of the pointers, or
// JobEvent, is set.
type History struct {
	Stamp
	Job       job.ID          // Index counts only with JobEvent
	Submitted *run.Submission // its Plan is nil when it is that of the submission before
	Cancelled *run.CancelRequested
	JobEvent  job.Event
	Worker    *WorkerChanged
	Secret    *secret.Record // that was set
	Removed   *secret.Ref    // the secret that was removed
	Poisoned  *ActorQuarantined
}

func (s Stamp) event(id job.ID) *HistoryEvent {
	return &HistoryEvent{
		UnixNanos: nanos(s.At), Principal: s.Principal, TraceParent: s.TraceParent,
		RunId: string(id.Run), JobIndex: id.Index,
	}
}

func encode(m *HistoryEvent) []byte { return must(proto.Marshal(m)) }

// EncodeSubmission returns the event that begins a run. encodedPlan is what
// EncodePlan made of its plan; nil stands for the plan of the submission before,
// which must be stored in the same entry.
func EncodeSubmission(s run.Submission, encodedPlan []byte, stamp Stamp) []byte {
	m := stamp.event(job.ID{Run: s.ID})
	m.What = &HistoryEvent_RunSubmitted{RunSubmitted: &RunSubmitted{
		Plan: encodedPlan, IdempotencyKey: s.Key, Digest: s.Digest[:], Project: projectToProto(s.Project),
		RetryOf: string(s.RetryOf),
	}}
	reusedToProto(m.GetRunSubmitted(), s.Reused)
	return encode(m)
}

func reusedToProto(m *RunSubmitted, reused []run.Reuse) {
	for i, u := range reused {
		m.Reused = append(m.Reused, u.Index)
		if len(u.Outputs) == 0 {
			continue
		}
		for len(m.ReusedOutputs) < i { // of the jobs before, which have none
			m.ReusedOutputs = append(m.ReusedOutputs, &Outputs{})
		}
		m.ReusedOutputs = append(m.ReusedOutputs, &Outputs{Outputs: varsToProto(u.Outputs)})
	}
}

func reusedFromProto(m *RunSubmitted) []run.Reuse {
	if len(m.GetReused()) == 0 {
		return nil
	}
	reused := make([]run.Reuse, len(m.GetReused()))
	for i, index := range m.GetReused() {
		reused[i].Index = index
		if i < len(m.GetReusedOutputs()) { // those of the last jobs may be left out
			reused[i].Outputs = varsFromProto(m.GetReusedOutputs()[i].GetOutputs())
		}
	}
	return reused
}

// EncodeRunCancel returns the event that cancels a run.
func EncodeRunCancel(id run.ID, e run.CancelRequested, stamp Stamp) []byte {
	m := stamp.event(job.ID{Run: id})
	m.What = &HistoryEvent_RunCancelRequested{RunCancelRequested: &RunCancelRequested{Reason: e.Reason}}
	return encode(m)
}

// EncodeWorkerChange returns an event in the life of a worker.
func EncodeWorkerChange(w *WorkerChanged, stamp Stamp) []byte {
	m := stamp.event(job.ID{})
	m.What = &HistoryEvent_WorkerChanged{WorkerChanged: w}
	return encode(m)
}

// EncodeQuarantine returns the event of an actor that was given up.
func EncodeQuarantine(actor, reason string, id job.ID, stamp Stamp) []byte {
	m := stamp.event(id)
	m.What = &HistoryEvent_ActorQuarantined{ActorQuarantined: &ActorQuarantined{Actor: actor, Reason: reason}}
	return encode(m)
}

// EncodeJobEvent returns an event of a job.
func EncodeJobEvent(id job.ID, e job.Event, stamp Stamp) []byte {
	m := stamp.event(id)
	switch e := e.(type) {
	case job.Assigned:
		m.What = &HistoryEvent_JobAssigned{JobAssigned: &JobAssigned{
			Token: uint64(e.Token), WorkerId: e.Worker, Node: e.Node,
		}}
	case job.AttemptEnded:
		m.What = &HistoryEvent_AttemptEnded{AttemptEnded: &AttemptEnded{
			Token: uint64(e.Token), Result: ResultToProto(e.Result), WaitNanos: int64(e.Wait),
		}}
	case job.CancelRequested:
		m.What = &HistoryEvent_JobCancelRequested{JobCancelRequested: &JobCancelRequested{
			Cause: CauseToProto(e.Cause), Reason: e.Reason,
		}}
	case job.PreemptRequested:
		m.What = &HistoryEvent_JobPreemptRequested{JobPreemptRequested: &JobPreemptRequested{
			Token: uint64(e.Token), Reason: e.Reason,
		}}
	case job.Ended:
		m.What = &HistoryEvent_JobEnded{JobEnded: &JobEnded{
			State: StateToProto(e.State), Cause: CauseToProto(e.Cause), Reason: e.Reason,
			Token: uint64(e.Token), Result: ResultToProto(e.Result),
		}}
	default:
		panic("messages: job event without a form")
	}
	return encode(m)
}

// DecodeHistory reads an event of the journal, or returns ErrMalformed. An event
// of a kind that this release does not know is refused: deciding without it
// would be deciding from half a history. plans interns plans.
func DecodeHistory(data []byte, plans *Plans) (History, error) {
	var m HistoryEvent
	if err := proto.Unmarshal(data, &m); err != nil {
		return History{}, fmt.Errorf("%w event: %w", ErrMalformed, err)
	}
	h := History{
		Stamp: Stamp{At: instant(m.GetUnixNanos()), Principal: m.GetPrincipal(), TraceParent: m.GetTraceParent()},
		Job:   job.ID{Run: job.RunID(m.GetRunId()), Index: m.GetJobIndex()},
	}
	switch what := m.GetWhat().(type) {
	case *HistoryEvent_RunSubmitted:
		return h.submitted(what.RunSubmitted, plans)
	case *HistoryEvent_RunCancelRequested:
		h.Cancelled = &run.CancelRequested{By: h.Principal, Reason: what.RunCancelRequested.GetReason()}
	case *HistoryEvent_WorkerChanged:
		h.Worker = what.WorkerChanged
	case *HistoryEvent_SecretStored:
		return h.secretStored(what.SecretStored)
	case *HistoryEvent_SecretRemoved:
		return h.secretRemoved(what.SecretRemoved)
	case *HistoryEvent_ActorQuarantined:
		h.Poisoned = what.ActorQuarantined
	case *HistoryEvent_JobAssigned:
		e := what.JobAssigned
		h.JobEvent = job.Assigned{Token: job.Token(e.GetToken()), Worker: e.GetWorkerId(), Node: e.GetNode(), At: h.At}
	case *HistoryEvent_AttemptEnded:
		e := what.AttemptEnded
		h.JobEvent = job.AttemptEnded{
			Token: job.Token(e.GetToken()), Result: ResultFromProto(e.GetResult()), Wait: time.Duration(e.GetWaitNanos()),
		}
	case *HistoryEvent_JobCancelRequested:
		e := what.JobCancelRequested
		h.JobEvent = job.CancelRequested{Cause: CauseFromProto(e.GetCause()), Reason: e.GetReason()}
	case *HistoryEvent_JobPreemptRequested:
		e := what.JobPreemptRequested
		h.JobEvent = job.PreemptRequested{Token: job.Token(e.GetToken()), Reason: e.GetReason()}
	case *HistoryEvent_JobEnded:
		e := what.JobEnded
		if !StateFromProto(e.GetState()).Final() {
			return History{}, fmt.Errorf("%w event: job ended in state %d", ErrMalformed, e.GetState())
		}
		h.JobEvent = job.Ended{
			State: StateFromProto(e.GetState()), Cause: CauseFromProto(e.GetCause()), Reason: e.GetReason(), At: h.At,
			Token: job.Token(e.GetToken()), Result: ResultFromProto(e.GetResult()),
		}
	default:
		return History{}, fmt.Errorf("%w event: of a kind this release does not know", ErrMalformed)
	}
	return h, nil
}

func (h History) submitted(m *RunSubmitted, plans *Plans) (History, error) {
	var w *plan.Workflow
	if len(m.GetPlan()) > 0 {
		var err error
		if w, err = plans.Decode(m.GetPlan()); err != nil {
			return History{}, err
		}
	}
	s := &run.Submission{
		ID: h.Job.Run, Plan: w, Key: m.GetIdempotencyKey(), Principal: h.Principal, Trace: h.TraceParent, At: h.At,
		Project: m.GetProject(), RetryOf: job.RunID(m.GetRetryOf()), Reused: reusedFromProto(m),
	}
	if copy(s.Digest[:], m.GetDigest()) != len(s.Digest) {
		return History{}, fmt.Errorf("%w event: digest of %d bytes", ErrMalformed, len(m.GetDigest()))
	}
	h.Submitted = s
	return h, nil
}
