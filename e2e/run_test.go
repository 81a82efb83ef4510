//go:build linux

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExamplesRun runs each example as somebody does who has just got them.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "examples")
	require.NoError(t, os.CopyFS(dir, os.DirFS("../examples")))
	commit(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			p := yardmaster(t, []string{"TMPDIR=" + tmp}, "run", path)
			assert.Zero(t, p.code, p.out.String()+p.err.String())
			assert.Contains(t, p.out.String(), "SUCCESS")
			left, err := os.ReadDir(tmp)
			require.NoError(t, err)
			assert.Empty(t, left, "what it leaves behind")
		})
	}
}

// commit makes a repository of a directory.
func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "."}, {"commit", "--quiet", "--message=all"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "git %v: %s", args, out)
	}
}

// TestRunEndsWithTheVerdict runs workflows that fail.
func TestRunEndsWithTheVerdict(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for _, k := range kinds() {
		if k.name != "graph" && k.name != "broken" && k.name != "failing" {
			continue
		}
		path := file(t, k.name+".yml", string(k.source(y.ledger)))
		p := start(t, "run "+k.name, []string{"TMPDIR=" + t.TempDir()}, "run", path)
		want := 0
		if k.state == failed {
			want = 1
		}
		assert.Equal(t, want, p.exit(), "%s: %s", k.name, p.err.String())
	}
}

// TestRunIsInterrupted interrupts `yardmaster run` once, and twice.
func TestRunIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"once": false, "twice, with a job that ignores it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			trap := ""
			if again {
				trap = "trap '' TERM; "
			}
			src := "jobs: {a: {steps: [{run: \"" + trap + "echo begun $((6*7)); sleep 60 & sleep 60; wait\"}]}}"
			p := start(t, "run", []string{"TMPDIR=" + tmp}, "run", file(t, "long.yml", src))
			select {
			case <-p.out.seen("begun 42"):
			case <-time.After(patience):
				require.Fail(t, "no output", p.err.String())
			}
			mine := "YARDMASTER_WORKSPACE=" + tmp
			require.NotEmpty(t, processesOf(t, mine))
			begun := time.Now()
			p.signal(syscall.SIGINT)
			if again {
				<-time.After(300 * time.Millisecond) // two signals at once may be one
				p.signal(syscall.SIGINT)
			}
			assert.Equal(t, 130, p.exit(), p.err.String())
			t.Logf("ended after %s", time.Since(begun).Round(time.Millisecond))
			eventually(t, goneWithin, "the processes of its jobs are gone", func() bool {
				return len(processesOf(t, mine)) == 0
			})
		})
	}
}
