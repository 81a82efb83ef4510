package ledger

import (
	"errors"

	"yardmaster/domain/job"
	"yardmaster/domain/run"
)

// Why a run is not tried again.
var (
	ErrGoesOn        = errors.New("ledger: the run has not ended")
	ErrNothingFailed = errors.New("ledger: every job of the run succeeded")
)

// Again returns the jobs that a run which tries e again takes over: with failedOnly
// those that succeeded, in e itself or in a run before; else none. It returns
// ErrGoesOn, or ErrNothingFailed when with failedOnly no job is left.
func (e *Entry) Again(failedOnly bool) ([]run.Reuse, error) {
	if !e.Run.State.Final() {
		return nil, ErrGoesOn
	}
	if !failedOnly {
		return nil, nil
	}
	var reused []run.Reuse
	for i, j := range e.Jobs {
		if j.State == job.Success {
			reused = append(reused, run.Reuse{Index: uint32(i), Outputs: j.Outputs()})
		}
	}
	if len(reused) == len(e.Jobs) {
		return nil, ErrNothingFailed
	}
	return reused, nil
}
