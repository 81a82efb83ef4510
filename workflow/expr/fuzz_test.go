package expr_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

// seeds adds the expressions of the cases and some bombs.
func seeds(f *testing.F, wrap func(string) string) {
	f.Helper()
	for _, c := range cases(f) {
		f.Add(wrap(c.text))
	}
	for _, text := range bombs() {
		if len(text) < 2000 {
			f.Add(wrap(text))
		}
	}
}

// checkFault checks what a caller relies on in a fault of a text.
func checkFault(t *testing.T, text string, err error) {
	t.Helper()
	var f expr.Fault
	require.ErrorAs(t, err, &f)
	require.NotEmpty(t, f.Message)
	require.True(t, 0 <= f.Offset && f.Offset <= f.End && f.End <= len(text), "%d-%d of %d", f.Offset, f.End, len(text))
}

// checkRun evaluates, and checks that the same expression has the same outcome twice.
func checkRun(t *testing.T, text string, run func(*expr.Env) (expr.Value, error), e *expr.Env) {
	t.Helper()
	v, err := run(e)
	again, errAgain := run(e)
	require.Equal(t, err == nil, errAgain == nil)
	if err != nil {
		checkFault(t, text, err)
		require.Equal(t, err.Error(), errAgain.Error())
		return
	}
	require.Equal(t, show(v), show(again))
	_, err = expr.FormatJSON(v, 0)
	require.True(t, err == nil || errors.Is(err, expr.ErrLimit))
}

func FuzzParse(f *testing.F) {
	seeds(f, func(s string) string { return s })
	e := contexts(f)
	e.MaxBytes = 1 << 16
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := expr.Parse(text)
		if err != nil {
			require.Nil(t, parsed)
			checkFault(t, text, err)
			return
		}
		for _, fault := range parsed.Check(step()) {
			checkFault(t, text, fault)
		}
		for _, r := range parsed.References() {
			require.True(t, 0 <= r.Offset && r.Offset < r.End && r.End <= len(text))
		}
		checkRun(t, text, parsed.Evaluate, e)
	})
}

// FuzzEvaluate gives hostile values to expressions that look at them in every way.
func FuzzEvaluate(f *testing.F) {
	for _, text := range []string{
		`"a"`, `{"a":[1,{"b":null}]}`, `[[1,2],[3]]`, `1e999`, "{0} {{", "[", "0x10", "\xff", "ıſß",
	} {
		f.Add(text, "a")
	}
	var all []*expr.Expression
	for _, text := range []string{
		"toJSON(fromJSON(a.text))", "format(a.text, a.key, 1)", "fromJSON(a.text)[a.key]", "fromJSON(a.text).*[a.key].*.*",
		"a.text == a.key", "a.text < a.key", "a.text >= 1", "contains(a.text, a.key)", "contains(fromJSON(a.text), a.key)",
		"startsWith(a.text, a.key)", "endsWith(a.text, a.key)", "join(fromJSON(a.text), a.key)", "a[a.key]",
		"case(fromJSON(a.text), a.key, a.text)", "fromJSON(toJSON(a.text)) == a.text",
	} {
		e, err := expr.Parse(text)
		require.NoError(f, err)
		all = append(all, e)
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		e := &expr.Env{MaxBytes: 1 << 16, Contexts: map[string]expr.Value{"a": expr.ObjectOf(
			expr.Field{Key: "text", Value: expr.StringOf(text)}, expr.Field{Key: "key", Value: expr.StringOf(key)})}}
		for _, parsed := range all {
			checkRun(t, parsed.Source(), parsed.Evaluate, e)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	seeds(f, func(s string) string { return "a ${{ " + s + " }} b" })
	for _, text := range []string{"${{", "${{ '", "${{ 1 }}${{ 2 }}", "}}", "'${{ 1 }}'", "${{ }}", "$${{ 1 }}}"} {
		f.Add(text)
	}
	e := contexts(f)
	e.MaxBytes = 1 << 16
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := expr.ParseCondition(text); err == nil {
			checkRun(t, text, c.WithSuccess().Evaluate, e)
		}
		template, err := expr.ParseTemplate(text)
		if err != nil {
			var all expr.Faults
			require.ErrorAs(t, err, &all)
			require.NotEmpty(t, all)
			for _, fault := range all {
				checkFault(t, text, fault)
			}
			return
		}
		for _, fault := range template.Check(step()) {
			checkFault(t, text, fault)
		}
		checkRun(t, text, template.Evaluate, e)
	})
}
