package expr_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

// step is what an expression of a step may use in a file with two jobs.
func step() *expr.Scope {
	job := expr.Closed("property",
		expr.Property{Name: "result", Shape: expr.Text()},
		expr.Property{Name: "outputs", Shape: expr.Closed("output", expr.Property{Name: "tag", Shape: expr.Text()})})
	return &expr.Scope{
		Contexts: []expr.Property{
			{Name: "github", Shape: expr.Open(nil,
				expr.Property{Name: "ref", Shape: expr.Text()}, expr.Property{Name: "event"},
				expr.Property{Name: "run_number", Shape: expr.Numeric()})},
			{Name: "needs", Shape: expr.Closed("job",
				expr.Property{Name: "build", Shape: job}, expr.Property{Name: "test", Shape: job})},
			{Name: "matrix", Shape: expr.Closed("",
				expr.Property{Name: "os", Shape: expr.Text()}, expr.Property{Name: "debug", Shape: expr.Flag()},
				expr.Property{Name: "targets", Shape: expr.ListOf(expr.Closed("key", expr.Property{Name: "arch"}))})},
			{Name: "steps", Shape: expr.Closed("step")},
			{Name: "env", Shape: expr.Open(expr.Text())},
			{Name: "inputs"},
		},
		Functions:   []string{"success", "failure", "always", "cancelled", "hashFiles"},
		NoArguments: true,
	}
}

// jobIf is what the condition of a job may use.
func jobIf() *expr.Scope {
	return &expr.Scope{
		Contexts:  []expr.Property{{Name: "github"}, {Name: "inputs"}, {Name: "vars"}, {Name: "needs"}},
		Functions: []string{"always", "success", "failure", "cancelled"},
	}
}

func faults(t *testing.T, text string, scope *expr.Scope) string {
	t.Helper()
	var b strings.Builder
	for _, f := range parse(t, text).Check(scope) {
		fmt.Fprintf(&b, "%d-%d %s", f.Offset, f.End, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(&b, " (%s)", f.Hint)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestWhatIsWrongWithNamesIsFoundBeforeARun checks the expressions of a golden file, in
// which each has its faults below it.
func TestWhatIsWrongWithNamesIsFoundBeforeARun(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	in, err := os.ReadFile("testdata/check.golden")
	require.NoError(t, err)
	for text := range strings.Lines(string(in)) {
		if strings.HasPrefix(text, "\t") {
			continue // a fault of the expression above
		}
		text = strings.TrimSpace(text)
		fmt.Fprintf(&got, "%s\n", text)
		for row := range strings.Lines(faults(t, text, step())) {
			got.WriteString("\t" + row)
		}
	}
	golden(t, "check.golden", got.String())
}

// golden compares got with a file of testdata; UPDATE=1 rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestWhatIsNotAvailableHereIsToldWithWhatIs(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"secrets.TOKEN":       "0-7 the context \"secrets\" is not available here (there are github, inputs, needs, vars)\n",
		"Matrix.os":           "0-6 the context \"Matrix\" is not available here (there are github, inputs, needs, vars)\n",
		"success('build')":    "",
		"needs.x && always()": "",
		"hashFiles('x')": "0-9 the function hashFiles is not available here (there are always, cancelled, case, contains, " +
			"endsWith, failure, format, fromJSON, join, startsWith, success, toJSON)\n",
	}
	for text, want := range tests {
		require.Equal(t, want, faults(t, text, jobIf()), text)
	}
	require.Equal(t, "0-1 unknown context \"a\" (there are none)\n", faults(t, "a", &expr.Scope{}))
}

func TestFaultsAreInTheOrderOfTheTextAndNotTooMany(t *testing.T) {
	t.Parallel()
	got := parse(t, strings.Repeat("nope.x || nope() || needs.nope || ", 200)+"1").Check(step())
	require.Len(t, got, expr.MaxFaults)
	for i := 1; i < len(got); i++ {
		require.Greater(t, got[i].Offset, got[i-1].Offset)
	}
	template, err := expr.ParseTemplate(strings.Repeat("${{ nope }} ${{ needs.test }} ", 200))
	require.NoError(t, err)
	got = template.Check(step())
	require.Len(t, got, expr.MaxFaults)
	require.Equal(t, 34, got[1].Offset)
}

func TestNamesAreSuggestedOnlyWhenTheyAreNear(t *testing.T) {
	t.Parallel()
	var many []expr.Property
	for i := range 300 {
		many = append(many, expr.Property{Name: fmt.Sprintf("job%d", i)})
	}
	scope := func(properties ...expr.Property) *expr.Scope {
		return &expr.Scope{Contexts: []expr.Property{{Name: "needs", Shape: expr.Closed("job", properties...)}}}
	}
	x := strings.Repeat("x", 50)
	require.Contains(t, faults(t, "needs.jb1", scope(many[:200]...)), `did you mean "job1"?`)
	require.Contains(t, faults(t, "needs.jb1", scope(many...)), "there are job0, job1, job10, ")
	require.Contains(t, faults(t, "needs.jb1", scope(expr.Property{Name: x})), "there are xxx")
	require.Contains(t, faults(t, "needs."+x+"y", scope(expr.Property{Name: x})), "there are xxx")
	require.Contains(t, faults(t, "needs['']", scope(many[:2]...)), "there are job0, job1")
	require.Contains(t, faults(t, "needs['a b']", scope(expr.Property{Name: "a-b"})), `"a b" (did you mean "a-b"?)`)
}

func TestReferencesAreWhatAnExpressionUses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1":                                       "",
		"github":                                  "github@0-6",
		"secrets.TOKEN":                           "secrets.TOKEN@0-13",
		"Secrets['TOKEN'] || secrets.other":       "secrets.TOKEN@0-16 secrets.other@20-33",
		"needs.*.result":                          "needs.*.result@0-14",
		"needs.build.outputs['a-b'][0].x":         "needs.build.outputs.a-b.0.x@0-31",
		"needs[matrix.job].outputs.tag":           "needs...@0-5 matrix.job@6-16",
		"needs.a[matrix.b[env.c].d].e":            "needs.a...@0-7 matrix.b...@8-16 env.c@17-22",
		"toJSON(secrets)":                         "secrets@7-14",
		"fromJSON(needs.a.outputs.b).c[inputs.d]": "needs.a.outputs.b@9-26 inputs.d@30-38",
		"contains(github.ref, 'x') && !matrix.a":  "github.ref@9-19 matrix.a@30-38",
		"(github.event || env).x == vars.y":       "github.event@1-13 env@17-20 vars.y@27-33",
		"(github).ref":                            "github.ref@1-12",
		"case(a, b.c, d)":                         "a@5-6 b.c@8-11 d@13-14",
	} {
		require.Equal(t, want, listed(parse(t, text).References()), text)
	}
	template, err := expr.ParseTemplate("a ${{ secrets.A }} ${{ 1 }} ${{ secrets.B }}")
	require.NoError(t, err)
	require.Equal(t, "secrets.A@6-15 secrets.B@32-41", listed(template.References()))
}

func listed(references []expr.Reference) string {
	var all []string
	for _, r := range references {
		path := strings.Join(append([]string{r.Context}, r.Path...), ".")
		if r.Dynamic {
			path += "..."
		}
		all = append(all, fmt.Sprintf("%s@%d-%d", path, r.Offset, r.End))
	}
	return strings.Join(all, " ")
}
