package workflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
)

func TestVariablesKeepTheirText(t *testing.T) {
	t.Parallel()
	w := parse(t, "env: {N: 1.10, B: true, GITHUB_TOKEN: '${{ secrets.GITHUB_TOKEN }}', cache-key: x, E: }\n"+job())
	require.Equal(t, []plan.Var{
		{Name: "N", Value: "1.10"},
		{Name: "B", Value: "true"},
		{Name: "GITHUB_TOKEN", Value: "${{ secrets.GITHUB_TOKEN }}"},
		{Name: "cache-key", Value: "x"},
		{Name: "E"},
	}, w.Jobs[0].Env)
}

func TestMatrixValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	w := parse(t, job(`strategy: {matrix: {v: [a, "1", 1.10, -0x1, 0x1F, 0o17, 010, 1_000, 1e3, .5, .inf, true, FALSE,`+
		` null, [1, {a: null}], {x: "1", y: [false]}, 2001-01-01, yes]}}`))
	var got []string
	for _, j := range w.Jobs {
		require.Len(t, j.Matrix, 1)
		got = append(got, j.Matrix[0].Text+" = "+j.Matrix[0].JSON)
	}
	require.Equal(t, []string{
		"a = ", "1 = ", "1.10 = 1.1", "-0x1 = ", "0x1F = 31", "0o17 = 15", "010 = 10", "1_000 = ", "1e3 = 1000", ".5 = 0.5",
		".inf = ", "true = true", "FALSE = false", "null = null", `[1,{"a":null}] = [1,{"a":null}]`,
		`{"x":"1","y":[false]} = {"x":"1","y":[false]}`, "2001-01-01 = ", "yes = ",
	}, got)
	require.Equal(t, "a (1) #2", w.Jobs[14].Key)
	require.Equal(t, "a (1, false)", w.Jobs[15].Key)
}
