package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow/expr"
)

// tree is an expression of operators, with what it should be.
type tree struct {
	level int    // how tightly its operator binds
	plain string // with no more parentheses than it needs
	full  string // with parentheses around everything
	value expr.Value
}

// operators by how tightly they bind, and what they do.
var operators = []struct {
	level int
	sign  string
	apply func(a, b expr.Value) expr.Value
}{
	{1, "||", func(a, b expr.Value) expr.Value { return either(a.Truthy(), a, b) }},
	{2, "&&", func(a, b expr.Value) expr.Value { return either(a.Truthy(), b, a) }},
	{3, "==", func(a, b expr.Value) expr.Value { return expr.BoolOf(expr.Equal(a, b)) }},
	{3, "!=", func(a, b expr.Value) expr.Value { return expr.BoolOf(!expr.Equal(a, b)) }},
	{4, "<", func(a, b expr.Value) expr.Value { return expr.BoolOf(a.Float() < b.Float()) }},
	{4, "<=", func(a, b expr.Value) expr.Value { return expr.BoolOf(a.Float() <= b.Float()) }},
	{4, ">", func(a, b expr.Value) expr.Value { return expr.BoolOf(a.Float() > b.Float()) }},
	{4, ">=", func(a, b expr.Value) expr.Value { return expr.BoolOf(a.Float() >= b.Float()) }},
}

func either(first bool, a, b expr.Value) expr.Value {
	if first {
		return a
	}
	return b
}

const unary, operand = 5, 6

// draw makes a tree of numbers and booleans, which are what all operators order alike.
func draw(t *rapid.T, depth int) tree {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	switch {
	case depth == 0 || kind == 0:
		n := rapid.SampledFrom([]string{"0", "1", "2", "-1", "true", "false", "NaN", "0x2", "1e0"}).Draw(t, "number")
		e, err := expr.Parse(n)
		require.NoError(t, err)
		v, _ := e.Literal()
		return tree{operand, n, n, v}
	case kind == 1:
		of := draw(t, depth-1)
		return tree{unary, "!" + of.within(unary), "!(" + of.full + ")", expr.BoolOf(!of.value.Truthy())}
	}
	op := rapid.SampledFrom(operators).Draw(t, "operator")
	a, b := draw(t, depth-1), draw(t, depth-1)
	return tree{
		op.level,
		fmt.Sprintf("%s %s %s", a.within(op.level), op.sign, b.within(op.level+1)),
		fmt.Sprintf("(%s)%s(%s)", a.full, op.sign, b.full),
		op.apply(a.value, b.value),
	}
}

// within returns the text of a tree as an operand of an operator of a level.
func (n tree) within(level int) string {
	if n.level < level {
		return "(" + n.plain + ")"
	}
	return n.plain
}

// TestOperatorsBindAsTheyShould writes trees with all parentheses and with the fewest.
func TestOperatorsBindAsTheyShould(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := draw(t, rapid.IntRange(0, 6).Draw(t, "depth"))
		for _, text := range []string{n.plain, n.full, strings.ReplaceAll(n.plain, " ", ""), " " + n.plain + "\n"} {
			e, err := expr.Parse(text)
			require.NoError(t, err, text)
			v, err := e.Evaluate(&expr.Env{})
			require.NoError(t, err, text)
			require.Equal(t, show(n.value), show(v), text)
		}
	})
}
