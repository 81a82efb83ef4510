package expr_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/workflow/expr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns an expression that must be good.
func parse(t *testing.T, text string) *expr.Expression {
	t.Helper()
	e, err := expr.Parse(text)
	require.NoError(t, err, text)
	return e
}

// refuse returns what is wrong with an expression that must be bad.
func refuse(t *testing.T, text string) expr.Fault {
	t.Helper()
	e, err := expr.Parse(text)
	require.Nil(t, e, text)
	return fault(t, err)
}

// fault returns the one fault that an error is.
func fault(t *testing.T, err error) expr.Fault {
	t.Helper()
	var f expr.Fault
	require.ErrorAs(t, err, &f)
	return f
}

// env returns an environment with the contexts of a JSON object.
func env(tb testing.TB, contexts string) *expr.Env {
	tb.Helper()
	all, err := expr.ParseJSON(contexts, 0)
	require.NoError(tb, err)
	e := &expr.Env{Contexts: map[string]expr.Value{}}
	for name, v := range all.All() {
		e.Contexts[strings.ToLower(name)] = v
	}
	return e
}

// contexts returns the environment of testdata.
func contexts(tb testing.TB) *expr.Env {
	tb.Helper()
	text, err := os.ReadFile("testdata/contexts.json")
	require.NoError(tb, err)
	return env(tb, string(text))
}

// value returns what an expression is in an environment.
func value(t *testing.T, text string, e *expr.Env) expr.Value {
	t.Helper()
	v, err := parse(t, text).Evaluate(e)
	require.NoError(t, err, text)
	return v
}

// show writes a value so that different ones are written differently.
func show(v expr.Value) string {
	switch v.Kind() {
	case expr.Null:
		return "null"
	case expr.Boolean:
		return v.Text()
	case expr.Number:
		text := strconv.FormatFloat(v.Float(), 'g', -1, 64) // exactly
		return strings.Replace(strings.TrimPrefix(text, "+"), "Inf", "Infinity", 1)
	case expr.String:
		return quoted(v.Text())
	case expr.Array, expr.Object:
	}
	var parts []string
	for key, item := range v.All() {
		text := show(item)
		if v.Kind() == expr.Object {
			text = quoted(key) + ": " + text
		}
		parts = append(parts, text)
	}
	if v.Kind() == expr.Array {
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return strings.TrimSpace(b.String())
}
