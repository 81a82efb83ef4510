package workflow_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
)

func faultsOf(t *testing.T, src string) workflow.Faults {
	t.Helper()
	var faults workflow.Faults
	_, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
	require.ErrorAs(t, err, &faults)
	return faults
}

func TestEachFaultHasARule(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src string
		rule      workflow.Rule
	}{
		{"no YAML", "a: [", workflow.RuleSyntax},
		{"empty", "", workflow.RuleSyntax},
		{"a key twice", "name: a\nname: b\n" + job(), workflow.RuleSyntax},
		{"a tag", "name: !x y\n" + job(), workflow.RuleSyntax},
		{"too long", strings.Repeat("#", workflow.MaxFileBytes+1), workflow.RuleLimit},
		{"too dense", strings.Repeat("- 1\n", 50_000), workflow.RuleLimit},
		{"too deep", "name: " + strings.Repeat("[", 64) + strings.Repeat("]", 64), workflow.RuleLimit},
		{
			"too many values", "x: &a [" + strings.Repeat("1,", 400) + "]\ny: &b [" + strings.Repeat("*a,", 400) + "]\n",
			workflow.RuleLimit,
		},
		{"too many labels", job("runs-on: [" + strings.Join(names(33), ", ") + "]"), workflow.RuleLimit},
		{"a misspelt key", job("stepz: 1"), workflow.RuleUnknownKey},
		{"a key that is not supported", job("container: x"), workflow.RuleUnsupported},
		{"a trigger that is not supported", "on: workflow_call\n" + job(), workflow.RuleUnsupported},
		{"a wrong kind", job("runs-on: {labels: {}}"), workflow.RuleType},
		{"a wrong kind in a matrix", job("strategy: {matrix: 1}"), workflow.RuleType},
		{"a wrong value", job("timeout-minutes: -1"), workflow.RuleValue},
		{"no jobs", "name: x\n", workflow.RuleValue},
		{"an unknown need", job("needs: b"), workflow.RuleNeeds},
		{"a need twice", "jobs:\n  a: {needs: [b, b], steps: [{run: x}]}\n  b: {steps: [{run: x}]}\n", workflow.RuleNeeds},
		{"a circle", "jobs:\n  a: {needs: b, steps: [{run: x}]}\n  b: {needs: a, steps: [{run: x}]}\n", workflow.RuleNeeds},
		{"an empty matrix", job("strategy: {matrix: {}}"), workflow.RuleMatrix},
		{"a value twice", job("strategy: {matrix: {a: [1, 1]}}"), workflow.RuleMatrix},
		{"behind a matrix", job("strategy: {matrix: {a: [1]}}", "timeout-minutes: -1"), workflow.RuleValue},
		{"too many cells in all", "jobs:\n" + cells(plan.MaxJobs/plan.MaxCells+1), workflow.RuleLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			faults := faultsOf(t, tt.src)
			is := func(f workflow.Fault) bool { return f.Rule == tt.rule }
			assert.True(t, slices.ContainsFunc(faults, is), "%v", faults)
		})
	}
}

// names returns n different words.
func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("n%d", i)
	}
	return all
}

// cells returns n jobs with the largest matrix that there may be.
func cells(n int) string {
	axis := "[" + strings.Join(names(16), ", ") + "]"
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  j%d: {strategy: {matrix: {a: %s, b: %s}}, steps: [{run: x}]}\n", i, axis, axis)
	}
	return b.String()
}

func TestTheLastOfTooManyFaultsHasARuleOfItsOwn(t *testing.T) {
	t.Parallel()
	faults := faultsOf(t, job()+strings.Join(names(workflow.MaxFaults+1), ": 1\n")+": 1\n")
	require.Len(t, faults, workflow.MaxFaults+1)
	for _, f := range faults[:workflow.MaxFaults] {
		assert.Equal(t, workflow.RuleUnknownKey, f.Rule)
	}
	assert.Equal(t, workflow.RuleFaults, faults[workflow.MaxFaults].Rule)
}

func TestEveryRuleIsExplained(t *testing.T) {
	t.Parallel()
	seen := map[workflow.Rule]bool{}
	for _, rule := range workflow.Rules() {
		what, advice := rule.About()
		assert.Regexp(t, `^[A-Z].*\.$`, what, rule)
		assert.Regexp(t, `^[A-Z].*\.$`, advice, rule)
		assert.Regexp(t, `^[a-z]+(-[a-z]+)*$`, string(rule))
		assert.False(t, seen[rule], rule)
		seen[rule] = true
	}
	what, advice := workflow.Rule("none").About()
	assert.Empty(t, what+advice)
	src, err := os.ReadFile("testdata/faults.yml")
	require.NoError(t, err)
	for _, f := range faultsOf(t, string(src)) {
		assert.True(t, seen[f.Rule], f.Error())
	}
}
