package expr_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow/expr"
)

// upper is the upper case by which GitHub compares, as a table of runes says it.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 'ı' || r == 'ſ' {
			return r
		}
		return unicode.ToUpper(r)
	}, s)
}

// letters generates texts in which letters of all sorts meet their other forms.
func letters() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		some := rapid.SampledFrom([]rune("aAbB[_zZéÉßẞıIiİſsSKkKςσΣµΜǆǅǄ𐐨𐐀😀￿￮\ue000 1"))
		return string(rapid.SliceOfN(some, 0, 6).Draw(t, "runes"))
	})
}

// TestTextsCompareByTheirUpperCaseInUTF16 compares with a model that copies.
func TestTextsCompareByTheirUpperCaseInUTF16(t *testing.T) {
	t.Parallel()
	both := parse(t, "format('{0} {1} {2}', t.a == t.b, t.a < t.b, t.a > t.b)")
	rapid.Check(t, func(t *rapid.T) {
		a, b := letters().Draw(t, "a"), letters().Draw(t, "b")
		x, y := utf16.Encode([]rune(upper(a))), utf16.Encode([]rune(upper(b)))
		want := map[int]string{-1: "false true false", 0: "true false false", 1: "false false true"}
		v, err := both.Evaluate(texts(a, b))
		require.NoError(t, err)
		require.Equal(t, want[slices.Compare(x, y)], v.Text())
	})
}

func texts(a, b string) *expr.Env {
	return &expr.Env{Contexts: map[string]expr.Value{"t": expr.ObjectOf(
		expr.Field{Key: "a", Value: expr.StringOf(a)}, expr.Field{Key: "b", Value: expr.StringOf(b)})}}
}

func TestPartsOfTextsAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	all := parse(t, "format('{0} {1} {2}', contains(t.a, t.b), startsWith(t.a, t.b), endsWith(t.a, t.b))")
	rapid.Check(t, func(t *rapid.T) {
		whole := letters().Draw(t, "whole")
		part := letters().Draw(t, "part")
		if rapid.Bool().Draw(t, "inside") {
			runes := []rune(whole)
			from := rapid.IntRange(0, len(runes)).Draw(t, "from")
			part = strings.ToUpper(string(runes[from:rapid.IntRange(from, len(runes)).Draw(t, "to")]))
		}
		a, b := upper(whole), upper(part)
		want := []bool{strings.Contains(a, b), strings.HasPrefix(a, b), strings.HasSuffix(a, b)}
		v, err := all.Evaluate(texts(whole, part))
		require.NoError(t, err)
		for i, word := range strings.Fields(v.Text()) {
			require.Equal(t, want[i], word == "true", i)
		}
	})
}

func TestKeysAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(letters(), 0, 12).Draw(t, "keys")
		var fields []expr.Field
		for i, key := range keys {
			fields = append(fields, expr.Field{Key: key, Value: expr.NumberOf(float64(i))})
		}
		object := expr.ObjectOf(fields...)
		asked := rapid.OneOf(letters(), rapid.SampledFrom(append(keys, ""))).Draw(t, "asked")
		first := slices.IndexFunc(keys, func(key string) bool { return upper(key) == upper(asked) })
		v, ok := object.Get(asked)
		require.Equal(t, first >= 0, ok)
		if ok {
			require.InDelta(t, first, v.Float(), 0)
		}
	})
}

func TestTextThatIsNoUnicodeIsComparedToo(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"a\xff", "A\xff"}, {"\xff", "\xff"}} {
		require.True(t, expr.Equal(expr.StringOf(pair[0]), expr.StringOf(pair[1])))
	}
	require.False(t, expr.Equal(expr.StringOf("\xff"), expr.StringOf("a")))
	require.False(t, expr.Equal(expr.StringOf("a\xff"), expr.StringOf("a")))
}
