package workflow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
)

// matrix returns the keys of the cells of a job with that matrix.
func matrix(t *testing.T, src string) (keys []string) {
	t.Helper()
	for _, j := range parse(t, job("strategy: {matrix: "+src+"}")).Jobs {
		keys = append(keys, j.Key)
	}
	return keys
}

func TestAMatrixIsExpandedAsGitHubDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		want      []string
	}{
		{
			"last key varies fastest", "{os: [l, m], v: [1, 2]}",
			[]string{"a (l, 1)", "a (l, 2)", "a (m, 1)", "a (m, 2)"},
		},
		{"keys in the order of the file", "{z: [1], b: [2], y: [3]}", []string{"a (1, 2, 3)"}},
		{
			"exclude by all keys", "{os: [l, m], v: [1, 2], exclude: [{os: l, v: 2}]}",
			[]string{"a (l, 1)", "a (m, 1)", "a (m, 2)"},
		},
		{"exclude by some keys", "{os: [l, m], v: [1, 2], exclude: [{os: l}]}", []string{"a (m, 1)", "a (m, 2)"}},
		{"exclude before its keys", "{exclude: [{os: l}], os: [l, m]}", []string{"a (m)"}},
		{"include to all", "{os: [l, m], include: [{c: x}]}", []string{"a (l, x)", "a (m, x)"}},
		{"include to one", "{os: [l, m], include: [{os: m, c: x}]}", []string{"a (l)", "a (m, x)"}},
		{"include a new one", "{os: [l], include: [{os: w, c: x}]}", []string{"a (l)", "a (w, x)"}},
		{"include changes what include added", "{os: [l], include: [{c: x}, {c: y}]}", []string{"a (l, y)"}},
		{
			"include does not join new ones", "{os: [l], include: [{os: w}, {os: w, c: x}]}",
			[]string{"a (l)", "a (w)", "a (w, x)"},
		},
		{"include brings back", "{os: [l, m], exclude: [{os: l}], include: [{os: l}]}", []string{"a (m)", "a (l)"}},
		{
			"all excluded, one included", "{os: [l], exclude: [{os: l}], include: [{c: x}, {d: y}]}",
			[]string{"a (x)", "a (y)"},
		},
		{"include alone", "{include: [{os: l, v: 1}, {os: m}]}", []string{"a (l, 1)", "a (m)"}},
		{
			"include twice the same", "{include: [{os: l}, {os: l}, {v: l}]}",
			[]string{"a (l)", "a (l) #2", "a (l) #3"},
		},
		{"text is kept", "{v: [1.10, 0x1F, 1e3, true, null, 'q', 007]}", []string{
			"a (1.10)", "a (0x1F)", "a (1e3)", "a (true)", "a (null)", "a (q)", "a (007)",
		}},
		{
			"the documented example",
			"{fruit: [apple, pear], animal: [cat, dog], include: [{color: green}, {color: pink, animal: cat}, " +
				"{fruit: apple, shape: circle}, {fruit: banana}, {fruit: banana, animal: cat}]}",
			[]string{
				"a (apple, cat, pink, circle)", "a (apple, dog, green, circle)", "a (pear, cat, pink)",
				"a (pear, dog, green)", "a (banana)", "a (banana, cat)",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, matrix(t, tt.src))
		})
	}
}

func TestMatricesAreChecked(t *testing.T) {
	t.Parallel()
	of := func(src string) string { return job("strategy: {matrix: " + src + "}") }
	refuseAll(t, []refusal{
		{"unknown context", of("'${{ fromJSON(x) }}'"), "ci.yml:4:38: unknown context \"x\""},
		{"text", of(`"${{ 'a' }}"`), "ci.yml:4:24: expected a mapping of lists, found a string (fromJSON makes"},
		{"empty", of("{}"), "ci.yml:4:24: the matrix is empty"},
		{"no values", of("{os: []}"), `ci.yml:4:29: the matrix key "os" has no values`},
		{"scalar", of("{os: l}"), "ci.yml:4:29: expected a list of values, found a string"},
		{
			"large mapping", of("{os: [{a: " + strings.Repeat("x", 5000) + "}]}"),
			"ci.yml:4:30: a list or a mapping as a matrix value",
		},
		{"value of two lines", of(`{os: ["a\nb"]}`), "a matrix value must be one line of at most 200"},
		{"value with an expression", of("{os: ['${{ x }}']}"), "ci.yml:4:35: unknown context"},
		{"value twice", of("{os: [a, b, a]}"), `ci.yml:4:36: the value "a" stands here twice`},
		{"key", of("{a b: [1]}"), `"a b" is not a key of a matrix`},
		{
			"keys of one variable", of("{a-b: [1], a_b: [2]}"),
			`ci.yml:4:35: the matrix keys "a-b" and "a_b" would both be the variable YARDMASTER_MATRIX_A_B (rename one)`,
		},
		{
			"keys that differ in case", of("{include: [{os: a}, {os: b, OS: c}]}"),
			`ci.yml:4:52: the matrix keys "os" and "OS" would both be the variable YARDMASTER_MATRIX_OS`,
		},
		{
			"exclude of an unknown key", of("{os: [a], exclude: [{oz: a}]}"),
			`exclude names "oz", which is no key of the matrix (did you mean "os"?)`,
		},
		{"exclude alone", of("{exclude: [{os: a}]}"), "exclude needs keys with lists of values"},
		{"exclude all", of("{os: [a], exclude: [{os: a}]}"), "the matrix leaves no combination"},
		{"include mapping", of("{include: {a: 1}}"), "expected a list of mappings, found a mapping"},
		{"include of strings", of("{include: [a]}"), "expected a mapping, found a string"},
		{"empty entry", of("{include: [{}]}"), "an entry has from 1 to 32 keys"},
		{"too many cells", of("{n: " + numbers(257) + "}"), "the matrix has 257 combinations, more than 256"},
		{
			"far too many cells", of("{n: " + numbers(40) + ", m: " + numbers(40) + "}"),
			"the matrix has more than 1024 combinations",
		},
		{
			"vastly too many cells", of("{a: " + numbers(1000) + ", b: " + numbers(1000) + ", c: " + numbers(1000) +
				", d: " + numbers(1000) + ", e: " + numbers(1000) + ", f: " + numbers(1000) + ", g: " + numbers(1000) + "}"),
			"more than 1024 combinations",
		},
	})
	require.Len(t, parse(t, of("{n: "+numbers(256)+"}")).Jobs, plan.MaxCells)
}

// numbers returns the list [0,1,...] of n numbers.
func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",%d", i)
	}
	return "[" + strings.TrimPrefix(b.String(), ",") + "]"
}

// TestMatrixInvariants expands any matrix and checks what must hold of its cells.
func TestMatrixInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"k0", "k1", "k2"}[:rapid.IntRange(1, 3).Draw(t, "axes")]
		entry := rapid.Custom(func(t *rapid.T) string {
			var parts []string
			for _, k := range append([]string{"extra"}, names...) {
				if rapid.Bool().Draw(t, k) {
					parts = append(parts, fmt.Sprintf("%s: %d", k, rapid.IntRange(0, 4).Draw(t, "value")))
				}
			}
			if parts == nil {
				parts = []string{"extra: 9"}
			}
			return "{" + strings.Join(parts, ", ") + "}"
		})
		var keys []string
		product := 1
		for _, k := range names {
			n := rapid.IntRange(1, 4).Draw(t, "n")
			product *= n
			keys = append(keys, k+": "+numbers(n))
		}
		include := rapid.SliceOfN(entry, 0, 4).Draw(t, "include")
		keys = append(keys, "include: ["+strings.Join(include, ", ")+"]")
		src := job("strategy: {matrix: {" + strings.Join(keys, ", ") + "}}")
		w, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(w.Jobs); n < product || n > product+len(include) {
			t.Fatalf("%d cells of %d combinations and %d includes", n, product, len(include))
		}
		for i, j := range w.Jobs[:product] {
			rest := i
			for k := len(names) - 1; k >= 0; k-- {
				n := strings.Count(keys[k], ",") + 1
				if j.Matrix[k] != (plan.MatrixValue{Name: names[k], Text: fmt.Sprint(rest % n), JSON: fmt.Sprint(rest % n)}) {
					t.Fatalf("cell %d: an include changed %v", i, j.Matrix)
				}
				rest /= n
			}
		}
		if err := validate(w); err != nil {
			t.Fatal(err)
		}
	})
}
