//go:build unix

package worker

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker/proc"
	"yardmaster/worker/shim"
)

// steps runs one after the other, each if its condition holds, and returns what the
// attempt fails of.
func (r *run) steps() *failure {
	for i := range r.task.Spec.Steps {
		if r.bound.Err() != nil && !r.reprieve() {
			return r.stop()
		}
		if r.ending != nil && !r.asks(i) {
			break // none of them would run
		}
		if f := r.one(i); f != nil {
			return f
		}
	}
	if r.ending != nil {
		return r.stop()
	}
	return r.verdict
}

// one runs a step if its condition holds. It returns a failure only if everything is
// stopped.
func (r *run) one(i int) *failure {
	began := time.Now()
	runs, f := r.holds(i)
	if f == nil && !runs {
		r.skip(i, began)
		return nil
	}
	r.tell(event{step: &attempt.Step{Index: i, Running: true, StartedAt: began}})
	return r.conclude(i, began, r.step(i, f))
}

// conclude takes what a step has left, judges it, and tells of its end.
func (r *run) conclude(i int, began time.Time, f *failure) *failure {
	r.tell(event{said: true})
	var k kept
	if f == nil || f.outcome != job.OutcomeLost {
		var unread *failure
		k, unread = r.readStepFiles(i)
		if why := r.pump.hearing.refusal(); why != "" {
			unread = first(fail(job.FaultUser, why), unread)
		}
		f = first(f, unread)
	}
	tolerated := r.tolerates(i, f)
	result := f.result(began)
	result.Tolerated, result.Summary = tolerated, k.summary
	result.Reason = r.masks.Hide(result.Reason)
	r.result.Steps[i] = result
	r.past[i] = past{ended: true, outcome: result.Outcome, tolerated: tolerated, kept: k}
	r.tell(event{notice: f.untold(), step: &attempt.Step{Index: i, StartedAt: began, Result: result}})
	switch {
	case f == nil || tolerated:
	case f.stopped:
		return f
	case f.ending:
		r.ending.code = f.code
	case r.verdict == nil:
		// What the worker lacks is no step's to be forgiven, and is what counts.
		r.verdict = f
	}
	return nil
}

// skip passes over a step whose condition does not hold.
func (r *run) skip(i int, now time.Time) {
	result := job.StepResult{Outcome: job.OutcomeSkipped, StartedAt: now, EndedAt: now}
	r.result.Steps[i], r.past[i] = result, past{ended: true, outcome: result.Outcome}
	r.tell(event{step: &attempt.Step{Index: i, StartedAt: now, Result: result}})
}

// tell waits until the observer has heard, or the attempt is to be stopped.
func (r *run) tell(e event) {
	e.ack = make(chan struct{})
	r.pump.tell(e)
	select {
	case <-e.ack:
	case <-r.bound.Done():
	}
}

// step runs one, unless it has failed already, and returns why it failed.
func (r *run) step(i int, f *failure) *failure {
	var start *shim.Start
	var spec plan.Step
	if f == nil {
		spec, start, f = r.start(i)
	}
	if r.bound.Err() != nil {
		if goesOn, stopped := r.interrupted(i); stopped != nil {
			return stopped
		} else if !goesOn {
			return r.endOfStep()
		}
	}
	if f != nil {
		return f
	}
	oomBefore := proc.OOMKills()
	r.tree.send(shim.Command{Start: start})
	timeout, stopTimer := after(spec.Timeout)
	defer stopTimer()
	for {
		select {
		case report, ok := <-r.tree.reports:
			f := r.judge(report, ok, cmp.Or(spec.Uses, filepath.Base(string(start.Path))), oomBefore)
			return r.explained(i, &spec, f)
		case <-r.lost.Done():
			return r.stop()
		case <-r.bound.Done():
			if goesOn, stopped := r.interrupted(i); stopped != nil {
				return stopped
			} else if !goesOn {
				return r.stopStep(r.endOfStep())
			}
		case <-timeout:
			return r.stopStep(fail(job.FaultUser, "step timed out after "+spec.Timeout.String()))
		}
	}
}

// interrupted says whether a step goes on although the attempt is to be stopped: its
// condition must hold even now. The failure says that everything is stopped.
func (r *run) interrupted(i int) (goesOn bool, stopped *failure) {
	if !r.asks(i) || !r.reprieve() {
		return false, r.stop()
	}
	goesOn, f := r.holds(i)
	return goesOn && f == nil, nil
}

// endOfStep judges a step that is stopped because the attempt is.
func (r *run) endOfStep() *failure {
	f := *r.ending
	f.stopped, f.ending = false, true
	return &f
}

// after is a timer that never fires when d is 0.
func after(d time.Duration) (fired <-chan time.Time, stop func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

func (r *run) judge(report shim.Report, ok bool, program string, oomBefore uint64) *failure {
	if !ok {
		f := fail(job.FaultInfrastructure, "the process that watches over the steps was killed")
		f.stopped = true
		return f
	}
	return judge(report, program, oomBefore)
}

// stopStep ends a step that fails so, and leaves what earlier steps left running.
func (r *run) stopStep(f *failure) *failure {
	if !f.told {
		f.told = true
		r.pump.tell(event{notice: f.reason})
	}
	r.tree.send(shim.Command{StopStep: &shim.Stop{Grace: r.cfg.Grace}})
	late, stopTimer := after(r.cfg.Grace + patience)
	defer stopTimer()
	for bound := r.bound.Done(); ; {
		select {
		case report := <-r.tree.reports:
			f.code = codeOf(report)
			return f
		case <-r.lost.Done():
			return r.stop()
		case <-bound:
			bound = nil
			if r.ending != nil || !r.reprieve() { // its time is over
				return r.stop()
			}
		case <-late: // the shim does not do as it is told
			r.tree.fell()
		}
	}
}

// start writes the script and says how to run it.
func (r *run) start(i int) (plan.Step, *shim.Start, *failure) {
	step, f := r.resolve(i)
	if f != nil {
		return step, nil, f
	}
	if step.Uses != "" {
		s, f := r.startAction(i, &step)
		return step, s, f
	}
	sh, f := shellNamed(step.Shell)
	if f != nil {
		return step, nil, f
	}
	env, f := r.surround(i, step.Env)
	if f != nil {
		return step, nil, f
	}
	dir, f := r.space.directory(step.WorkingDirectory, r.task.Spec.Steps[i].WorkingDirectory)
	if f != nil {
		return step, nil, f
	}
	script := filepath.Join(r.space.tmp, "step-"+strconv.Itoa(i+1)+sh.extension)
	if err := writeNew(script, step.Run); err != nil {
		return step, nil, notWritten("the step's script", err)
	}
	program, args, f := sh.command(script, dir, env.get("PATH"))
	if f != nil {
		return step, nil, f
	}
	s := &shim.Start{Path: []byte(program), Env: env.list(), Dir: []byte(dir)}
	for _, arg := range args {
		s.Args = append(s.Args, []byte(arg))
	}
	return step, s, nil
}

// surround makes what a step finds, and returns its variables.
func (r *run) surround(i int, own []variable) (*environment, *failure) {
	if err := r.space.restore(); err != nil {
		return nil, notWritten("the workspace", err)
	}
	if f := r.makeStepFiles(i); f != nil {
		return nil, f
	}
	return r.environment(i, own)
}

// resolve returns a step with its expressions evaluated.
func (r *run) resolve(i int) (plan.Step, *failure) {
	step := r.task.Spec.Steps[i]
	if !templated(&step) {
		return step, nil
	}
	own, f := r.ownVars(i)
	if f != nil {
		return step, f
	}
	at, f := r.see(own)
	if f != nil {
		return step, f
	}
	step.Env = own
	run, f1 := at.text("run", step.Run)
	dir, f2 := at.text("working-directory", step.WorkingDirectory)
	with, f3 := at.vars("with.", step.With)
	step.Run, step.WorkingDirectory, step.With = run, dir, with
	f = first(f1, first(f2, f3))
	if f == nil && step.TimeoutText != "" {
		step.Timeout, f = at.minutes("timeout-minutes", step.TimeoutText)
	}
	return step, f
}

func templated(step *plan.Step) bool {
	return step.TimeoutText != "" || isTemplate(step.Run) || isTemplate(step.WorkingDirectory) ||
		hasTemplates(step.Env) || hasTemplates(step.With)
}

// ownVars returns a step's own variables, evaluated.
func (r *run) ownVars(i int) ([]variable, *failure) {
	own := r.task.Spec.Steps[i].Env
	if !hasTemplates(own) {
		return own, nil
	}
	at, f := r.see(nil)
	if f != nil {
		return nil, f
	}
	return at.vars("env.", own)
}

// minutes evaluates a length of time.
func (s sight) minutes(what, text string) (time.Duration, *failure) {
	v, f := s.value(what, text)
	if f != nil {
		return 0, f
	}
	n := v.Float()
	if n > 0 && n <= plan.MaxTimeout.Minutes() {
		return time.Duration(n * float64(time.Minute)), nil
	}
	return 0, fail(job.FaultUser, what+" must be a number above 0, and no more than "+
		strconv.Itoa(int(plan.MaxTimeout.Minutes()))+": "+strings.TrimSpace(text))
}

// writeNew writes a file in place of whatever a step left under its name. That
// could be a pipe, which nobody reads.
func writeNew(name, text string) error {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(name, flags, 0o700)
	if errors.Is(err, fs.ErrExist) {
		if err = os.RemoveAll(name); err == nil {
			f, err = os.OpenFile(name, flags, 0o700)
		}
	}
	if err != nil {
		return err
	}
	if text != "" {
		_, err = f.WriteString(text)
	}
	return errors.Join(err, f.Close())
}
