//go:build unix

package worker

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"strings"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker/hashfiles"
	"yardmaster/workflow/contexts"
	"yardmaster/workflow/expr"
)

// hashLimit is the longest that hashFiles may take.
const hashLimit = 2 * time.Minute

// scene is what the steps of an attempt find, and what they change in it.
type scene struct {
	// contexts are those that do not change while the steps run; nil until needed.
	contexts map[string]expr.Value
	given    []variable   // that a step sees and its file may override
	fixed    []variable   // that it cannot
	vars     *environment // those of the file for all steps, and those that steps added
	paths    []string     // in front of PATH
}

// prepareScene makes what the first step finds.
func (r *run) prepareScene() *failure {
	r.past = make([]past, len(r.task.Spec.Steps))
	r.room = job.MaxSummary
	r.vars = newEnvironment(nil)
	vars := r.task.Spec.Env
	if r.task.Context != "" || hasTemplates(vars) {
		if f := r.readContexts(); f != nil {
			return f
		}
	}
	if hasTemplates(vars) {
		var f *failure
		at := sight{&expr.Env{Contexts: maps.Clone(r.contexts)}}
		delete(at.env.Contexts, "runner")
		if vars, f = at.vars("env.", vars); f != nil {
			return f
		}
	}
	if f := r.vars.add(vars); f != nil {
		return f
	}
	return r.prepareVariables()
}

// readContexts makes the contexts that do not change.
func (r *run) readContexts() *failure {
	if r.contexts != nil {
		return nil
	}
	all, err := contexts.OfTask(r.task)
	if err != nil {
		return fail(job.FaultSystem, "what expressions see of the run cannot be read: "+err.Error())
	}
	text := func(key, value string) expr.Field { return expr.Field{Key: key, Value: expr.StringOf(value)} }
	facts := []expr.Field{text("workspace", r.space.work)}
	if _, ok := all["github"].Get("event"); ok {
		facts = append(facts, text("event_path", r.space.event()))
	}
	for key, v := range all["github"].All() {
		facts = append(facts, expr.Field{Key: key, Value: v})
	}
	all["github"] = expr.ObjectOf(facts...)
	runner := []expr.Field{
		text("name", r.cfg.Name), text("os", systemName(runtime.GOOS)), text("arch", archName(runtime.GOARCH)),
		text("temp", r.space.tmp), text("tool_cache", r.cfg.ToolCache), text("environment", runnerEnvironment),
	}
	if debugging(all["vars"]) {
		runner = append(runner, text("debug", "1"))
	}
	all["runner"] = expr.ObjectOf(runner...)
	all["secrets"] = r.secrets()
	r.contexts = all
	return nil
}

// debugging reports whether steps are asked to say more.
func debugging(vars expr.Value) bool {
	v, ok := vars.Get("ACTIONS_STEP_DEBUG")
	return ok && strings.EqualFold(v.Text(), "true")
}

// see returns what expressions see now: of a step, over the variables of all of them, its
// own.
func (r *run) see(own []variable) (sight, *failure) {
	if f := r.readContexts(); f != nil {
		return sight{}, f
	}
	all := maps.Clone(r.contexts)
	all["env"] = objectOf(append(own[:len(own):len(own)], r.vars.vars...)) // of equal names the first counts
	all["steps"] = r.stepsSoFar()
	all["job"] = expr.ObjectOf(expr.Field{Key: "status", Value: expr.StringOf(r.status())})
	says := func(is bool) expr.Function {
		return func([]expr.Value) (expr.Value, error) { return expr.BoolOf(is), nil }
	}
	return sight{&expr.Env{Contexts: all, Functions: map[string]expr.Function{
		"always":  says(true),
		"success": says(r.status() == success), "failure": says(r.status() == failed),
		"cancelled": says(r.status() == cancelled), "hashfiles": r.hashFiles,
	}}}, nil
}

func objectOf(vars []variable) expr.Value {
	fields := make([]expr.Field, len(vars))
	for i, v := range vars {
		fields[i] = expr.Field{Key: v.Name, Value: expr.StringOf(v.Value)}
	}
	return expr.ObjectOf(fields...)
}

// hashFiles implements the function of that name.
func (r *run) hashFiles(args []expr.Value) (expr.Value, error) {
	ctx, cancel := context.WithTimeout(r.bound, hashLimit)
	defer cancel()
	patterns := make([]string, len(args))
	for i, arg := range args {
		patterns[i] = arg.Text()
	}
	sum, err := hashfiles.Hash(ctx, r.space.work, patterns)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it took longer than " + hashLimit.String())
	}
	return expr.StringOf(sum), err
}

// sight evaluates over what is seen at some moment. Its failures tell the expression,
// and no value.
type sight struct{ env *expr.Env }

const opening = "${{"

func isTemplate(text string) bool { return strings.Contains(text, opening) }

func hasTemplates(vars []variable) bool {
	for _, v := range vars {
		if isTemplate(v.Value) {
			return true
		}
	}
	return false
}

// value evaluates a template.
func (s sight) value(what, text string) (expr.Value, *failure) {
	if !isTemplate(text) {
		return expr.StringOf(text), nil
	}
	t, err := expr.ParseTemplate(text)
	if err != nil {
		return expr.Value{}, unevaluated(what, text, err)
	}
	v, err := t.Evaluate(s.env)
	if err != nil {
		return expr.Value{}, unevaluated(what, source(t, err), err)
	}
	return v, nil
}

func (s sight) text(what, text string) (string, *failure) {
	if !isTemplate(text) {
		return text, nil
	}
	v, f := s.value(what, text)
	return v.Text(), f
}

func (s sight) vars(what string, vars []variable) ([]variable, *failure) {
	all := make([]plan.Var, len(vars))
	for i, v := range vars {
		value, f := s.text(what+v.Name, v.Value)
		if f != nil {
			return nil, f
		}
		all[i] = plan.Var{Name: v.Name, Value: value}
	}
	return all, nil
}

// source returns the expression of a template in which something went wrong.
func source(t *expr.Template, err error) string {
	var fault expr.Fault
	_ = errors.As(err, &fault)
	for _, p := range t.Pieces() {
		if p.Expression != nil && p.Offset <= fault.Offset && fault.Offset <= p.End {
			return strings.TrimSpace(p.Expression.Source())
		}
	}
	return ""
}

// maxShown is how much of an expression a reason shows, in bytes.
const maxShown = 200

// unevaluated says which expression could not be evaluated, and why.
func unevaluated(what, text string, err error) *failure {
	var fault expr.Fault
	var faults expr.Faults
	why := err.Error()
	switch {
	case errors.As(err, &faults):
		fault = faults[0]
		if fault.Offset >= 0 && fault.Offset <= fault.End && fault.End <= len(text) {
			text = text[fault.Offset:fault.End]
		}
		why = fault.Message
	case errors.As(err, &fault):
		why = fault.Message
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return fail(job.FaultUser, what+" cannot be evaluated: "+text+": "+why)
}
