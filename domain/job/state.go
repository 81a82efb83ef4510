package job

import "fmt"

// State is where a job stands. The zero value is a job nobody has created.
type State uint8

// The states. A job goes forward only: PENDING, RUNNING, then one of the three
// ends; or from PENDING straight to CANCELLED, or to FAILED when it waited too
// long.
const (
	Unknown State = iota
	Pending
	Running
	Success
	Failed
	Cancelled
)

var stateNames = [...]string{"UNKNOWN", "PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED"}

// String returns the state's name as users see it.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("STATE(%d)", uint8(s))
}

// Final reports whether no state can follow.
func (s State) Final() bool { return s >= Success }

// May reports whether a job in state s can go to state next.
func (s State) May(next State) bool {
	switch s {
	case Unknown:
		return next == Pending
	case Pending:
		return next == Running || next == Failed || next == Cancelled
	case Running:
		return next == Running || next.Final()
	case Success, Failed, Cancelled:
	}
	return false
}

// Cause says why a job was cancelled, or failed without an attempt.
type Cause uint8

// The causes.
const (
	CauseNone       Cause = iota
	CauseRequested        // somebody asked for it
	CauseFailFast         // another cell of its matrix failed
	CauseNeeds            // a job it needs did not succeed: it is skipped
	CauseExpired          // it waited longer than it may
	CausePoison           // its actor failed again and again
	CauseCondition        // its if is false: it is skipped
	CauseExpression       // its if cannot be evaluated
)

var causeNames = [...]string{"", "requested", "fail-fast", "skipped", "expired", "poison", "condition", "expression"}

// String returns the cause's name as users see it.
func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return fmt.Sprintf("cause(%d)", uint8(c))
}

// InvalidStateTransition means a command asked for a change that the job's state
// does not allow. The state is as it was.
type InvalidStateTransition struct {
	Job      ID
	From, To State
}

// Error implements error.
func (e *InvalidStateTransition) Error() string {
	return fmt.Sprintf("job: %s cannot go from %s to %s", e.Job, e.From, e.To)
}
