package expr_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow/expr"
)

// TestANumberSurvivesItsTextToFifteenDigits writes numbers and reads them again.
func TestANumberSurvivesItsTextToFifteenDigits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(-1e308, 1e308).Draw(t, "f") // beyond, rounding may end in Infinity
		text := expr.NumberOf(f).Text()
		again := expr.StringOf(text).Float()
		if f != 0 && !math.IsInf(f, 0) {
			require.InEpsilon(t, f, again, 1e-14)
		}
		require.Equal(t, text, expr.NumberOf(again).Text())
		digits := strings.Trim(strings.SplitN(text, "E", 2)[0], "-0")
		require.LessOrEqual(t, len(strings.TrimLeft(strings.Replace(digits, ".", "", 1), "0")), 15, text)
	})
}

func TestWholeNumbersAreWrittenPlainly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-999_999_999_999_999, 999_999_999_999_999).Draw(t, "n")
		require.Equal(t, strconv.FormatInt(n, 10), expr.NumberOf(float64(n)).Text())
		require.InDelta(t, float64(n), expr.StringOf(strconv.FormatInt(n, 10)).Float(), 0)
	})
}

// TestNumbersOfOtherBasesAreRoundedOnce compares with exact arithmetic.
func TestNumbersOfOtherBasesAreRoundedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching("[0-7]{1,40}").Draw(t, "digits")
		for prefix, base := range map[string]int{"0x": 16, "0o": 8} {
			exact, _ := new(big.Int).SetString(digits, base)
			want, _ := new(big.Float).SetInt(exact).Float64()
			require.InDelta(t, want, expr.StringOf(prefix+digits).Float(), 0)
		}
	})
	for _, text := range []string{"0x" + strings.Repeat("f", 300), "0o" + strings.Repeat("7", 400)} {
		require.True(t, math.IsInf(expr.StringOf(text).Float(), 1))
	}
	require.InDelta(t, 8, expr.StringOf("0o"+strings.Repeat("0", 400)+"10").Float(), 0)
}

// TestTextIsANumberWhenTheGrammarSaysSo compares with the standard library, where it
// accepts no more than GitHub.
func TestTextIsANumberWhenTheGrammarSaysSo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching("[-+]?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][-+]?[0-9]{0,2})?").Draw(t, "text")
		want, err := strconv.ParseFloat(text, 64)
		got := expr.StringOf(text).Float()
		switch {
		case text == "":
			require.Zero(t, got)
		case err != nil:
			require.True(t, math.IsNaN(got), text)
		default:
			require.InDelta(t, want, got, 0)
		}
		if strings.IndexAny(text, "eE") == 0 {
			return // it is a name
		}
		// As a literal it is the same, unless it is nothing.
		e, err := expr.Parse(text)
		if text == "" || math.IsNaN(got) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		v, ok := e.Literal()
		require.True(t, ok)
		require.InDelta(t, got, v.Float(), 0)
	})
}
