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

// stop ends all processes of the attempt and judges it by why that was asked.
func (r *run) stop(ctx context.Context) *failure {
	cause := context.Cause(ctx)
	f := &failure{outcome: job.OutcomeCancelled, reason: "cancelled", stopped: true, told: true}
	switch {
	case errors.Is(cause, errTimedOut):
		f.outcome, f.fault = job.OutcomeFailed, job.FaultUser
		f.reason = "job timed out after " + r.task.Spec.Timeout.String()
	case urgent(cause):
		f.outcome, f.fault, f.reason = job.OutcomeLost, job.FaultInfrastructure, "lease lost"
	}
	r.pump.tell(event{notice: f.reason})
	limit := patience
	if f.outcome == job.OutcomeLost {
		r.tree.kill()
	} else {
		r.tree.send(shim.Command{Stop: &shim.Stop{Grace: r.cfg.Grace}})
		limit += r.cfg.Grace
	}
	f.code = codeOf(r.await(limit))
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
	for asked := r.asked; ; {
		select {
		case report, ok := <-r.tree.reports:
			if !ok {
				return last
			}
			last = report
		case <-asked:
			asked = nil
			if urgent(r.cause()) {
				r.tree.kill()
				timer.Reset(patience)
			}
		case <-timer.C:
			r.tree.fell()
		}
	}
}
