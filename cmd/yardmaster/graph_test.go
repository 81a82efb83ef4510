package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const twelveCells = `name: Cells
jobs:
  report: {name: Say it, needs: [test, lint], steps: [{run: x}]}
  test:
    strategy: {matrix: {os: [linux, macos, windows], go: [1.24, 1.25, 1.26, tip]}}
    steps: [{run: x}]
  lint: {steps: [{run: x}]}
`

func TestGraphShowsThePlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"graph":            {nil, 0},
		"graph_expand":     {[]string{"--expand"}, 0},
		"graph_json":       {[]string{"-o", "json"}, 0},
		"graph_dot":        {[]string{"--format", "dot"}, 0},
		"graph_svg":        {[]string{"--format", "svg", "--expand"}, 0},
		"graph_bad_format": {[]string{"--format", "png"}, 2},
		"graph_both":       {[]string{"--format", "svg", "-o", "json"}, 2},
		"graph_two_files":  {[]string{"other.yml"}, 2},
		"help_graph":       {[]string{"--help"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, nil)
			c.in = twelveCells
			code := c.run(append([]string{"graph", "-"}, tt.args...)...)
			golden(t, name+".txt", c.out.String()+"-- stderr --\n"+c.err.String())
			assert.Equal(t, tt.code, code)
		})
	}
}

func TestGraphKeepsToTheLocale(t *testing.T) {
	t.Parallel()
	c := newCLI(t, nil)
	c.in, c.env["LANG"] = twelveCells, "C"
	require.Zero(t, c.run("graph", "-"))
	assert.Equal(t, -1, strings.IndexFunc(c.out.String(), func(r rune) bool { return r > '~' }), c.out.String())
}

func TestAFaultyFileHasNoGraph(t *testing.T) {
	t.Parallel()
	file := workflowFile(t, "jobs:\n  a:\n    stepz: []\n")
	c := newCLI(t, nil)
	assert.Equal(t, exitUsage, c.run("graph", file))
	assert.Contains(t, c.err.String(), "    3 |     stepz: []\n      |     ^\n")
	assert.Empty(t, c.out.String())
	require.NoError(t, os.Remove(file))
	assert.Equal(t, exitUsage, newCLI(t, nil).run("graph", file))
}
