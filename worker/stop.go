//go:build unix

package worker

import (
	"context"
	"errors"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/worker/shim"
)

// errTidied is the cause when what may still run of a stopped attempt has used up its
// time.
var errTidied = errors.New("worker: time to tidy up is over")

// reprieve lets what remains of an attempt that is to be stopped go on for a while: its
// condition says whether it does. It reports false if nothing may.
func (r *run) reprieve() bool {
	cause := context.Cause(r.bound)
	if r.ending != nil || urgent(cause) || urgent(context.Cause(r.lost)) {
		return false
	}
	r.ending = r.endOf(cause)
	r.pump.tell(event{notice: r.ending.reason})
	bound, cancel := context.WithTimeoutCause(r.lost, r.cfg.TidyUp, errTidied)
	r.bound, r.unbound = bound, cancel
	return true
}

// unbind lets go of a reprieve.
func (r *run) unbind() {
	if r.unbound != nil {
		r.unbound()
	}
}

// endOf judges an attempt by why it is stopped.
func (r *run) endOf(cause error) *failure {
	f := &failure{outcome: job.OutcomeCancelled, reason: "cancelled", stopped: true, told: true}
	switch {
	case errors.Is(cause, errTimedOut):
		f.outcome, f.fault = job.OutcomeFailed, job.FaultUser
		f.reason = "job timed out after " + r.task.Spec.Timeout.String()
	case urgent(cause):
		f.outcome, f.fault, f.reason = job.OutcomeLost, job.FaultInfrastructure, "lease lost"
	}
	return f
}

// stop ends all processes of the attempt and judges it by why that was asked.
func (r *run) stop() *failure {
	cause := context.Cause(r.bound)
	if r.lost.Err() != nil {
		cause = context.Cause(r.lost)
	}
	f := r.ending
	switch {
	case f == nil:
		f = r.endOf(cause)
		r.pump.tell(event{notice: f.reason})
	case errors.Is(cause, errTidied):
		r.pump.tell(event{notice: "its last steps took longer than " + r.cfg.TidyUp.String()})
	}
	limit := patience
	if urgent(cause) {
		r.tree.kill()
	} else {
		r.tree.send(shim.Command{Stop: &shim.Stop{Grace: r.cfg.Grace}})
		limit += r.cfg.Grace
	}
	if code := codeOf(r.await(limit)); code != 0 {
		f.code = code
	}
	return f
}

// urgent reports whether another worker may have begun the job already: then
// nothing of the attempt may go on, not even to tidy up.
func urgent(cause error) bool {
	return errors.Is(cause, attempt.ErrLeaseLost) || errors.Is(cause, attempt.ErrStale)
}

// await returns when the shim and all below it are gone, with what was reported
// last. It makes sure of that when the shim takes longer than it may, and hurries
// when the lease is lost meanwhile.
func (r *run) await(limit time.Duration) (last shim.Report) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for lost := r.lost.Done(); ; {
		select {
		case report, ok := <-r.tree.reports:
			if !ok {
				return last
			}
			last = report
		case <-lost:
			lost = nil
			r.tree.kill()
			timer.Reset(patience)
		case <-timer.C:
			r.tree.fell()
		}
	}
}
