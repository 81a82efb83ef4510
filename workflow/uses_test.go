package workflow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
)

func TestActionsAreKeptAsTheyAreGiven(t *testing.T) {
	t.Parallel()
	w := parse(t, `
defaults: {run: {shell: sh, working-directory: src}}
jobs:
  a:
    steps:
      - uses: Actions/Checkout@11bd71901bbe5b1630ceea73d27597364c9af683
        with:
          ref: ${{ github.head_ref }}
          fetch-depth: 0
          token: ${{ github.token }}
          lfs: false
          submodules:
      - uses: actions/setup-go@main
        with: {go-version: 1.20, cache: true}
`)
	steps := w.Jobs[0].Steps
	assert.Equal(t, []plan.Var{
		{Name: "ref", Value: "${{ github.head_ref }}"},
		{Name: "fetch-depth", Value: "0"},
		{Name: "token", Value: "${{ github.token }}"},
		{Name: "lfs", Value: "false"},
		{Name: "submodules"},
	}, steps[0].With)
	assert.Equal(t, "Run Actions/Checkout@11bd71901bbe5b1630ceea73d27597364c9af683", steps[0].Name)
	assert.Empty(t, steps[0].Shell+steps[0].WorkingDirectory, "they are those of scripts")
	assert.Equal(t, "1.20", steps[1].With[0].Value, "a version is no number")
	assert.Equal(t, []string{"git", "go=1.20"}, w.Jobs[0].RunsOn)
}

func TestAnActionDemandsWhatItNeedsOfAWorker(t *testing.T) {
	t.Parallel()
	setup := func(tool, with string) string { return "{uses: actions/setup-" + tool + "@v5, with: {" + with + "}}" }
	for name, tt := range map[string]struct {
		steps string
		want  []string
	}{
		"checkout":            {"{uses: actions/checkout@v4}", []string{"big", "git"}},
		"a version":           {setup("go", "go-version: 1.26"), []string{"big", "go=1.26"}},
		"all of it":           {setup("go", "go-version: '=1.26.8'"), []string{"big", "go=1.26.8"}},
		"any of it":           {setup("go", "go-version: 1.26.x"), []string{"big", "go=1.26"}},
		"a range":             {setup("node", "node-version: '>=20'"), []string{"big", "node"}},
		"with a v":            {setup("node", "node-version: v20"), []string{"big", "node=20"}},
		"python":              {setup("python", "python-version: '3.12'"), []string{"big", "python3=3.12"}},
		"java":                {setup("java", "distribution: zulu, java-version: 21"), []string{"big", "java=21"}},
		"the old java":        {setup("java", "java-version: 8"), []string{"big", "java"}},
		"a file":              {setup("go", "go-version-file: go.mod"), []string{"big", "go"}},
		"nothing said":        {"{uses: actions/setup-go@v5}", []string{"big", "go"}},
		"known at submission": {setup("go", "go-version: '${{ vars.GO }}'"), []string{"big", "go=1.25"}},
		"known later":         {setup("go", "go-version: '${{ env.GO }}'"), []string{"big", "go"}},
		"perhaps": {
			"{if: false, uses: actions/checkout@v4}, {continue-on-error: true, uses: actions/checkout@v4}", []string{"big"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := "jobs: {a: {runs-on: [big], steps: [" + tt.steps + "]}}"
			w := submit(t, src, workflow.Submission{Vars: map[string]string{"GO": "1.25"}})
			assert.Equal(t, tt.want, w.Jobs[0].RunsOn)
		})
	}
}

func TestEachCombinationDemandsItsOwnVersion(t *testing.T) {
	t.Parallel()
	w := parse(t, `
jobs:
  a:
    strategy: {matrix: {go: ['1.25', '^1.26']}}
    steps: [{uses: actions/setup-go@v5, with: {go-version: '${{ matrix.go }}'}}]
`)
	assert.Equal(t, []string{"go=1.25"}, w.Jobs[0].RunsOn)
	assert.Equal(t, []string{"go"}, w.Jobs[1].RunsOn)
	assert.Equal(t, w.Jobs[0].Steps, w.Jobs[1].Steps)
}
