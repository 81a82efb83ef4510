// Package contexts makes what the expressions of a workflow see while it runs: the
// values of github, inputs, vars, needs, strategy and matrix.
//
// The owner of a run evaluates the conditions of its jobs, with Holds; the worker the
// expressions of steps, from OfTask. Both see the same: what passes between them is
// the text that ForTask returns.
package contexts

import (
	"fmt"
	"strconv"

	"yardmaster/domain/attempt"
	"yardmaster/domain/plan"
	"yardmaster/workflow/expr"
)

// maxBytes is the most that the contexts of a job take, beside its own.
const maxBytes = 64 << 20

// object reads a JSON object; "" is an empty one.
func object(text string) (expr.Value, error) {
	if text == "" {
		return expr.ObjectOf(), nil
	}
	v, err := expr.ParseJSON(text, maxBytes)
	switch {
	case err != nil:
		return expr.Value{}, fmt.Errorf("contexts: %w", err)
	case v.Kind() != expr.Object:
		return expr.Value{}, fmt.Errorf("contexts: expected an object, found %s", v.Kind())
	}
	return v, nil
}

// Matrix returns the values of a cell; null where there is no matrix. The error, if
// any, names the key whose value is no JSON.
func Matrix(cell []plan.MatrixValue) (expr.Value, error) {
	if len(cell) == 0 {
		return expr.Value{}, nil
	}
	fields := make([]expr.Field, len(cell))
	for i, m := range cell {
		v := expr.StringOf(m.Text)
		if m.JSON != "" {
			var err error
			if v, err = expr.ParseJSON(m.JSON, maxBytes); err != nil {
				return expr.Value{}, fmt.Errorf("contexts: matrix.%s: %w", m.Name, err)
			}
		}
		fields[i] = expr.Field{Key: m.Name, Value: v}
	}
	return expr.ObjectOf(fields...), nil
}

// github returns the context github: what the submission says, and what only the run
// knows over it.
func github(given expr.Value, facts ...expr.Field) expr.Value {
	for key, v := range given.All() {
		facts = append(facts, expr.Field{Key: key, Value: v}) // of equal keys the first counts
	}
	return expr.ObjectOf(facts...)
}

// text is a field that holds a string.
func text(key, value string) expr.Field { return expr.Field{Key: key, Value: expr.StringOf(value)} }

// get returns a field of an object, or an empty object.
func get(of expr.Value, key string) expr.Value {
	if v, ok := of.Get(key); ok && v.Kind() == expr.Object {
		return v
	}
	return expr.ObjectOf()
}

// OfTask returns the contexts github, inputs, vars, needs, strategy and matrix of an
// attempt, by their names. The error, if any, says what its owner sent that cannot be
// read.
func OfTask(t *attempt.Task) (map[string]expr.Value, error) {
	given, err := object(t.Context)
	if err != nil {
		return nil, err
	}
	matrix, err := Matrix(t.Spec.Matrix)
	if err != nil {
		return nil, err
	}
	return map[string]expr.Value{
		"github": github(get(given, "github"), text("workflow", t.Workflow), text("job", t.Spec.ID),
			text("run_id", string(t.Job.Run)), text("run_attempt", strconv.Itoa(t.Attempt))),
		"inputs": get(given, "inputs"), "vars": get(given, "vars"), "needs": get(given, "needs"),
		"strategy": get(given, "strategy"), "matrix": matrix,
	}, nil
}
