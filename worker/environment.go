//go:build unix

package worker

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

// Names a file cannot set.
const (
	reserved       = "YARDMASTER"
	envAttemptName = "YARDMASTER_ATTEMPT_NAME"
	envWorkspace   = "YARDMASTER_WORKSPACE"
)

// defaultPath is used when the worker itself has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

type variable = plan.Var

// inherit picks what steps take over from the worker. HOME is among it, because
// tools keep their caches and settings there.
func inherit(cfg Config) []variable {
	allowed := append([]string{"PATH", "HOME", "LANG", "TZ"}, cfg.Env...)
	vars := []variable{{Name: "PATH", Value: defaultPath}}
	for _, kv := range cfg.Environ {
		if name, value, ok := strings.Cut(kv, "="); ok && slices.Contains(allowed, name) {
			vars = append(vars, variable{Name: name, Value: value})
		}
	}
	return vars
}

// base is what every step of an attempt sees and may override.
func base(inherited []variable, task *attempt.Task, w workspace) []variable {
	home := variable{Name: "HOME", Value: w.tmp} // for a worker that has none
	vars := append([]variable{home}, inherited...)
	vars = append(vars,
		variable{Name: "CI", Value: "true"},
		variable{Name: "RUNNER_TEMP", Value: w.tmp},
		variable{Name: "TMPDIR", Value: w.tmp},
	)
	if task.Trace != "" { // where OpenTelemetry tools look for it
		vars = append(vars, variable{Name: "TRACEPARENT", Value: task.Trace})
	}
	return vars
}

// fixed is what every step of an attempt sees and cannot override: the names are
// reserved.
func fixed(task *attempt.Task, w workspace) []variable {
	vars := []variable{
		{Name: reserved, Value: "true"},
		{Name: reserved + "_RUN_ID", Value: string(task.Job.Run)},
		{Name: reserved + "_JOB", Value: task.Spec.Key},
		{Name: reserved + "_JOB_ID", Value: task.Job.String()},
		{Name: reserved + "_ATTEMPT", Value: strconv.Itoa(task.Attempt)},
		{Name: envAttemptName, Value: task.Name()},
		{Name: reserved + "_TOKEN", Value: strconv.FormatUint(uint64(task.Token), 10)},
		{Name: reserved + "_WORKFLOW", Value: task.Workflow},
		{Name: envWorkspace, Value: w.work},
	}
	for _, v := range task.Spec.Matrix {
		vars = append(vars, variable{Name: plan.MatrixVariable(v.Name), Value: v.Text})
	}
	if len(task.Spec.Matrix) > 0 {
		vars = append(vars, variable{Name: reserved + "_MATRIX", Value: object(task.Spec.Matrix)})
	}
	return vars
}

// object is the values as a JSON object, in their order.
func object(values []plan.MatrixValue) string {
	var b strings.Builder
	for i, v := range values {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(quoted(v.Name))
		b.WriteByte(':')
		if v.JSON != "" {
			b.WriteString(v.JSON)
			continue
		}
		b.Write(quoted(v.Text))
	}
	return b.String() + "}"
}

func quoted(s string) []byte {
	text, _ := json.Marshal(s) // a string cannot fail
	return text
}

// environment is the layers of one step merged: later ones win, in the place of
// the first. Names that are reserved are dropped from the layers of the file.
type environment struct {
	vars  []variable
	index map[string]int
}

func newEnvironment(own []variable) *environment {
	const more = 16 // of a step
	e := &environment{index: make(map[string]int, len(own)+more), vars: make([]variable, 0, len(own)+more)}
	for _, v := range own {
		e.set(v)
	}
	return e
}

func (e *environment) set(v variable) {
	if i, ok := e.index[v.Name]; ok {
		e.vars[i].Value = v.Value
		return
	}
	e.index[v.Name] = len(e.vars)
	e.vars = append(e.vars, v)
}

// add puts a layer of the file on top.
func (e *environment) add(layer []variable) *failure {
	for _, v := range layer {
		switch {
		case v.Name == "" || strings.ContainsAny(v.Name, "=\x00"):
			return fail(job.FaultUser, "env: "+strconv.Quote(v.Name)+" cannot name a variable")
		case strings.ContainsRune(v.Value, 0):
			return fail(job.FaultUser, "env: the value of "+v.Name+" holds a zero byte")
		case v.Name == reserved || strings.HasPrefix(v.Name, reserved+"_"):
		default:
			e.set(v)
		}
	}
	return nil
}

func (e *environment) get(name string) string {
	if i, ok := e.index[name]; ok {
		return e.vars[i].Value
	}
	return ""
}

// list is the form a process takes. All of it shares one piece of memory.
func (e *environment) list() [][]byte {
	size := 0
	for _, v := range e.vars {
		size += len(v.Name) + 1 + len(v.Value)
	}
	all, out := make([]byte, 0, size), make([][]byte, len(e.vars))
	for i, v := range e.vars {
		from := len(all)
		all = append(append(append(all, v.Name...), '='), v.Value...)
		out[i] = all[from:len(all):len(all)]
	}
	return out
}
