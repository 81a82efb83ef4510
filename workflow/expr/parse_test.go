package expr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

func TestAFaultSaysWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		offset, end int
		message     string
		hint        string
	}{
		`github.ref == "main"`:   {14, 20, `unexpected "\"main\""`, "a text stands in single quotes"},
		"a = b":                  {2, 3, `unexpected "="`, "equality is =="},
		"a & b":                  {2, 3, `unexpected "&"`, "and is &&"},
		"a | b":                  {2, 3, `unexpected "|"`, "or is ||"},
		"a and b":                {2, 5, `unexpected "and"`, "and is &&"},
		"a OR b":                 {2, 4, `unexpected "OR"`, "or is ||"},
		"a eq b":                 {2, 4, `unexpected "eq"`, "equality is =="},
		"a then b":               {2, 6, `unexpected "then"`, ""},
		"${{ a }}":               {0, 3, `unexpected "${{"`, "the expression is already within ${{ }}"},
		"a == 'b":                {5, 7, "the text is not closed", "close the quote; a quote within a text is written twice"},
		"a ==":                   {4, 4, "the expression ends too early", ""},
		"a == \n ":               {7, 7, "the expression ends too early", ""},
		"(a":                     {2, 2, "the expression ends too early", ""},
		"a)":                     {1, 2, `unexpected ")"`, ""},
		"a.ö":                    {2, 4, `unexpected "ö"`, ""},
		"a.b c":                  {4, 5, `unexpected "c"`, ""},
		"'é' + 1":                {5, 6, `unexpected "+"`, ""},
		"":                       {0, 0, "an expression was expected", ""},
		" \t\n":                  {3, 3, "an expression was expected", ""},
		"contains('a')":          {0, 13, "contains takes 2 arguments, not 1", ""},
		"1 && ToJSON()":          {5, 13, "toJSON takes 1 argument, not 0", ""},
		"join(1, 2, 3)":          {0, 13, "join takes at most 2 arguments, not 3", ""},
		"join()":                 {0, 6, "join takes at least 1 argument, not 0", ""},
		"always(1)":              {0, 9, "always takes no arguments, not 1", ""},
		"hashFiles()":            {0, 11, "hashFiles takes at least 1 argument, not 0", ""},
		"case(true, 1)":          {0, 13, "case takes at least 3 arguments, not 2", ""},
		"case(true, 1, 2, 3)":    {0, 19, "case takes an odd number of arguments, not 4", ""},
		"join(format('{0}'))":    {12, 17, "format: it uses {0}, but has 0 values", formatHint},
		"format('{1}', a)":       {7, 12, "format: it uses {1}, but has 1 value", formatHint},
		"format('a } b')":        {7, 14, "format: a } closes nothing", formatHint},
		"format('{a}', 1)":       {7, 12, "format: a { is not followed by the number of a value and a }", formatHint},
		"a ==\u00a0\u2003== b":   {9, 11, `unexpected "=="`, ""},
		"\xff":                   {0, 1, `unexpected "\xff"`, ""},
		"x" + string(rune(0)):    {0, 2, `unexpected "x\x00"`, ""},
		"'" + long + "' " + long: {203, 403, `unexpected "` + long[:60] + `..."`, ""},
	}
	for text, want := range tests {
		t.Run(text[:min(len(text), 20)], func(t *testing.T) {
			t.Parallel()
			got := refuse(t, text)
			require.Equal(t, want.message, got.Message)
			require.Equal(t, want.hint, got.Hint)
			require.Equal(t, [2]int{want.offset, want.end}, [2]int{got.Offset, got.End})
		})
	}
}

const formatHint = "{0} stands for the first value behind the text; a brace itself is written twice"

var long = strings.Repeat("x", 200)

func TestAFaultReadsWell(t *testing.T) {
	t.Parallel()
	require.EqualError(t, refuse(t, "a = b"), `expr: at byte 2: unexpected "=" (equality is ==)`)
	require.EqualError(t, refuse(t, "a b"), `expr: at byte 2: unexpected "b"`)
	faults := expr.Faults{refuse(t, "a = b"), refuse(t, "a b")}
	require.EqualError(t, faults, "expr: at byte 2: unexpected \"=\" (equality is ==)\nexpr: at byte 2: unexpected \"b\"")
}

func TestAnyWhiteSpaceMaySeparateTokens(t *testing.T) {
	t.Parallel()
	words := strings.Fields("1 == fromJSON ( '[1]' ) [ 0 ] && ! false")
	for _, space := range strings.Split(", ,\t,\n,\r\n,\v,\f,\u00a0,\u0085,\u2003,\u2028,\ufeff", ",") {
		text := space + strings.Join(words, space) + space
		require.Equal(t, "true", show(value(t, text, &expr.Env{})), "%q", text)
	}
}

// TestDepthIsBoundedAsOnGitHub goes to the last depth that both of its engines allow.
// The runner counts operations within each other; the editor counts what is open, and
// so parentheses too, but not a chain of comparisons.
func TestDepthIsBoundedAsOnGitHub(t *testing.T) {
	t.Parallel()
	r := strings.Repeat
	tests := map[string]struct {
		most  int
		build func(n int) string
	}{
		"parentheses":           {49, func(n int) string { return r("(", n) + "1" + r(")", n) }},
		"negations":             {49, func(n int) string { return r("!", n) + "1" }},
		"properties":            {49, func(n int) string { return "a" + r(".a", n) }},
		"items":                 {49, func(n int) string { return "a" + r("[0]", n) }},
		"items of items":        {49, func(n int) string { return r("a[", n) + "0" + r("]", n) }},
		"all items":             {49, func(n int) string { return "a" + r("[*]", n) }},
		"calls":                 {49, func(n int) string { return r("join(", n) + "1" + r(")", n) }},
		"comparisons":           {49, func(n int) string { return "1" + r(" == 1", n) }},
		"orders":                {49, func(n int) string { return "1" + r(" < 1", n) }},
		"groups of comparisons": {49, func(n int) string { return r("(1 == ", n) + "1" + r(")", n) }},
		"groups of chains":      {24, func(n int) string { return r("(1 && ", n) + "1" + r(")", n) }},
		"negated groups":        {24, func(n int) string { return r("!(", n) + "1" + r(")", n) }},
		"a chain":               {2000, func(n int) string { return "1" + r(" && 1", n) }},
		"a chain of the other":  {2000, func(n int) string { return "1" + r(" || 1", n) }},
		"negations in a chain":  {48, func(n int) string { return "1 && " + r("!", n) + "1" }},
		"an index of negations": {48, func(n int) string { return "a[" + r("!", n) + "1]" }},
		"negated properties":    {48, func(n int) string { return r("!", n) + "a.a" }},
		"many arguments":        {254, func(n int) string { return "format('{0}'" + r(",1", n) + ")" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parse(t, tt.build(tt.most))
			if tt.most < 50 {
				f := refuse(t, tt.build(tt.most+1))
				require.Equal(t, "the expression is more than 50 deep", f.Message)
				require.ErrorIs(t, f, expr.ErrLimit)
			}
		})
	}
	require.Contains(t, refuse(t, "format('{0}'"+r(",1", 255)+")").Message, "at most 255 arguments")
}

func TestLengthIsBoundedInUTF16(t *testing.T) {
	t.Parallel()
	for _, letter := range []string{"x", "é", "€", "😀", "\xff"} {
		units := 1
		if letter == "😀" {
			units = 2
		}
		text := func(length int) string { return "'" + strings.Repeat(letter, (length-2)/units) + "'" }
		parse(t, text(expr.MaxLength))
		f := refuse(t, text(expr.MaxLength+2))
		require.Equal(t, "the expression is longer than 21000 characters", f.Message)
		require.ErrorIs(t, f, expr.ErrLimit)
	}
}

func TestAnExpressionKnowsItsText(t *testing.T) {
	t.Parallel()
	e := parse(t, "  github.ref ")
	require.Equal(t, "  github.ref ", e.Source())
	require.Equal(t, 2, e.Offset())
}

func TestALiteralIsKnownWithoutARun(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"'a'": `"a"`, "12": "12", "null": "null", "(true)": "true", "-0": "-0"} {
		v, ok := parse(t, text).Literal()
		require.True(t, ok)
		require.Equal(t, want, show(v))
	}
	for _, text := range []string{"!true", "github", "1 == 1", "format('a')"} {
		_, ok := parse(t, text).Literal()
		require.False(t, ok, text)
	}
}

func TestCallsAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"always()":                       true,
		"ALWAYS ( )":                     true,
		"!cancelled()":                   true,
		"a.b && (failure() || c)":        true,
		"a[success()]":                   true,
		"fromJSON(toJSON(always())).x.y": true,
		"case(true, 1, failure())":       true,
		"1 == (2 < success('a'))":        true,
		"a.always":                       false,
		"'always()'":                     false,
		"always":                         false,
		"contains(a, 'success()')":       false,
		"unknown(hashFiles('x'))":        false,
	} {
		require.Equal(t, want, parse(t, text).CallsStatus(), text)
	}
	require.True(t, parse(t, "a[hashfiles('x')]").Calls("join", "hashFiles"))
	require.False(t, parse(t, "a").Calls())
}
