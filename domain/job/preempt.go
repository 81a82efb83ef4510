package job

import (
	"errors"
	"fmt"
	"time"
)

// MaxPreempted is how many attempts of a job may be ended for the sake of others:
// then it keeps its slot, so that every job gets to its end some day.
const MaxPreempted = 3

// ErrKeepsSlot means that a job may not be preempted: it is not idempotent, or has
// given way often enough.
var ErrKeepsSlot = errors.New("job: it may not be preempted")

// Preempt asks that the attempt under Token end, so that another job has its place.
// The job is queued again.
type Preempt struct {
	Token  Token
	Reason string // not empty
}

func (Preempt) command() {}

// PreemptRequested records that the attempt under Token shall end for the sake of
// another job.
type PreemptRequested struct {
	Token  Token
	Reason string
}

func (PreemptRequested) event() {}

func (j *Job) preempt(c Preempt) ([]Event, error) {
	switch {
	case c.Token != j.Token() || c.Token == 0:
		return nil, fmt.Errorf("%w: %s got %d, holder has %d", ErrStaleToken, j.ID, c.Token, j.Token())
	case !j.Open || j.Cancelling || j.Preempting != "": // it ends, or has ended
		return nil, nil
	case !j.MayGiveWay():
		return nil, fmt.Errorf("%w: %s gave way %d times", ErrKeepsSlot, j.ID, j.Preempted())
	}
	return []Event{PreemptRequested{Token: c.Token, Reason: clip(c.Reason, MaxReason)}}, nil
}

// MayGiveWay reports whether an attempt of the job may be ended for the sake of
// another job. What was done by then is done again, so its file must allow that.
func (j *Job) MayGiveWay() bool {
	return j.Spec != nil && j.Spec.Idempotent && j.Preempted() < MaxPreempted
}

// Preempted returns how many attempts gave way to other jobs.
func (j *Job) Preempted() (n int) {
	for i := range j.Attempts {
		if j.Attempts[i].Result.Outcome == OutcomePreempted {
			n++
		}
	}
	return n
}

// gaveWay ends an attempt that was stopped for the sake of another job. That is
// nobody's failure: it counts neither as a try nor as a loss.
func (j *Job) gaveWay(c *Report, now time.Time) []Event {
	r := c.Result
	r.Outcome, r.Fault, r.Reason = OutcomePreempted, FaultInfrastructure, j.Preempting
	if r.EndedAt.IsZero() {
		r.EndedAt = now
	}
	return []Event{AttemptEnded{Token: c.Token, Result: r}}
}

// Stopping reports whether the open attempt shall end before it is done, and why.
func (j *Job) Stopping() (reason string, stops bool) {
	switch {
	case j.Cancelling:
		return j.Reason, true
	case j.Preempting != "":
		return j.Preempting, true
	}
	return "", false
}
