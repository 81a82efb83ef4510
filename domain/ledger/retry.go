package ledger

import (
	"errors"
	"slices"

	"yardmaster/domain/job"
	"yardmaster/domain/run"
)

// Why a run is not tried again.
var (
	ErrGoesOn        = errors.New("ledger: the run has not ended")
	ErrNothingFailed = errors.New("ledger: no job of the run failed")
)

// Again returns the jobs that a run which tries e again takes over: with failedOnly
// those that succeeded, in e itself or in a run before, and that need none of the
// others, be it by way of their needs; else none. It returns ErrGoesOn, or
// ErrNothingFailed when with failedOnly no job failed or was cancelled.
func (e *Entry) Again(failedOnly bool) ([]run.Reuse, error) {
	if !e.Run.State.Final() {
		return nil, ErrGoesOn
	}
	if !failedOnly {
		return nil, nil
	}
	if !slices.ContainsFunc(e.Jobs, broken) {
		return nil, ErrNothingFailed
	}
	again := e.runsAgain()
	var reused []run.Reuse
	for i, j := range e.Jobs {
		if !again[i] {
			reused = append(reused, run.Reuse{Index: uint32(i), Outputs: j.Outputs()})
		}
	}
	return reused, nil
}

// broken reports whether a job failed or was cancelled. One that was skipped was not.
func broken(j *job.Job) bool {
	return j.State == job.Failed ||
		j.State == job.Cancelled && j.Cause != job.CauseNeeds && j.Cause != job.CauseCondition
}

// runsAgain marks the jobs that did not succeed, and those that need one of them.
func (e *Entry) runsAgain() []bool {
	again, seen := make([]bool, len(e.Jobs)), make([]bool, len(e.Jobs))
	var visit func(i int) bool
	visit = func(i int) bool {
		if seen[i] {
			return again[i]
		}
		seen[i], again[i] = true, e.Jobs[i].State != job.Success
		for _, need := range e.Run.Plan.Jobs[i].Needs {
			again[i] = visit(need) || again[i]
		}
		return again[i]
	}
	for i := range e.Jobs {
		visit(i)
	}
	return again
}
