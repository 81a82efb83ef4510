package workflow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/workflow"
)

func TestNamesOfStepsAreEvaluatedAsFarAsTheyAreKnown(t *testing.T) {
	t.Parallel()
	w, err := workflow.Parse("ci.yml", []byte(`
jobs:
  a:
    strategy: {matrix: {os: [linux, mac]}}
    env: {X: y}
    steps:
      - {name: "Build ${{ matrix.os }} of ${{ github.ref_name }}", run: x}
      - {name: "${{ env.X }}", run: x}
      - {name: "${{ github.run_id }}", run: x}
      - {name: "${{ toJSON(github) }}", run: x}
      - {name: "${{ vars.NONE }}", run: x}
      - {run: "echo ${{ matrix.os }}"}
      - {name: plain, run: x}
`), workflow.Submission{GitHub: map[string]string{"ref": "refs/heads/main"}})
	require.NoError(t, err)
	for i, os := range []string{"linux", "mac"} {
		var names []string
		for _, s := range w.Jobs[i].Steps {
			names = append(names, s.Name)
		}
		assert.Equal(t, []string{
			"Build " + os + " of main", "${{ env.X }}", "${{ github.run_id }}", "${{ toJSON(github) }}", "${{ vars.NONE }}",
			"Run echo " + os, "plain",
		}, names)
		assert.Equal(t, "echo ${{ matrix.os }}", w.Jobs[i].Steps[5].Run)
	}
}

func TestNotEveryStepGetsANameOfItsOwn(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("jobs:\n")
	values := strings.Repeat("1,", 200)
	for i, c := range "abcdef" {
		list := ""
		for k := range strings.Count(values, ",") {
			list += string(rune('a'+k%26)) + string(rune('a'+k/26)) + ", "
		}
		b.WriteString("  " + string(c) + ":\n    strategy: {matrix: {v: [" + list + "]}}\n    steps:\n")
		for range 20 + i {
			b.WriteString("      - {name: '${{ matrix.v }}', run: x}\n")
		}
	}
	w := parse(t, b.String())
	assert.Equal(t, "aa", w.Jobs[0].Steps[0].Name)
	assert.Equal(t, "${{ matrix.v }}", w.Jobs[len(w.Jobs)-1].Steps[0].Name)
}
