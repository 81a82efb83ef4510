// Package job is the life of one job and of its attempts, as values.
//
// Nothing here reads a clock, starts a goroutine or talks to anyone. A command
// and the time go in; events come out; events fold into the next state.
//
// # What it promises
//
//   - A state never goes back, and no event follows a final one.
//   - Tokens of one job grow with every assignment and are never given twice.
//   - A report changes something only under the token of the open attempt.
package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yardmaster/domain/plan"
)

// MaxLost is how many attempts a job may lose to infrastructure and still be
// tried again. They do not count against the retries its file asks for.
const MaxLost = 5

// MaxRefused is how many workers in a row may refuse a job before it fails. With
// the pauses between, that takes most of an hour.
const MaxRefused = 100

// ErrInvalidDefinition means a job cannot be created from what was asked for.
var ErrInvalidDefinition = errors.New("job: invalid definition")

// Attempt is one try at a job by one worker.
type Attempt struct {
	Number int // counts from 1
	Token  Token
	Worker string
	// Node is the address of the worker's node: it differs with each start of
	// the worker, so that a worker that came back is not taken for the one before.
	Node       string
	AssignedAt time.Time
	// Result is the zero value while the attempt is open.
	Result Result
}

// Job is the state of one job. It changes only through Evolve, which leaves the
// value it was given as it was, so a *Job may be shared by readers.
type Job struct {
	ID    ID
	Spec  *plan.Job // shared with the plan; never changed
	State State
	Cause Cause
	// Cancelling is set from an accepted cancel until the end.
	Cancelling bool
	// Preempting says why the open attempt shall end for the sake of another job; it
	// is empty when it shall not.
	Preempting string
	// Open says that the last attempt is assigned and has not ended.
	Open     bool
	Tries    int // attempts that ended by the user's own fault
	Lost     int // attempts lost to infrastructure
	Attempts []Attempt
	// Wait is the pause before the next attempt may be queued.
	Wait      time.Duration
	StartedAt time.Time // of the first assignment
	EndedAt   time.Time
	// Reason is a sentence on how it ended; empty when the state says it all.
	Reason string
	// Taken are the outputs of a job that was taken over from another run.
	Taken []plan.Var
}

// Create returns a new PENDING job, or ErrInvalidDefinition naming every fault.
func Create(id ID, spec *plan.Job) (Job, error) {
	var faults []string
	if id.Run == "" {
		faults = append(faults, "no run id")
	}
	switch {
	case spec == nil:
		faults = append(faults, "no specification")
	default:
		if strings.TrimSpace(spec.Name) == "" {
			faults = append(faults, "no name")
		}
		if spec.Key == "" {
			faults = append(faults, "no key")
		}
		if len(spec.Steps) == 0 && spec.Executor != plan.ExecutorNoop {
			faults = append(faults, "no steps")
		}
		if spec.Timeout <= 0 {
			faults = append(faults, "no timeout")
		}
	}
	if len(faults) > 0 {
		return Job{}, fmt.Errorf("%w: %s", ErrInvalidDefinition, strings.Join(faults, ", "))
	}
	return Job{ID: id, Spec: spec, State: Pending}, nil
}

// TakeOver makes a new job one that succeeded in another run, where it had these
// outputs, and is not run again.
func (j *Job) TakeOver(from RunID, outputs []plan.Var, at time.Time) {
	j.State, j.EndedAt, j.Reason, j.Taken = Success, at, "taken over from run "+string(from), outputs
}

// Outputs returns what the job hands to those that need it, once it has ended.
func (j *Job) Outputs() []plan.Var {
	if !j.State.Final() || len(j.Attempts) == 0 {
		return j.Taken
	}
	return j.Attempts[len(j.Attempts)-1].Result.Outputs
}

// TakenOver reports whether the job succeeded in another run and was not run here.
func (j *Job) TakenOver() bool { return j.State == Success && len(j.Attempts) == 0 }

// Token returns the newest fencing token, 0 before the first assignment.
func (j *Job) Token() Token {
	if len(j.Attempts) == 0 {
		return 0
	}
	return j.Attempts[len(j.Attempts)-1].Token
}

// Worker returns who holds the open attempt, or "" when none is open.
func (j *Job) Worker() string {
	if !j.Open {
		return ""
	}
	return j.Attempts[len(j.Attempts)-1].Worker
}

// Node returns the address of the node that holds the open attempt, or "".
func (j *Job) Node() string {
	if !j.Open {
		return ""
	}
	return j.Attempts[len(j.Attempts)-1].Node
}

// maxAvoided is how many workers a job avoids at most.
const maxAvoided = 8

// Avoid returns the workers of the newest attempts that did not succeed, each once.
// One that ended for the sake of another job says nothing of its worker.
func (j *Job) Avoid() (workers []string) {
	for i := len(j.Attempts) - 1; i >= 0 && len(workers) < maxAvoided; i-- {
		a := &j.Attempts[i]
		if a.Result.Outcome != OutcomePreempted && !slices.Contains(workers, a.Worker) {
			workers = append(workers, a.Worker)
		}
	}
	return workers
}

// refusals returns how many attempts in a row were refused before the open one.
func (j *Job) refusals() (n int) {
	for i := len(j.Attempts) - 2; i >= 0 && j.Attempts[i].Result.Outcome == OutcomeRefused; i-- {
		n++
	}
	return n
}

// Queued reports whether the job waits, or will after its pause, for a worker.
func (j *Job) Queued() bool {
	return (j.State == Pending || j.State == Running) && !j.Open
}
