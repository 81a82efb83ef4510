package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow"
)

// faultyFiles lays a folder with files of each kind, and returns its path.
func faultyFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, src := range map[string]string{
		"good.yml":         helloFile,
		"b/keys.yaml":      "name: x\non: push\njobs:\n  a:\n    runs-on: linux\n    stepz: []\n",
		"b/Syntax.YML":     "jobs: [\n",
		"a/needs.yml":      "jobs:\n  a: {needs: [b, a], steps: [{run: x}]}\n",
		"a/notes.txt":      "jobs: [",
		".git/refs/up.yml": "0123456789",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.yml"), 0o600))
	return dir
}

func TestLintShowsEveryFaultOfEveryFile(t *testing.T) {
	t.Parallel()
	dir, empty := faultyFiles(t), t.TempDir()
	good, keys := filepath.Join(dir, "good.yml"), filepath.Join(dir, "b/keys.yaml")
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"lint":            {[]string{dir}, 1},
		"lint_json":       {[]string{"-o", "json", dir}, 1},
		"lint_sarif":      {[]string{"-o", "sarif", keys, good}, 1},
		"lint_clean":      {[]string{good}, 0},
		"lint_clean_json": {[]string{good, "-o", "json"}, 0},
		"lint_twice":      {[]string{keys, filepath.Join(dir, "b/./keys.yaml"), filepath.Join(dir, "b"), "-", "-"}, 1},
		"lint_missing":    {[]string{filepath.Join(dir, "none.yml"), keys}, 2},
		"lint_missing_sarif": {
			[]string{"-o", "sarif", filepath.Join(dir, "none.yml")}, 2,
		},
		"lint_empty_folder": {[]string{empty}, 2},
		"lint_nothing":      {nil, 2},
		"lint_bad_output":   {[]string{"-o", "xml", good}, 2},
		"help_lint":         {[]string{"--help"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, nil)
			c.in = "name: stdin\n"
			code := c.run(append([]string{"lint"}, tt.args...)...)
			text := c.out.String() + "-- stderr --\n" + c.err.String()
			for what, placeholder := range map[string]string{
				dir: "DIR", empty: "EMPTY", strconv.Quote(readBuildInfo().Version): `"VERSION"`,
			} {
				text = strings.ReplaceAll(text, what, placeholder)
			}
			golden(t, name+".txt", text)
			assert.Equal(t, tt.code, code)
		})
	}
}

func TestLintIsColouredOnATerminalOnly(t *testing.T) {
	t.Parallel()
	path := workflowFile(t, "jobs:\n  a:\n    stepz: []\n")
	plain, coloured, asked := newCLI(t, nil), newCLI(t, nil), newCLI(t, nil)
	coloured.width, asked.width = 80, 80
	assert.Equal(t, exitFailed, plain.run("lint", path))
	assert.Equal(t, exitFailed, coloured.run("lint", path))
	assert.Equal(t, exitFailed, asked.run("lint", path, "--no-color"))
	assert.Equal(t, plain.out.String(), asked.out.String())
	assert.NotContains(t, plain.out.String(), "\x1b")
	assert.Contains(t, coloured.out.String(), "\x1b[32m^\x1b[0m\n")
	safe := sanitizer{}
	assert.Equal(t, plain.out.String(), string(safe.appendTo(nil, []byte(coloured.out.String()))))
}

func TestLintCanBeInterrupted(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "ci.yml")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	c := newCLI(t, nil)
	c.interrupt()
	assert.Equal(t, exitCancelled, c.run("lint", pipe))
	assert.Empty(t, c.out.String()+c.err.String())
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // for the reader that was left to end
	require.NoError(t, err)
	require.NoError(t, writer.Close())
}

// TestSARIFHasWhatItsSchemaRequires lints anything, and holds the log against the
// required parts and the ranges of the schema of SARIF 2.1.0.
func TestSARIFHasWhatItsSchemaRequires(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := new(lintReport)
		for range rapid.IntRange(0, 3).Draw(t, "files") {
			path := rapid.StringMatching(`(/|\.\./|)[a-z é%:?#]{1,8}`).Draw(t, "path")
			src := rapid.StringMatching(`(jobs:\n  [a:\[\]{}\n "-]{0,20}|[a-z:\n ]{0,20})`).Draw(t, "src")
			r.files = append(r.files, lintSource(path, []byte(src)))
		}
		if rapid.Bool().Draw(t, "unreadable") {
			r.cannot = []unreadable{{"x", "stat x: no such file"}}
		}
		checkSARIF(t, r)
	})
}

func checkSARIF(t require.TestingT, r *lintReport) {
	raw, err := json.Marshal(r.sarif("v1"))
	require.NoError(t, err)
	var log sarifLog
	require.NoError(t, json.Unmarshal(raw, &log))
	require.Equal(t, "2.1.0", log.Version)
	require.Len(t, log.Runs, 1)
	run := log.Runs[0]
	require.NotEmpty(t, run.Tool.Driver.Name)
	require.Len(t, run.Results, r.count())
	require.NotContains(t, string(raw), "null")
	require.Equal(t, len(r.cannot) == 0, run.Invocations[0].ExecutionSuccessful)
	require.Len(t, run.Invocations[0].Notifications, len(r.cannot))
	var ids []workflow.Rule
	for _, rule := range run.Tool.Driver.Rules {
		require.NotContains(t, ids, rule.ID)
		require.NotEmpty(t, rule.ShortDescription.Text)
		require.NotEmpty(t, rule.Help.Text)
		ids = append(ids, rule.ID)
	}
	for _, result := range run.Results {
		require.Equal(t, slices.Index(ids, result.RuleID), result.RuleIndex)
		require.GreaterOrEqual(t, result.RuleIndex, 0)
		require.NotEmpty(t, result.Message.Text)
		at := result.Locations[0].Physical
		require.Equal(t, run.Artifacts[at.Artifact.Index].Location, at.Artifact)
		_, err := url.Parse(at.Artifact.URI)
		require.NoError(t, err)
		require.Regexp(t, "^[!-~]+$", at.Artifact.URI)
		require.Positive(t, at.Region.StartLine)
		require.Positive(t, at.Region.StartColumn)
	}
}

func TestAShellCompletesFilesAndWhatCommandsPrint(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"lint --output": "text\njson\nsarif\n:4\n", "list --output": "text\njson\n:4\n", "lint": "yml\nyaml\n:8\n",
		"graph": "yml\nyaml\n:8\n", "graph --format": "text\ndot\nsvg\n:4\n",
	} {
		c := newCLI(t, nil)
		require.Zero(t, c.run(append(append([]string{"__complete"}, strings.Fields(args)...), "")...))
		assert.Equal(t, want, c.out.String())
	}
}

func TestTheUserGuideListsEveryRule(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/user-guide.md")
	require.NoError(t, err)
	for _, rule := range workflow.Rules() {
		assert.Contains(t, string(guide), "\n| `"+string(rule)+"` | ")
	}
}
