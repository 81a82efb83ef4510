package job

import "time"

// Event is a fact about a job, named in the past tense.
//
//sumtype:decl
type Event interface{ event() }

// Assigned opens an attempt: the job is RUNNING.
type Assigned struct {
	Token  Token
	Worker string
	Node   string // address of the worker's node
	At     time.Time
}

// AttemptEnded closes an attempt after which another will be tried.
type AttemptEnded struct {
	Token  Token
	Result Result
	// Wait is the pause before the next attempt.
	Wait time.Duration
}

// CancelRequested records that the job shall end as CANCELLED.
type CancelRequested struct {
	Cause  Cause
	Reason string
}

// Ended is the last event of a job.
type Ended struct {
	State  State
	Cause  Cause
	Reason string
	At     time.Time
	// Token is that of the attempt it closes, 0 when none was open.
	Token Token
	// Result is the closing attempt's; the zero value when none was open.
	Result Result
}

func (Assigned) event()        {}
func (AttemptEnded) event()    {}
func (CancelRequested) event() {}
func (Ended) event()           {}

// Evolve folds one event into the state and returns the next one. It never
// fails, since an event already happened, and never changes j.
func Evolve(j Job, e Event) Job {
	j.Apply(e)
	return j
}

// Apply is Evolve on a copy of the caller's own. What the copy shares with its
// original stays as it was.
func (j *Job) Apply(e Event) {
	switch e := e.(type) {
	case Assigned:
		j.assigned(e)
	case AttemptEnded:
		j.close(e.Token, &e.Result)
		j.Wait = e.Wait
	case PreemptRequested:
		if j.Open && e.Token == j.Token() {
			j.Preempting = e.Reason
		}
	case CancelRequested:
		j.Cancelling, j.Cause, j.Reason = true, e.Cause, e.Reason
	case Ended:
		j.close(e.Token, &e.Result)
		j.State, j.Cause, j.Reason, j.EndedAt = e.State, e.Cause, e.Reason, e.At
		j.Cancelling = false
	default:
		panic("job: event without a rule in Evolve")
	}
}

func (j *Job) assigned(e Assigned) {
	j.Attempts = append(j.Attempts[:len(j.Attempts):len(j.Attempts)],
		Attempt{Number: len(j.Attempts) + 1, Token: e.Token, Worker: e.Worker, Node: e.Node, AssignedAt: e.At})
	j.State, j.Open, j.Wait = Running, true, 0
	if j.StartedAt.IsZero() {
		j.StartedAt = e.At
	}
}

// close records how the open attempt ended, in a copy of the attempts.
func (j *Job) close(t Token, r *Result) {
	if !j.Open || t != j.Token() {
		return
	}
	attempts := append([]Attempt(nil), j.Attempts...)
	attempts[len(attempts)-1].Result = *r
	j.Attempts, j.Open, j.Preempting = attempts, false, ""
	switch {
	case r.Outcome == OutcomeRefused: // nothing was tried
	case r.Outcome == OutcomePreempted: // nobody failed
	case r.Fault == FaultUser:
		j.Tries++
	case r.Outcome != OutcomeSucceeded:
		j.Lost++
	}
}
