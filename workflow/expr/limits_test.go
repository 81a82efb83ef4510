package expr_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

// bombs are expressions that make much of little. Each is short enough to parse.
func bombs() map[string]string {
	r := strings.Repeat
	double := func(n int, inner string) string {
		return r("format('{0}{0}{0}{0}{0}{0}{0}{0}', ", n) + inner + r(")", n)
	}
	return map[string]string{
		"format of format":    double(20, "'xxxxxxxxxxxxxxxx'"),
		"join of a long text": "join(fromJSON('[" + r("1,", 5000) + "1]'), '" + r("x", 5000) + "')",
		"JSON in JSON":        r("toJSON(", 40) + `'"'` + r(")", 40),
		"lines of JSON": "toJSON(fromJSON('" + r("[", 99) + r("1,", 9000) + "1" + r("]", 99) + "')) && " +
			double(9, "'x'"),
		"values of JSON":  "fromJSON(format('[{0}1]', " + double(6, "'1,'") + "))",
		"objects of JSON": "fromJSON(format('[{0}1]', " + double(6, `'{"a":1},'`) + "))",
		"escapes of JSON": "fromJSON(format('\"{0}\"', " + double(7, `'\n'`) + "))",
		"items of items":  r("fromJSON('["+r("[1,2],", 50)+"0]').*.* && ", 40) + double(9, "'x'"),
		"a supplied text": "hashFiles('x')",
	}
}

func TestNoExpressionTakesMoreThanItMay(t *testing.T) {
	t.Parallel()
	e := &expr.Env{Functions: map[string]expr.Function{
		"hashfiles": func([]expr.Value) (expr.Value, error) {
			return expr.StringOf(strings.Repeat("x", expr.DefaultMaxBytes+1)), nil
		},
	}}
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, text).Evaluate(e)
			require.ErrorIs(t, err, expr.ErrLimit)
			require.Equal(t, "the expression needs more memory or time than it may take", fault(t, err).Message)
		})
	}
}

// TestLookingAtLargeValuesAgainAndAgainIsBounded has expressions that make next to
// nothing, but would read a large text five hundred times.
func TestLookingAtLargeValuesAgainAndAgainIsBounded(t *testing.T) {
	t.Parallel()
	const size = 1 << 17
	text := strings.Repeat("a", size)
	items := make([]expr.Value, 20_000)
	for i := range items {
		items[i] = expr.ObjectOf(expr.Field{Key: "k", Value: expr.NumberOf(float64(i))})
	}
	e := &expr.Env{MaxBytes: 1 << 20, Contexts: map[string]expr.Value{
		"t": expr.StringOf(text), "u": expr.StringOf(text + "b"), "i": expr.ArrayOf(items...),
		"blank": expr.StringOf(strings.Repeat(" ", size) + "1"),
	}}
	for name, part := range map[string]string{
		"contains":    "contains(t, u) || ",
		"starts with": "startsWith(t, u) || ",
		"ends with":   "endsWith(t, u) || ",
		"equal":       "t == u || ",
		"as a number": "blank == 2 || ",
		"as a key":    "t[u] || ",
		"as a place":  "i[blank].x || ",
		"of each":     "join(i.*[t]) || ",
		"in a list":   "contains(i, u) || ",
		"a format":    "format(t) == 1 || ",
		"JSON":        "fromJSON(blank) == 2 || ",
		"joined":      "join(i, '') == 1 || ",
		"all items":   "join(i.*.*.*) || ",
		"written":     "toJSON(i) == 1 || ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, strings.Repeat(part, 500)+"0").Evaluate(e)
			require.ErrorIs(t, err, expr.ErrLimit)
		})
	}
}

func TestTheCallerSetsHowMuchMayBeMade(t *testing.T) {
	t.Parallel()
	e := parse(t, "format('{0}{0}{0}', '0123456789')")
	_, err := e.Evaluate(&expr.Env{MaxBytes: 29})
	require.ErrorIs(t, err, expr.ErrLimit)
	v, err := e.Evaluate(&expr.Env{MaxBytes: 30})
	require.NoError(t, err)
	require.Len(t, v.Text(), 30)
	_, err = e.Evaluate(&expr.Env{MaxBytes: math.MaxInt / 16})
	require.NoError(t, err)
}

func TestATemplateMayMakeNoMoreThanAnExpression(t *testing.T) {
	t.Parallel()
	e := &expr.Env{Contexts: map[string]expr.Value{"t": expr.StringOf(strings.Repeat("x", 100))}, MaxBytes: 1000}
	for n, large := range map[int]bool{9: false, 10: true} {
		template, err := expr.ParseTemplate(strings.Repeat("-${{ t }}", n))
		require.NoError(t, err)
		_, err = template.Evaluate(e)
		if !large {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, expr.ErrLimit)
		require.Equal(t, "the text becomes too large", fault(t, err).Message)
		require.Equal(t, 9*9+1, fault(t, err).Offset)
	}
}

func TestUsualExpressionsStayFarBelowTheLimits(t *testing.T) {
	t.Parallel()
	fields := make([]expr.Field, 2000)
	for i := range fields {
		fields[i] = expr.Field{Key: fmt.Sprintf("key%d", i), Value: expr.StringOf(strings.Repeat("x", 500))}
	}
	e := &expr.Env{Contexts: map[string]expr.Value{"event": expr.ObjectOf(fields...)}}
	v := value(t, "fromJSON(toJSON(event)).key1999 == event.key1999 && contains(toJSON(event), 'xx')", e)
	require.True(t, v.Truthy())
}
