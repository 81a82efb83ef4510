package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow/expr"
)

func TestATemplateIsItsTextWithTheValues(t *testing.T) {
	t.Parallel()
	e := contexts(t)
	for text, want := range map[string]string{
		"":                        `""`,
		"plain":                   `"plain"`,
		"${{ 1 }}":                "1",
		"${{matrix.node}}":        "20",
		"${{ list }}":             `[1, "two", [3, 4], {"five": 5}, null, true]`,
		"${{ nothing }}":          "null",
		"${{\n github.ref\n}}":    `"refs/heads/main"`,
		" ${{ 1 }}":               `" 1"`,
		"${{ 1 }}\n":              `"1\n"`,
		"${{ 1 }}${{ 2 }}":        `"12"`,
		"Hello ${{ matrix.os }}!": `"Hello linux!"`,
		"${{ nothing }}-${{ list }}-${{ empty }}":  `"-Array-Object"`,
		"${{ true }} ${{ -0 }} ${{ 1e20 }}":        `"true 0 1E+20"`,
		"${{ '}}' }}":                              `"}}"`,
		"a ${{ '}}' }} b":                          `"a }} b"`,
		"a ${{ 'it''s }}' }} b":                    `"a it's }} b"`,
		"${{ '${{ 1 }}' }}":                        `"${{ 1 }}"`,
		"${{ fromJSON('{\"a\":{\"b\":1}}').a.b }}": "1",
		"}} ${{ 1 }} }}":                           `"}} 1 }}"`,
		"${{ 1 }}}":                                `"1}"`,
		"$ { { 1 }} ${ { $${ {{ 1 }}":              `"$ { { 1 }} ${ { $${ {{ 1 }}"`,
		"$${{ 1 }}":                                `"$1"`,
		"it's ${{ 1 }} isn't":                      `"it's 1 isn't"`,
		"{0} {{ ${{ 1 }}":                          `"{0} {{ 1"`,
	} {
		template, err := expr.ParseTemplate(text)
		require.NoError(t, err, text)
		v, err := template.Evaluate(e)
		require.NoError(t, err, text)
		require.Equal(t, want, show(v), text)
		require.Equal(t, !strings.Contains(text, "${{"), template.IsText(), text)
	}
}

func TestEveryFaultOfATemplateIsFound(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"a ${{ b":   {"2-5 the expression is not closed"},
		"${{ 'b }}": {"0-3 the expression is not closed"},
		"${{":       {"0-3 the expression is not closed"},
		"${{ }}":    {"4-4 an expression was expected"},
		"${{}}":     {"3-3 an expression was expected"},
		"é ${{ b c }} ${{ d = 1 }} x ${{": {
			`9-10 unexpected "c"`, `20-21 unexpected "="`, "29-32 the expression is not closed",
		},
		"${{ ${{ 1 }} }}": {`4-7 unexpected "${{"`},
		"${{ contains(1) }} ${{ ok }} ${{ format('{0}') }}": {
			"4-15 contains takes 2 arguments, not 1", "40-45 format: it uses {0}, but has 0 values",
		},
	}
	for text, want := range tests {
		template, err := expr.ParseTemplate(text)
		require.Nil(t, template, text)
		var faults expr.Faults
		require.ErrorAs(t, err, &faults, text)
		var got []string
		for _, f := range faults {
			got = append(got, fmt.Sprintf("%d-%d %s", f.Offset, f.End, f.Message))
		}
		require.Equal(t, want, got, text)
	}
	_, err := expr.ParseTemplate(strings.Repeat("${{ = }}", 500))
	var faults expr.Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, expr.MaxFaults)
}

func TestAFaultOfARunIsPlacedInTheTemplate(t *testing.T) {
	t.Parallel()
	template, err := expr.ParseTemplate("${{ 1 }} é ${{ 2 == fromJSON('x') }}")
	require.NoError(t, err)
	_, err = template.Evaluate(&expr.Env{})
	f := fault(t, err)
	require.Equal(t, [2]int{21, 34}, [2]int{f.Offset, f.End})
	require.Equal(t, "fromJSON: the text is not JSON: at byte 0, a value was expected", f.Message)
}

func TestTheLimitOfLengthIsOfEachExpression(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 2*expr.MaxLength)
	template, err := expr.ParseTemplate(text + "${{ 1 }}" + text)
	require.NoError(t, err)
	v, err := template.Evaluate(&expr.Env{})
	require.NoError(t, err)
	require.Equal(t, text+"1"+text, v.Text())
	_, err = expr.ParseTemplate("${{ '" + text + "' }}")
	require.ErrorContains(t, err, "longer than 21000 characters")
}

// TestThePiecesOfATemplateAreItsText puts templates together of any pieces.
func TestThePiecesOfATemplateAreItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{
			"a", "é", "'", " ", "$", "{", "}", "}}", "{{", "\n", "${{ 1 }}", "${{'}}'}}", "${{ x.y[0] }}",
			"${{\n!a && 'it''s' }}",
		})).Draw(t, "parts")
		text := strings.Join(parts, "")
		template, err := expr.ParseTemplate(text)
		if err != nil {
			return // pieces may join to ${{
		}
		at := 0
		for _, p := range template.Pieces() {
			require.Equal(t, at, p.Offset)
			require.Less(t, p.Offset, p.End)
			at = p.End
			if p.Expression == nil {
				require.Equal(t, text[p.Offset:p.End], p.Text)
				continue
			}
			require.Equal(t, "${{"+p.Expression.Source()+"}}", text[p.Offset:p.End])
			require.True(t, p.Offset < p.Expression.Offset() && p.Expression.Offset() < p.End)
		}
		require.Equal(t, len(text), at)
	})
}

func TestAConditionNeedsNoBraces(t *testing.T) {
	t.Parallel()
	e := contexts(t)
	e.Functions = map[string]expr.Function{
		"success": func([]expr.Value) (expr.Value, error) { return expr.BoolOf(false), nil },
		"always":  func([]expr.Value) (expr.Value, error) { return expr.BoolOf(true), nil },
	}
	tests := []struct {
		text, source, whole string
		offset              int
		bare, value         bool
	}{
		{"true", "true", "success() && (true)", 0, true, false},
		{"  true\n", "true", "success() && (true)", 2, true, false},
		{"${{ true }}", " true ", "success() && ( true )", 4, true, false},
		{"\n ${{ true }} \n", " true ", "success() && ( true )", 6, true, false},
		{"1 && github.ref", "1 && github.ref", "success() && (1 && github.ref)", 0, true, false},
		{"0 || github.ref", "0 || github.ref", "success() && (0 || github.ref)", 0, true, false},
		{"always()", "always()", "always()", 0, true, true},
		{"!always()", "!always()", "!always()", 0, false, false},
		{"always() && 1 == 1", "always() && 1 == 1", "always() && 1 == 1", 0, true, true},
		{"", "success()", "success()", 0, false, false},
		{" \t\n", "success()", "success()", 0, false, false},
		{"'}}'", "'}}'", "success() && ('}}')", 0, true, false},
	}
	for _, tt := range tests {
		c, err := expr.ParseCondition(tt.text)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.source, c.Source(), tt.text)
		require.Equal(t, tt.offset, c.Offset(), tt.text)
		v, err := c.Evaluate(e)
		require.NoError(t, err)
		require.Equal(t, tt.bare, v.Truthy(), tt.text)

		whole := c.WithSuccess()
		require.Equal(t, tt.whole, whole.Source(), tt.text)
		require.Equal(t, tt.offset, whole.Offset(), tt.text)
		require.True(t, whole.CallsStatus())
		v, err = whole.Evaluate(e)
		require.NoError(t, err)
		require.Equal(t, tt.value, v.Truthy(), tt.text)
	}
}

func TestAConditionThatIsAlwaysTrueIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"${{ a }} && ${{ b }}", "${{ a }} == 'b'", "github.ref == ${{ b }}", " !${{ a }}", "${{ a }}${{ b }}",
		"contains(a, '${{ b }}')",
	} {
		_, err := expr.ParseCondition(text)
		f := fault(t, err)
		require.Equal(t, "the condition is a text around ${{ }}, which is always true", f.Message, text)
		require.Equal(t, strings.TrimLeft(text, " "), text[f.Offset:f.End])
	}
	_, err := expr.ParseCondition(" a b")
	require.Equal(t, 3, fault(t, err).Offset)
	_, err = expr.ParseCondition(" ${{ a b }}")
	require.EqualError(t, err, `expr: at byte 7: unexpected "b"`)
}
