//go:build unix

package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker/proc"
	"yardmaster/worker/shim"
)

// steps runs one after the other, and returns what the attempt fails of. A step
// that may fail is forgiven what its script did, but not what the worker lacks.
func (r *run) steps(ctx context.Context) *failure {
	for i := range r.task.Spec.Steps {
		if ctx.Err() != nil {
			return r.stop(ctx)
		}
		began := time.Now()
		r.tell(ctx, event{step: &attempt.Step{Index: i, Running: true, StartedAt: began}})
		f := r.step(ctx, i)
		result := f.result(began)
		r.result.Steps[i] = result
		r.tell(ctx, event{notice: f.untold(), step: &attempt.Step{Index: i, StartedAt: began, Result: result}})
		if f != nil && !(f.outcome == job.OutcomeFailed && f.fault == job.FaultUser &&
			!f.stopped && r.task.Spec.Steps[i].ContinueOnError) {
			return f
		}
	}
	return nil
}

// tell waits until the observer has heard, or the attempt is to be stopped.
func (r *run) tell(ctx context.Context, e event) {
	e.ack = make(chan struct{})
	r.pump.tell(e)
	select {
	case <-e.ack:
	case <-ctx.Done():
	}
}

// step runs one and returns why it failed.
func (r *run) step(ctx context.Context, i int) *failure {
	step := &r.task.Spec.Steps[i]
	start, f := r.start(i, step)
	switch {
	case ctx.Err() != nil:
		return r.stop(ctx)
	case f != nil:
		return f
	}
	oomBefore := proc.OOMKills()
	r.tree.send(shim.Command{Start: start})
	timeout, stopTimer := after(step.Timeout)
	defer stopTimer()
	select {
	case report, ok := <-r.tree.reports:
		return r.judge(report, ok, filepath.Base(string(start.Path)), oomBefore)
	case <-ctx.Done():
		return r.stop(ctx)
	case <-timeout:
		return r.stopStep(ctx, step)
	}
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
		return fail(job.FaultInfrastructure, "the process that watches over the steps was killed")
	}
	return judge(report, program, oomBefore)
}

// stopStep ends a step that has used up its time, and leaves what earlier steps
// left running.
func (r *run) stopStep(ctx context.Context, step *plan.Step) *failure {
	f := fail(job.FaultUser, "step timed out after "+step.Timeout.String())
	f.told = true
	r.pump.tell(event{notice: f.reason})
	r.tree.send(shim.Command{StopStep: &shim.Stop{Grace: r.cfg.Grace}})
	late, stopTimer := after(r.cfg.Grace + patience)
	defer stopTimer()
	for {
		select {
		case report := <-r.tree.reports:
			f.code = codeOf(report)
			return f
		case <-ctx.Done():
			return r.stop(ctx)
		case <-late: // the shim does not do as it is told
			r.tree.fell()
		}
	}
}

// start writes the script and says how to run it.
func (r *run) start(i int, step *plan.Step) (*shim.Start, *failure) {
	env, f := r.environment(step)
	if f != nil {
		return nil, f
	}
	sh, f := shellNamed(step.Shell)
	if f != nil {
		return nil, f
	}
	if err := r.space.restore(); err != nil {
		return nil, notWritten("the workspace", err)
	}
	dir, f := r.space.directory(step.WorkingDirectory)
	if f != nil {
		return nil, f
	}
	script := filepath.Join(r.space.tmp, "step-"+strconv.Itoa(i+1)+sh.extension)
	if err := writeNew(script, step.Run); err != nil {
		return nil, notWritten("the step's script", err)
	}
	program, args, f := sh.command(script, dir, env.get("PATH"))
	if f != nil {
		return nil, f
	}
	s := &shim.Start{Path: []byte(program), Env: env.list(), Dir: []byte(dir)}
	for _, arg := range args {
		s.Args = append(s.Args, []byte(arg))
	}
	return s, nil
}

func (r *run) environment(step *plan.Step) (*environment, *failure) {
	env := newEnvironment(base(r.inherited, r.task, r.space))
	for _, layer := range [][]variable{r.task.Spec.Env, step.Env} {
		if f := env.add(layer); f != nil {
			return nil, f
		}
	}
	for _, v := range fixed(r.task, r.space) {
		env.set(v)
	}
	return env, nil
}

// writeNew writes a file in place of whatever a step left under its name. That
// could be a pipe, which nobody reads.
func writeNew(name, text string) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
