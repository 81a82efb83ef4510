package expr_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow/expr"
)

func TestJSONIsWrittenOverSeveralLines(t *testing.T) {
	t.Parallel()
	v, err := expr.ParseJSON(`{"b":[1,{"x":null}],"a":{},"c":[],"D":"é\u0001"}`, 0)
	require.NoError(t, err)
	got, err := expr.FormatJSON(v, 0)
	require.NoError(t, err)
	golden(t, "json.golden", got+"\n")
}

func TestWhatIsWrongWithJSONIsToldByItsPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                     "expr: the text is empty",
		"\n":                   "expr: the text is empty",
		"[1, 2":                "expr: the text is not JSON: at byte 5, , or ] was expected",
		"{\"a\": 1":            "expr: the text is not JSON: at byte 7, , or } was expected",
		"{\"a\" 1}":            "expr: the text is not JSON: at byte 5, a colon was expected",
		"{a: 1}":               "expr: the text is not JSON: at byte 1, a key in double quotes was expected",
		"{\"a\": 1,":           "expr: the text is not JSON: at byte 8, a key in double quotes was expected",
		"{\"a":                 "expr: the text is not JSON: at byte 3, the end of a text was expected",
		"tru":                  "expr: the text is not JSON: at byte 0, a value was expected",
		"[01]":                 "expr: the text is not JSON: at byte 1, a value was expected",
		"1 2":                  "expr: the text is not JSON: at byte 2, the end was expected",
		"\"a\nb\"":             "expr: the text is not JSON: at byte 2, no control character was expected",
		"\"\\n\nb\"":           "expr: the text is not JSON: at byte 3, no control character was expected",
		"\"\\n":                "expr: the text is not JSON: at byte 3, the end of a text was expected",
		"\"\\":                 "expr: the text is not JSON: at byte 1, an escape was expected",
		`"\u12`:                "expr: the text is not JSON: at byte 1, an escape was expected",
		`"\u+123"`:             "expr: the text is not JSON: at byte 1, an escape was expected",
		"[\u00a01]":            "expr: the text is not JSON: at byte 1, a value was expected",
		"\ufeff1":              "expr: the text is not JSON: at byte 0, a value was expected",
		nested(101, "[%]"):     "expr: the text is more than 100 deep",
		nested(101, `{"a":%}`): "expr: the text is more than 100 deep",
	}
	for text, want := range tests {
		_, err := expr.ParseJSON(text, 0)
		require.EqualError(t, err, want, "%q", text)
	}
	for _, form := range []string{"[%]", `{"a":%}`} {
		_, err := expr.ParseJSON(nested(100, form), 0)
		require.NoError(t, err)
	}
}

// nested returns the form within itself n times, around a 1.
func nested(n int, form string) string {
	open, shut, _ := strings.Cut(form, "%")
	return strings.Repeat(open, n) + "1" + strings.Repeat(shut, n)
}

func TestWhatIsNoUnicodeIsReplaced(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\"a\xffb\"":           "a\ufffdb",
		"\"a\xff\\n\"":         "a\ufffd\n",
		`"\ud83d"`:             "\ufffd",
		`"\ude00"`:             "\ufffd",
		`"\ud83dx"`:            "\ufffdx",
		`"\ud83d\n"`:           "\ufffd\n",
		`"\ud83d\u0041"`:       "\ufffdA",
		`"\ud83d\ud83d\ude00"`: "\ufffd😀",
		`"\ude00\ud83d\ude00"`: "\ufffd😀",
	} {
		v, err := expr.ParseJSON(text, 0)
		require.NoError(t, err, text)
		require.Equal(t, want, v.Text(), text)
	}
	got, err := expr.FormatJSON(expr.StringOf("a\xffb"), 0)
	require.NoError(t, err)
	require.Equal(t, "\"a\ufffdb\"", got)
}

func TestJSONIsBoundedInBothDirections(t *testing.T) {
	t.Parallel()
	large := "[" + strings.Repeat("{\"a\": \"b\"},", 1000) + "1]"
	_, err := expr.ParseJSON(large, 10_000)
	require.ErrorIs(t, err, expr.ErrLimit)
	v, err := expr.ParseJSON(large, 0)
	require.NoError(t, err)
	for _, limit := range []int{1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 1000} {
		_, err = expr.FormatJSON(v, limit)
		require.ErrorIs(t, err, expr.ErrLimit)
	}
	escapes := strings.Repeat("\x01", 100)
	_, err = expr.FormatJSON(expr.StringOf(escapes), 500)
	require.ErrorIs(t, err, expr.ErrLimit)
	_, err = expr.ParseJSON(`"`+strings.Repeat(`\n`, 100)+`"`, 100)
	require.ErrorIs(t, err, expr.ErrLimit)
}

// anyJSON generates what encoding/json would make of some JSON.
func anyJSON() *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny), rapid.Map(rapid.String(), toAny),
		rapid.Map(rapid.IntRange(-1e9, 1e9), func(n int) any { return float64(n) / 8 }),
	)
	value := scalar
	for range 3 {
		inner := rapid.OneOf(scalar, value)
		value = rapid.OneOf(
			scalar, rapid.Map(rapid.SliceOfN(inner, 0, 4), toAny),
			rapid.Map(rapid.MapOfN(rapid.StringMatching("[a-z]{1,3}"), inner, 0, 12), toAny),
		)
	}
	return value
}

func toAny[T any](v T) any { return v }

// TestJSONIsReadAsTheStandardLibraryReadsIt compares what is written again.
func TestJSONIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(anyJSON().Draw(t, "value"))
		require.NoError(t, err)
		v, err := expr.ParseJSON(string(text), 0)
		require.NoError(t, err)
		again, err := expr.FormatJSON(v, 0)
		require.NoError(t, err)
		require.JSONEq(t, string(text), again)
		var indented strings.Builder
		e := json.NewEncoder(&indented)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		require.NoError(t, e.Encode(json.RawMessage(again)))
		require.Equal(t, strings.TrimSpace(indented.String()), again)
	})
}

// TestWhatIsNoJSONIsRefused damages JSON at random, and asks the standard library.
func TestWhatIsNoJSONIsRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(anyJSON().Draw(t, "value"))
		require.NoError(t, err)
		at := rapid.IntRange(0, len(text)).Draw(t, "at")
		cut := rapid.IntRange(at, min(len(text), at+2)).Draw(t, "cut")
		put := rapid.SampledFrom([]string{
			"", ",", "]", "}", `"`, "1", "\\", "e", ".", "-", "0", " ", "\n", "u00",
		}).Draw(t, "put")
		damaged := string(text[:at]) + put + string(text[cut:])
		_, err = expr.ParseJSON(damaged, 0)
		require.Equal(t, json.Valid([]byte(damaged)), err == nil, "%q: %v", damaged, err)
	})
}
