//go:build unix

package worker

import (
	"encoding/json"
	"slices"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker/action"
	"yardmaster/worker/shim"
	known "yardmaster/workflow/action"
)

// maxVerdict is how much of why an action failed is read, in bytes.
const maxVerdict = 16 << 10

// verdictFile is the name of the file in which an action says why it failed.
const verdictFile = "verdict"

// actionCommand returns how this program is started to run an action, if the command is
// one that starts it as a shim.
func actionCommand(shimCommand []string) []string {
	last := len(shimCommand) - 1
	if last < 0 || shimCommand[last] != shim.Word {
		return nil
	}
	return append(slices.Clone(shimCommand[:last]), action.Word)
}

// startAction says how to run the action of a step.
func (r *run) startAction(i int, step *plan.Step) (*shim.Start, *failure) {
	a, ok := known.Find(step.Uses)
	if !ok || len(r.cfg.ActionCommand) == 0 {
		return nil, fail(job.FaultInfrastructure, "this worker has no action "+step.Uses)
	}
	env, f := r.surround(i, step.Env)
	if f != nil {
		return nil, f
	}
	request := action.Request{
		Name: a.Name, Inputs: make(map[string]string, len(step.With)), Verdict: r.space.stepFile(i, verdictFile),
	}
	for _, v := range step.With {
		request.Inputs[v.Name] = v.Value
	}
	if request.Facts, f = r.facts(); f != nil {
		return nil, f
	}
	if err := writeNew(request.Verdict, ""); err != nil {
		return nil, notWritten("the files of the step", err)
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fail(job.FaultSystem, "what the action is given cannot be written: "+err.Error())
	}
	env.set(variable{Name: action.Variable, Value: string(text)})
	s := &shim.Start{Path: []byte(r.cfg.ActionCommand[0]), Env: env.list(), Dir: []byte(r.space.work)}
	for _, arg := range r.cfg.ActionCommand {
		s.Args = append(s.Args, []byte(arg))
	}
	return s, nil
}

// facts returns what actions are told of the run.
func (r *run) facts() (map[string]string, *failure) {
	if f := r.readContexts(); f != nil {
		return nil, f
	}
	facts := map[string]string{}
	for _, name := range action.FactNames() {
		if v, ok := r.contexts["github"].Get(name); ok && v.IsPrimitive() {
			facts[name] = v.Text()
		}
	}
	return facts, nil
}

// explained returns why a step failed, in the words of its action if it has one.
func (r *run) explained(i int, step *plan.Step, f *failure) *failure {
	if step.Uses == "" || f == nil || f.stopped || f.reason != "" {
		return f
	}
	var v action.Verdict
	text, err := readFile(r.space.stepFile(i, verdictFile), maxVerdict, false)
	if err != nil || json.Unmarshal([]byte(text), &v) != nil {
		return f
	}
	f.reason = v.Reason
	if v.Infrastructure {
		f.fault = job.FaultInfrastructure
	}
	return f
}
