//go:build linux

package e2e_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ledger is a file to which the jobs themselves append what they do: the truth
// beside what the product says. A line is appended with one write.
type ledger struct{ path string }

// entry is one line of it.
type entry struct {
	what    string // start or stop
	tag     string // of the workflow
	job     string // RUN.INDEX
	attempt int
	token   uint64
	pid     int
}

// note is a shell command that appends an entry.
func note(what string) string {
	return `echo "` + what + ` $TAG $YARDMASTER_JOB_ID $YARDMASTER_ATTEMPT $YARDMASTER_TOKEN $$" >> "$LEDGER"`
}

// env is the environment that note needs, as a line of a workflow file.
func (l ledger) env(tag string) string {
	return fmt.Sprintf("env: {LEDGER: %q, TAG: %q}\n", l.path, tag)
}

// read returns all entries in their order.
func (l ledger) read(t *testing.T) []entry {
	t.Helper()
	f, err := os.Open(l.path)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	defer f.Close()
	var all []entry
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e entry
		_, err := fmt.Sscan(lines.Text(), &e.what, &e.tag, &e.job, &e.attempt, &e.token, &e.pid)
		require.NoError(t, err, lines.Text())
		all = append(all, e)
	}
	require.NoError(t, lines.Err())
	return all
}

// of returns the entries of one kind about a run, or all when run is empty.
func (l ledger) of(t *testing.T, run, what string) []entry {
	t.Helper()
	var some []entry
	for _, e := range l.read(t) {
		if strings.HasPrefix(e.job, run) && e.what == what {
			some = append(some, e)
		}
	}
	return some
}

// starts waits until the ledger has n starts of a run's jobs, and returns them.
func (l ledger) starts(t *testing.T, run string, n int, within time.Duration) []entry {
	t.Helper()
	var all []entry
	eventually(t, within, fmt.Sprintf("%d starts of %s", n, run), func() bool {
		all = l.of(t, run, "start")
		return len(all) >= n
	})
	return all
}

// gate is a file that jobs wait for.
func gate(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "gate")
}

// passGate is a shell command that waits for a gate, or for the end of the test.
func passGate(path string) string {
	return `while [ ! -e "` + path + `" ] && [ -d "` + filepath.Dir(path) + `" ]; do sleep 0.05; done`
}

func open(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, nil, 0o600))
}

// processesOf returns the processes that carry a mark in their environment.
func processesOf(t *testing.T, mark string) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var all []int
	for _, dir := range dirs {
		raw, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err == nil && strings.Contains("\x00"+string(raw), "\x00"+mark) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			all = append(all, pid)
		}
	}
	return all
}

// processesOfRun returns the processes of the steps of a run.
func processesOfRun(t *testing.T, run string) []int {
	t.Helper()
	return processesOf(t, "YARDMASTER_RUN_ID="+run)
}
