// Package messages is what is said: the protobuf messages of every conversation,
// generated from proto/, and their conversion to and from the domain.
//
// Conversion happens here and nowhere else. What comes from outside is checked
// on the way in: a message that cannot be meant is an error, never a panic.
package messages

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
)

// ErrMalformed means a message cannot be what its sender meant.
var ErrMalformed = errors.New("messages: malformed")

// EncodePlan returns a plan as it is stored: the same plan, the same bytes.
func EncodePlan(w *plan.Workflow) []byte {
	m := &Plan{Name: w.Name, RunName: w.RunName, Context: w.Context, On: w.On, Jobs: make([]*JobSpec, len(w.Jobs))}
	for i := range w.Jobs {
		m.Jobs[i] = JobSpecToProto(&w.Jobs[i])
	}
	if c := w.Concurrency; c != (plan.Concurrency{}) {
		m.Concurrency = &Concurrency{Group: c.Group, CancelInProgress: c.CancelInProgress, KeepAll: c.KeepAll}
	}
	for _, g := range w.Groups {
		m.Groups = append(m.Groups, &MatrixGroup{FailFast: g.FailFast, MaxParallel: uint32(g.MaxParallel)})
	}
	return must(proto.MarshalOptions{Deterministic: true}.Marshal(m))
}

// must returns what a conversion of our own values cannot fail to give: only a
// string that is not UTF-8 could fail, and such strings are refused on entry.
func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// DecodePlan reads what EncodePlan wrote, or returns ErrMalformed.
func DecodePlan(data []byte) (*plan.Workflow, error) {
	var m Plan
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w plan: %w", ErrMalformed, err)
	}
	w := &plan.Workflow{
		Name: m.GetName(), RunName: m.GetRunName(), Context: m.GetContext(), On: m.GetOn(),
		Jobs: make([]plan.Job, len(m.GetJobs())),
		Concurrency: plan.Concurrency{
			Group: m.GetConcurrency().GetGroup(), CancelInProgress: m.GetConcurrency().GetCancelInProgress(),
			KeepAll: m.GetConcurrency().GetKeepAll(),
		},
	}
	for _, g := range m.GetGroups() {
		w.Groups = append(w.Groups, plan.Group{FailFast: g.GetFailFast(), MaxParallel: int(g.GetMaxParallel())})
	}
	for i, s := range m.GetJobs() {
		j := JobSpecFromProto(s)
		for _, n := range j.Needs {
			if n >= len(w.Jobs) {
				return nil, fmt.Errorf("%w plan: job %d needs job %d of %d", ErrMalformed, i, n, len(w.Jobs))
			}
		}
		if j.Group >= len(w.Groups) {
			return nil, fmt.Errorf("%w plan: job %d is in matrix %d of %d", ErrMalformed, i, j.Group, len(w.Groups))
		}
		w.Jobs[i] = j
	}
	return w, nil
}

// JobSpecToProto converts a job of a plan.
func JobSpecToProto(j *plan.Job) *JobSpec {
	m := &JobSpec{
		Key: j.Key, Id: j.ID, Name: j.Name, RunsOn: j.RunsOn, Env: varsToProto(j.Env), Matrix: matrixToProto(j.Matrix),
		Group: uint32(j.Group + 1), TimeoutNanos: int64(j.Timeout), ContinueOnError: j.ContinueOnError,
		Retry: retryToProto(j.Retry), Priority: int32(j.Priority), Idempotent: j.Idempotent, Executor: j.Executor,
		Resources: ResourcesToProto(j.Resources), Condition: j.If, Outputs: varsToProto(j.Outputs),
		AsksStatus: j.AsksStatus,
	}
	for _, n := range j.Needs {
		m.Needs = append(m.Needs, uint32(n))
	}
	for i := range j.Steps {
		s := &j.Steps[i]
		m.Steps = append(m.Steps, &StepSpec{
			Id: s.ID, Name: s.Name, Run: s.Run, Shell: s.Shell, WorkingDirectory: s.WorkingDirectory,
			Env: varsToProto(s.Env), TimeoutNanos: int64(s.Timeout), ContinueOnError: s.ContinueOnError,
			Condition: s.If, Uses: s.Uses, With: varsToProto(s.With), TimeoutText: s.TimeoutText,
			ContinueOnErrorText: s.ContinueOnErrorText,
		})
	}
	return m
}

// JobSpecFromProto converts a job of a plan.
func JobSpecFromProto(m *JobSpec) plan.Job {
	j := plan.Job{
		Key: m.GetKey(), ID: m.GetId(), Name: m.GetName(), RunsOn: m.GetRunsOn(), Env: varsFromProto(m.GetEnv()),
		Matrix: matrixFromProto(m.GetMatrix()), Group: int(m.GetGroup()) - 1, Timeout: time.Duration(m.GetTimeoutNanos()),
		ContinueOnError: m.GetContinueOnError(), Retry: retryFromProto(m.GetRetry()), Priority: int(m.GetPriority()),
		Idempotent: m.GetIdempotent(), Executor: m.GetExecutor(), Resources: ResourcesFromProto(m.GetResources()),
		If: m.GetCondition(), AsksStatus: m.GetAsksStatus(), Outputs: varsFromProto(m.GetOutputs()),
	}
	for _, n := range m.GetNeeds() {
		j.Needs = append(j.Needs, int(n))
	}
	for _, s := range m.GetSteps() {
		j.Steps = append(j.Steps, plan.Step{
			ID: s.GetId(), Name: s.GetName(), Run: s.GetRun(), Shell: s.GetShell(),
			WorkingDirectory: s.GetWorkingDirectory(), Env: varsFromProto(s.GetEnv()),
			Timeout: time.Duration(s.GetTimeoutNanos()), ContinueOnError: s.GetContinueOnError(),
			If: s.GetCondition(), Uses: s.GetUses(), With: varsFromProto(s.GetWith()),
			TimeoutText: s.GetTimeoutText(), ContinueOnErrorText: s.GetContinueOnErrorText(),
		})
	}
	return j
}

// ResourcesToProto converts an amount; nothing is nil.
func ResourcesToProto(a resource.Amount) *Resources {
	if a.CPU <= 0 && a.Memory <= 0 {
		return nil
	}
	return &Resources{CpuMilli: uint64(max(0, a.CPU)), MemoryBytes: uint64(max(0, a.Memory))}
}

// ResourcesFromProto converts an amount. What is beyond all measure counts as the
// most there can be.
func ResourcesFromProto(m *Resources) resource.Amount {
	return resource.Amount{
		CPU:    int64(min(m.GetCpuMilli(), resource.MaxCPU)),
		Memory: int64(min(m.GetMemoryBytes(), resource.MaxMemory)),
	}
}

func varsToProto(vars []plan.Var) []*Var {
	if len(vars) == 0 {
		return nil
	}
	ms := make([]*Var, len(vars))
	for i, v := range vars {
		ms[i] = &Var{Name: v.Name, Value: v.Value}
	}
	return ms
}

func varsFromProto(ms []*Var) []plan.Var {
	if len(ms) == 0 {
		return nil
	}
	vars := make([]plan.Var, len(ms))
	for i, m := range ms {
		vars[i] = plan.Var{Name: m.GetName(), Value: m.GetValue()}
	}
	return vars
}

func matrixToProto(values []plan.MatrixValue) []*MatrixValue {
	if len(values) == 0 {
		return nil
	}
	ms := make([]*MatrixValue, len(values))
	for i, v := range values {
		ms[i] = &MatrixValue{Name: v.Name, Text: v.Text, Json: v.JSON}
	}
	return ms
}

func matrixFromProto(ms []*MatrixValue) []plan.MatrixValue {
	if len(ms) == 0 {
		return nil
	}
	values := make([]plan.MatrixValue, len(ms))
	for i, m := range ms {
		values[i] = plan.MatrixValue{Name: m.GetName(), Text: m.GetText(), JSON: m.GetJson()}
	}
	return values
}

func retryToProto(p retry.Policy) *RetryPolicy {
	if p.MaxAttempts == 0 && p.Delay == 0 && len(p.ExitCodes) == 0 {
		return nil
	}
	m := &RetryPolicy{
		MaxAttempts: uint32(p.MaxAttempts), DelayNanos: int64(p.Delay), Factor: p.Factor, CapNanos: int64(p.Cap),
	}
	for _, c := range p.ExitCodes {
		m.ExitCodes = append(m.ExitCodes, int32(c))
	}
	return m
}

func retryFromProto(m *RetryPolicy) retry.Policy {
	p := retry.Policy{
		MaxAttempts: int(m.GetMaxAttempts()), Delay: time.Duration(m.GetDelayNanos()), Factor: m.GetFactor(),
		Cap: time.Duration(m.GetCapNanos()),
	}
	for _, c := range m.GetExitCodes() {
		p.ExitCodes = append(p.ExitCodes, int(c))
	}
	return p
}
