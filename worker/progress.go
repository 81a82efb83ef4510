//go:build unix

package worker

import (
	"context"
	"fmt"
	"strings"

	"yardmaster/domain/job"
	"yardmaster/workflow/expr"
)

// progress is how far an attempt has come.
type progress struct {
	past    []past   // of each step
	verdict *failure // what the attempt fails of so far
	// ending is why the attempt is being stopped, while steps may still tidy up.
	ending  *failure
	unbound context.CancelFunc // of their time
	room    int                // for summaries, in bytes
}

// past is what later steps see of one.
type past struct {
	ended     bool
	outcome   job.Outcome
	tolerated bool
	kept
}

// What expressions call the ways of a job and a step to end.
const (
	success   = "success"
	failed    = "failure"
	cancelled = "cancelled"
	skipped   = "skipped"
)

// status returns how the job stands.
func (r *run) status() string {
	switch {
	case r.ending != nil:
		return cancelled
	case r.verdict != nil:
		return failed
	}
	return success
}

func wordOf(o job.Outcome) string {
	switch o {
	case job.OutcomeSucceeded:
		return success
	case job.OutcomeCancelled:
		return cancelled
	case job.OutcomeSkipped:
		return skipped
	case job.OutcomeUnknown, job.OutcomeFailed, job.OutcomeLost, job.OutcomeRefused, job.OutcomePreempted:
	}
	return failed
}

// stepsSoFar returns the context steps.
func (r *run) stepsSoFar() expr.Value {
	var steps []expr.Field
	for i := range r.past {
		p, id := &r.past[i], r.task.Spec.Steps[i].ID
		if id == "" || !p.ended {
			continue
		}
		outputs := newEnvironment(p.outputs) // of equal names the last counts
		outcome := wordOf(p.outcome)
		conclusion := outcome
		if p.tolerated {
			conclusion = success
		}
		steps = append(steps, expr.Field{Key: id, Value: expr.ObjectOf(
			expr.Field{Key: "outputs", Value: objectOf(outputs.vars)},
			expr.Field{Key: "outcome", Value: expr.StringOf(outcome)},
			expr.Field{Key: "conclusion", Value: expr.StringOf(conclusion)},
		)})
	}
	return expr.ObjectOf(steps...)
}

// holds reports whether a step is to run.
func (r *run) holds(i int) (bool, *failure) {
	text := r.task.Spec.Steps[i].If
	if strings.TrimSpace(text) == "" {
		return r.status() == success, nil
	}
	condition, err := expr.ParseCondition(text)
	if err != nil {
		return false, unevaluated("if", text, err)
	}
	if !condition.CallsStatus() && r.status() != success {
		return false, nil
	}
	var own []variable
	for _, ref := range condition.References() {
		if ref.Context == "env" && own == nil {
			var f *failure
			if own, f = r.ownVars(i); f != nil {
				return false, f
			}
		}
	}
	at, f := r.see(own)
	if f != nil {
		return false, f
	}
	v, err := condition.Evaluate(at.env)
	if err != nil {
		return false, unevaluated("if", strings.TrimSpace(text), err)
	}
	return v.Truthy(), nil
}

// asks reports whether a step from i on asks for the status of the job, so that it might
// run although the job is being stopped.
func (r *run) asks(i int) bool {
	for ; i < len(r.task.Spec.Steps); i++ {
		text := strings.ToLower(r.task.Spec.Steps[i].If)
		for _, name := range []string{"always", cancelled, success, failed} {
			if strings.Contains(text, name) {
				return true
			}
		}
	}
	return false
}

// tolerates reports whether a step may fail as it did: of what its script did, but not of
// what the worker lacks.
func (r *run) tolerates(i int, f *failure) bool {
	if f == nil || f.outcome != job.OutcomeFailed || f.fault != job.FaultUser || f.stopped || f.ending {
		return false
	}
	step := &r.task.Spec.Steps[i]
	if step.ContinueOnErrorText == "" {
		return step.ContinueOnError
	}
	own, unseen := r.ownVars(i)
	at, unseen2 := r.see(own)
	if unseen = first(unseen, unseen2); unseen == nil {
		var v expr.Value
		if v, unseen = at.value("continue-on-error", step.ContinueOnErrorText); unseen == nil {
			switch v.Text() {
			case "true":
				return true
			case "false":
				return false
			}
			unseen = fail(job.FaultUser, "continue-on-error must be true or false: "+step.ContinueOnErrorText)
		}
	}
	f.reason = strings.TrimPrefix(f.reason+"; "+unseen.reason, "; ")
	return false
}

// handOn evaluates what the job hands to those that need it, and marks the steps of which
// nothing was decided as skipped.
func (r *run) handOn() *failure {
	for i := range r.past {
		if !r.past[i].ended {
			r.result.Steps[i].Outcome = job.OutcomeSkipped
		}
	}
	outputs := r.task.Spec.Outputs
	if len(outputs) == 0 || r.vars == nil {
		return nil
	}
	at, f := r.see(nil)
	if f != nil {
		return f
	}
	var handed []variable
	for _, o := range outputs {
		value, unseen := at.text("outputs."+o.Name, o.Value)
		switch {
		case unseen != nil:
			f = first(f, unseen)
		case value == "": // as good as none
		case r.masks.Hides(value):
			r.pump.hearing.warn(len(r.past)-1, "the output "+o.Name+" is left out: it holds what is to be hidden")
		default:
			handed = append(handed, variable{Name: o.Name, Value: strings.ToValidUTF8(value, "\ufffd")})
		}
	}
	if size := job.SizeOf(handed); size > job.MaxOutputs {
		handed = nil
		f = first(f, fail(job.FaultUser,
			fmt.Sprintf("the outputs of the job take %d bytes, and may take %d", size, job.MaxOutputs)))
	}
	r.result.Outputs = handed
	if f != nil {
		r.pump.tell(event{notice: f.reason})
	}
	return f
}
