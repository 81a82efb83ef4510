//go:build unix

package worker

import (
	"yardmaster/domain/job"
	"yardmaster/worker/mask"
	"yardmaster/workflow/expr"
)

// hideSecrets has the secrets of the task hidden in whatever leaves the worker. It comes
// before everything else: what cannot be hidden must not be used.
func (r *run) hideSecrets() *failure {
	masks := mask.NewSet()
	for _, s := range r.task.Secrets {
		if err := masks.Add(s.Value); err != nil {
			return fail(job.FaultUser, "the secrets of the job are too long to be hidden in its log: "+
				"let fewer jobs refer to them, or keep the long ones elsewhere, encrypted with a short one")
		}
	}
	r.masks = masks
	return nil
}

// secrets is the context of that name. Its values are hidden already.
func (r *run) secrets() expr.Value { return objectOf(r.task.Secrets) }
