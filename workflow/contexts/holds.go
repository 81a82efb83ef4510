package contexts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/workflow/expr"
)

// MaxBytes is the most that ForTask returns: with the job itself it must fit one
// message to a worker.
const MaxBytes = 4 << 20

// ErrTooLarge means that the jobs which a job needs hand more to it than can be.
var ErrTooLarge = fmt.Errorf("the outputs of the jobs it needs take more than %d bytes in all", MaxBytes)

// ForTask returns the Context of an attempt at the job at index, or "" when there is
// nothing to say. All jobs that it needs must have ended. The error, if any, is
// ErrTooLarge.
func ForTask(e *ledger.Entry, index uint32) (string, error) {
	w, spec := e.Run.Plan, &e.Run.Plan.Jobs[index]
	if w.Context == "" && len(spec.Needs) == 0 && spec.Group == plan.NoGroup {
		return "", nil
	}
	own, err := expr.FormatJSON(expr.ObjectOf(
		expr.Field{Key: "needs", Value: needs(e, spec)},
		expr.Field{Key: "strategy", Value: strategy(w, int(index))},
	), MaxBytes)
	switch {
	case err != nil:
		return "", ErrTooLarge
	case w.Context == "":
		return own, nil
	}
	// What the submission gave is an object with other keys, and may be large: it is
	// not read to be written again.
	return strings.TrimSuffix(own, "}") + "," + strings.TrimPrefix(w.Context, "{"), nil
}

// needs returns the context needs: of each job that spec needs its result and what it
// hands on. The cells of a matrix are one job: of equal outputs the last to end counts.
func needs(e *ledger.Entry, spec *plan.Job) expr.Value {
	cells := slices.Clone(spec.Needs)
	slices.SortStableFunc(cells, func(a, b int) int { return e.Jobs[b].EndedAt.Compare(e.Jobs[a].EndedAt) })
	var ids []string
	outputs, results := map[string][]expr.Field{}, map[string]run.Status{}
	for _, i := range cells {
		j := e.Jobs[i]
		id := j.Spec.ID
		if _, seen := results[id]; !seen {
			ids = append(ids, id)
		}
		results[id] = worse(results[id], e.Run.Jobs[i])
		for _, o := range j.Outputs() { // of equal keys the first counts
			outputs[id] = append(outputs[id], text(o.Name, o.Value))
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(at(e.Run.Plan, a), at(e.Run.Plan, b)) })
	fields := make([]expr.Field, len(ids))
	for i, id := range ids {
		fields[i] = expr.Field{Key: id, Value: expr.ObjectOf(
			text("result", result(results[id])), expr.Field{Key: "outputs", Value: expr.ObjectOf(outputs[id]...)},
		)}
	}
	return expr.ObjectOf(fields...)
}

// at returns where the jobs of an id begin.
func at(w *plan.Workflow, id string) int {
	return slices.IndexFunc(w.Jobs, func(j plan.Job) bool { return j.ID == id })
}

// worse returns the status of two cells together. The zero Status is that of none.
func worse(a, b run.Status) run.Status {
	rank := func(s run.Status) int {
		return slices.Index([]run.Status{run.Waiting, run.Skipped, run.Succeeded, run.Cancelled, run.Failed}, s)
	}
	if rank(a) > rank(b) {
		return a
	}
	return b
}

// result returns how expressions know an end.
func result(s run.Status) string {
	switch s {
	case run.Succeeded:
		return "success"
	case run.Failed:
		return "failure"
	case run.Cancelled:
		return "cancelled"
	case run.Skipped:
		return "skipped"
	case run.Waiting:
	}
	return ""
}

// strategy returns the context strategy of a job, which says so of one without a matrix,
// too.
func strategy(w *plan.Workflow, index int) expr.Value {
	group := w.Jobs[index].Group
	cells, before := 1, 0
	shared := plan.Group{FailFast: true}
	if group != plan.NoGroup {
		shared, cells = w.Groups[group], 0
		for i := range w.Jobs {
			if w.Jobs[i].Group == group {
				cells++
				if i < index {
					before++
				}
			}
		}
	}
	parallel := shared.MaxParallel
	if parallel == 0 {
		parallel = cells
	}
	return expr.ObjectOf(
		expr.Field{Key: "fail-fast", Value: expr.BoolOf(shared.FailFast)},
		expr.Field{Key: "job-index", Value: expr.NumberOf(float64(before))},
		expr.Field{Key: "job-total", Value: expr.NumberOf(float64(cells))},
		expr.Field{Key: "max-parallel", Value: expr.NumberOf(float64(parallel))},
	)
}

// Conditions evaluates the conditions of jobs. The zero Conditions is ready for use, by
// one goroutine at a time.
type Conditions struct {
	of    *plan.Workflow // whose Context given is: many jobs of a run are judged at once
	given expr.Value
}

// Holds reports whether the job at index may run, now that all jobs it needs have
// ended: whether its condition is true. Without a status function in it, that asks for
// success() too. The error, if any, says why the condition cannot be evaluated.
func (c *Conditions) Holds(e *ledger.Entry, index uint32) (bool, error) {
	spec := &e.Run.Plan.Jobs[index]
	condition, err := expr.ParseCondition(spec.If)
	if err != nil {
		return false, err
	}
	if c.of != e.Run.Plan {
		given, err := object(e.Run.Plan.Context)
		if err != nil {
			return false, err
		}
		c.of, c.given = e.Run.Plan, given
	}
	v, err := condition.WithSuccess().Evaluate(&expr.Env{
		Contexts: map[string]expr.Value{
			"github": github(get(c.given, "github"), text("workflow", e.Run.Plan.Name), text("job", spec.ID),
				text("run_id", string(e.Run.ID)), text("run_attempt", "1")),
			"inputs": get(c.given, "inputs"), "vars": get(c.given, "vars"), "needs": needs(e, spec),
		},
		Functions: status(e.Run, int(index)),
	})
	return err == nil && v.Truthy(), err
}

// status returns the status functions, which look at all jobs that the one at index
// needs, and at those that they need.
func status(r *run.Run, index int) map[string]expr.Function {
	ended := map[run.Status]bool{}
	seen := map[int]bool{}
	var visit func(i int)
	visit = func(i int) {
		for _, need := range r.Plan.Jobs[i].Needs {
			if !seen[need] {
				seen[need] = true
				ended[r.Jobs[need]] = true
				visit(need)
			}
		}
	}
	visit(index)
	says := func(is bool) expr.Function {
		return func([]expr.Value) (expr.Value, error) { return expr.BoolOf(is), nil }
	}
	failed := ended[run.Failed]
	others := ended[run.Cancelled] || ended[run.Skipped]
	return map[string]expr.Function{
		"always": says(true), "cancelled": says(r.Cancelling),
		"failure": says(failed && !r.Cancelling), "success": says(!failed && !others && !r.Cancelling),
	}
}
