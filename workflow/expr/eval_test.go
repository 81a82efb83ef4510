package expr_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

func TestFunctionsOfTheCallerAreCalled(t *testing.T) {
	t.Parallel()
	var asked []string
	supplied := func(name string, result expr.Value) expr.Function {
		return func(args []expr.Value) (expr.Value, error) {
			asked = append(asked, name+show(expr.ArrayOf(args...)))
			return result, nil
		}
	}
	e := &expr.Env{Functions: map[string]expr.Function{
		"success":   supplied("success", expr.BoolOf(false)),
		"failure":   supplied("failure", expr.BoolOf(true)),
		"hashfiles": supplied("hashFiles", expr.StringOf("abc")),
	}}
	require.Equal(t, `"abc"`, show(value(t, "success() || Failure('build', 1) && HASHFILES('**/go.sum', null)", e)))
	require.Equal(t, []string{"success[]", `failure["build", 1]`, `hashFiles["**/go.sum", null]`}, asked)
}

func TestWhatCannotBeEvaluatedSaysWhere(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	e := contexts(t)
	e.Functions = map[string]expr.Function{
		"hashfiles": func([]expr.Value) (expr.Value, error) { return expr.Value{}, broken },
	}
	tests := map[string]struct {
		offset, end int
		message     string
	}{
		"1 == missing.x":               {5, 12, `there is no context "missing" here`},
		"!unknown(1)":                  {1, 11, `there is no function "unknown"`},
		"github.ref == always()":       {14, 22, "the function always is not available here"},
		"join(hashFiles('a'))":         {5, 19, "hashFiles: disk on fire"},
		"hashFiles(missing)":           {10, 17, `there is no context "missing" here`},
		"fromJSON('[')":                {0, 13, "fromJSON: the text is not JSON: at byte 1, a value was expected"},
		"x.y":                          {0, 1, `there is no context "x" here`},
		"github[x]":                    {7, 8, `there is no context "x" here`},
		"x.*":                          {0, 1, `there is no context "x" here`},
		"x == 1":                       {0, 1, `there is no context "x" here`},
		"contains(x, 1)":               {9, 10, `there is no context "x" here`},
		"contains(1, x)":               {12, 13, `there is no context "x" here`},
		"startsWith(x, 1)":             {11, 12, `there is no context "x" here`},
		"endsWith(1, x)":               {12, 13, `there is no context "x" here`},
		"join(x)":                      {5, 6, `there is no context "x" here`},
		"join(list, x)":                {11, 12, `there is no context "x" here`},
		"format(x)":                    {7, 8, `there is no context "x" here`},
		"format('{0}', x)":             {14, 15, `there is no context "x" here`},
		"toJSON(x)":                    {7, 8, `there is no context "x" here`},
		"fromJSON(x)":                  {9, 10, `there is no context "x" here`},
		"case(x, 1, 2)":                {5, 6, `there is no context "x" here`},
		"case(false, 1, 2, 3, 4)":      {15, 16, "case: a condition must be true or false, not number"},
		"format(github.event_name, 1)": {7, 24, "format: a } closes nothing"},
	}
	e.Contexts["github"] = expr.ObjectOf(
		expr.Field{Key: "ref"}, expr.Field{Key: "event_name", Value: expr.StringOf("secret }")})
	for text, want := range tests {
		v, err := parse(t, text).Evaluate(e)
		require.Equal(t, expr.Null, v.Kind())
		got := fault(t, err)
		require.Equal(t, want.message, got.Message, text)
		require.Equal(t, [2]int{want.offset, want.end}, [2]int{got.Offset, got.End}, text)
	}
	_, err := parse(t, "hashFiles('a')").Evaluate(e)
	require.ErrorIs(t, err, broken)
}

func TestOnlyWhatDecidesIsEvaluated(t *testing.T) {
	t.Parallel()
	e := contexts(t)
	for text, want := range map[string]string{
		"false && missing":                      "false",
		"1 || missing":                          "1",
		"0 || '' || 'x' || missing":             `"x"`,
		"case(true, 1, missing)":                "1",
		"case(false, missing, 2)":               "2",
		"case(true, 1, missing, missing, 3)":    "1",
		"format('{1}', missing, 'b')":           `"b"`,
		"format('none', missing)":               `"none"`,
		"format('{0}{0}', join(list, '')) != 1": "true",
	} {
		require.Equal(t, want, show(value(t, text, e)), text)
	}
}

func TestErrorsDoNotRepeatValues(t *testing.T) {
	t.Parallel()
	e := env(t, `{"secrets": {"json": "hunter2", "format": "hunter2 {x}", "list": ["hunter2"]}}`)
	for _, text := range []string{
		"fromJSON(secrets.json)", "format(secrets.format)", "format(secrets.format, secrets.json)",
		"case(secrets.json, 1, 2)", "fromJSON(format('[{0}]', secrets.json))",
		"fromJSON(toJSON(secrets.list))[fromJSON(secrets.json)]",
	} {
		_, err := parse(t, text).Evaluate(e)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestAnExpressionMayBeSharedByGoroutines(t *testing.T) {
	t.Parallel()
	e := contexts(t)
	shared := parse(t, "join(github.event.commits.*.author.name, big.K9) == 'Ann9Bob' && "+
		"big.missing == null && !!fromJSON(toJSON(github))")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				v, err := shared.Evaluate(e)
				if err != nil || !v.Truthy() {
					t.Error(show(v), err)
				}
			}
		})
	}
	all.Wait()
}

func TestWhatAllItemsGaveKeepsThatThroughOperators(t *testing.T) {
	t.Parallel()
	e := contexts(t)
	for text, want := range map[string]string{
		"(github.event.commits.* || 1).id":            `["a1", "b2", "c3"]`,
		"(true && github.event.commits.*).id":         `["a1", "b2", "c3"]`,
		"case(true, github.event.commits.*, 1).id":    `["a1", "b2", "c3"]`,
		"fromJSON(toJSON(github.event.commits.*)).id": "null",
	} {
		require.Equal(t, want, show(value(t, text, e)), text)
	}
}
