package job

import (
	"errors"
	"fmt"
	"time"

	"yardmaster/domain/retry"
)

// The pause after a lost attempt: infrastructure is given a moment to recover,
// longer each time.
const (
	lostDelay    = 250 * time.Millisecond
	refusedDelay = time.Second // within a few, the worker's heartbeat tells what it has
	lostCap      = 30 * time.Second
)

// ErrStaleToken means the report comes from an attempt that no longer counts.
// Drop the report and stop the attempt.
var ErrStaleToken = errors.New("job: stale fencing token")

// Command is a wish about a job, named in the imperative.
//
//sumtype:decl
type Command interface{ command() }

// Assign gives a waiting job to a worker, under the next token.
type Assign struct {
	Worker string
	Node   string // address of the worker's node
}

// Report is a worker's word that the attempt under Token has ended.
type Report struct {
	Token  Token
	Result Result
	// Jitter in [0,1) spreads the pause before another attempt.
	Jitter float64
}

// LoseAttempt gives up the attempt under Token without a word from its worker.
type LoseAttempt struct {
	Token  Token
	Reason string
	Jitter float64
}

// Refuse is a worker's word that it did not take the attempt under Token, and that
// nothing of it ran.
type Refuse struct {
	Token  Token
	Reason string
	Jitter float64
}

// Cancel asks that the job end as CANCELLED.
type Cancel struct {
	Cause  Cause
	Reason string
}

// Fail ends a job from outside any attempt: it expired, or its actor is poisoned.
type Fail struct {
	Cause  Cause
	Reason string
}

func (Assign) command()      {}
func (Report) command()      {}
func (LoseAttempt) command() {}
func (Refuse) command()      {}
func (Cancel) command()      {}
func (Fail) command()        {}

// Decide answers a command with the events it causes at time now, or with the
// reason it causes none. It changes nothing. A command that was obeyed before
// causes no event and no error, so every command may be repeated.
func Decide(j Job, c Command, now time.Time) ([]Event, error) { return j.Decide(c, now) }

// Decide is the function Decide, without copying the state.
func (j *Job) Decide(c Command, now time.Time) ([]Event, error) {
	switch c := c.(type) {
	case Assign:
		return j.assign(c, now)
	case Report:
		return j.report(&c, now)
	case LoseAttempt:
		lost := Result{Outcome: OutcomeLost, Fault: FaultInfrastructure, Reason: c.Reason, EndedAt: now}
		return j.report(&Report{Token: c.Token, Result: lost, Jitter: c.Jitter}, now)
	case Refuse:
		return j.refuse(c, now)
	case Cancel:
		return j.cancel(c, now)
	case Fail:
		return j.fail(c, now)
	default:
		panic("job: command without a rule in Decide")
	}
}

func (j *Job) assign(c Assign, now time.Time) ([]Event, error) {
	if !j.Queued() || j.Cancelling {
		return nil, &InvalidStateTransition{Job: j.ID, From: j.State, To: Running}
	}
	return []Event{Assigned{Token: j.Token() + 1, Worker: c.Worker, Node: c.Node, At: now}}, nil
}

func (j *Job) report(c *Report, now time.Time) ([]Event, error) {
	if c.Token != j.Token() || c.Token == 0 {
		return nil, fmt.Errorf("%w: %s got %d, holder has %d", ErrStaleToken, j.ID, c.Token, j.Token())
	}
	if !j.Open {
		return nil, nil // the same report again is no news
	}
	switch c.Result.Outcome {
	case OutcomeUnknown, OutcomeRefused, OutcomeSkipped: // it cannot be stored, nor held against the user
		c.Result.Outcome, c.Result.Fault = OutcomeLost, FaultInfrastructure
	case OutcomeSucceeded, OutcomeFailed, OutcomeCancelled, OutcomeLost:
	}
	switch {
	case j.Cancelling:
		return j.end(Cancelled, j.Cause, j.Reason, c, now), nil
	case c.Result.Outcome == OutcomeSucceeded:
		return j.end(Success, CauseNone, c.Result.Reason, c, now), nil
	case c.Result.Fault == FaultUser:
		return j.failedByUser(c, now), nil
	default:
		return j.lost(c, now), nil
	}
}

// failedByUser tries again as often as the file asks for.
func (j *Job) failedByUser(c *Report, now time.Time) []Event {
	n := j.Tries + 1
	if j.Spec == nil || !j.Spec.Retry.Again(n, c.Result.ExitCode) {
		return j.end(Failed, CauseNone, c.Result.Reason, c, now)
	}
	return []Event{AttemptEnded{Token: c.Token, Result: c.Result, Wait: j.Spec.Retry.Wait(n, c.Jitter)}}
}

// lost tries again, on us, up to MaxLost times.
func (j *Job) lost(c *Report, now time.Time) []Event {
	if c.Result.Fault == FaultNone { // a worker that stopped the attempt unasked
		blamed := *c
		blamed.Result.Fault = FaultInfrastructure
		c = &blamed
	}
	n := j.Lost + 1
	if n > MaxLost {
		return j.end(Failed, CauseNone, c.Result.Reason, c, now)
	}
	wait := time.Duration(0)
	if n > 1 { // the first loss says nothing of the next worker
		wait = retry.Backoff(lostDelay, 2, lostCap, n-1, c.Jitter)
	}
	return []Event{AttemptEnded{Token: c.Token, Result: c.Result, Wait: wait}}
}

// refuse tries again without holding it against anybody, but not for ever.
func (j *Job) refuse(c Refuse, now time.Time) ([]Event, error) {
	if c.Token != j.Token() || c.Token == 0 {
		return nil, fmt.Errorf("%w: %s got %d, holder has %d", ErrStaleToken, j.ID, c.Token, j.Token())
	}
	if !j.Open {
		return nil, nil
	}
	r := &Report{Token: c.Token, Jitter: c.Jitter, Result: Result{
		Outcome: OutcomeRefused, Fault: FaultInfrastructure, Reason: c.Reason, EndedAt: now,
	}}
	n := j.refusals() + 1
	switch {
	case j.Cancelling:
		return j.end(Cancelled, j.Cause, j.Reason, r, now), nil
	case n > MaxRefused:
		return j.end(Failed, CauseNone, c.Reason, r, now), nil
	}
	wait := retry.Backoff(refusedDelay, 2, lostCap, n, c.Jitter)
	return []Event{AttemptEnded{Token: c.Token, Result: r.Result, Wait: wait}}, nil
}

func (j *Job) end(s State, cause Cause, reason string, c *Report, now time.Time) []Event {
	return []Event{Ended{State: s, Cause: cause, Reason: reason, At: now, Token: c.Token, Result: c.Result}}
}

func (j *Job) cancel(c Cancel, now time.Time) ([]Event, error) {
	switch {
	case j.State == Cancelled || j.Cancelling:
		return nil, nil
	case !j.State.May(Cancelled):
		return nil, &InvalidStateTransition{Job: j.ID, From: j.State, To: Cancelled}
	case j.Open:
		return []Event{CancelRequested{Cause: c.Cause, Reason: c.Reason}}, nil
	default:
		return []Event{Ended{State: Cancelled, Cause: c.Cause, Reason: c.Reason, At: now}}, nil
	}
}

func (j *Job) fail(c Fail, now time.Time) ([]Event, error) {
	if !j.State.May(Failed) {
		return nil, &InvalidStateTransition{Job: j.ID, From: j.State, To: Failed}
	}
	e := Ended{State: Failed, Cause: c.Cause, Reason: c.Reason, At: now}
	if j.Open {
		e.Token = j.Token()
		e.Result = Result{Outcome: OutcomeLost, Fault: FaultSystem, Reason: c.Reason, EndedAt: now}
	}
	return []Event{e}, nil
}
