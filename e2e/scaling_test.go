//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

// scaleFile has a class for everything and a dearer one for special work.
const scaleFile = `classes:
  - name: small
    provider: exec
    labels: [linux]
    slots: 2
    least: 1
    most: 4
    boot: 2s
    cooldown: {up: 1s, down: 2s}
    idle: 4s
  - name: large
    provider: exec
    labels: [linux, large]
    slots: 1
    most: 2
    boot: 2s
    cooldown: {up: 1s, down: 2s}
    idle: 4s
    cost: 5
`

// mixed is a workflow of some jobs that any worker can run, and some that only a
// large one can, each writing to the ledger.
func (y *yard) mixed(small, large int, takes string) string {
	var b strings.Builder
	b.WriteString("name: mixed\n" + y.ledger.env("mixed") + "jobs:\n")
	for i := range small + large {
		labels := "linux"
		if i >= small {
			labels = "[linux, large]"
		}
		script := strings.Join([]string{note("start"), "sleep " + takes, note("stop")}, "\n          ")
		fmt.Fprintf(&b, "  j%d:\n    runs-on: %s\n    steps:\n      - run: |\n          %s\n", i, labels, script)
	}
	return b.String()
}

// scaledYard is a yard whose server starts workers itself. None of them outlives
// the test.
func scaledYard(t *testing.T) *yard {
	t.Helper()
	y := newYard(t, "--scale-file", file(t, "scale.yml", scaleFile), "--lease", "10s")
	workers := filepath.Join(y.dir, "workers")
	t.Cleanup(func() {
		for _, pid := range workersIn(t, workers) {
			_ = syscall.Kill(-pid, syscall.SIGKILL) // it may have ended
		}
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(workers, "*", "worker.log"))
			for _, path := range logs {
				text, _ := os.ReadFile(path)
				t.Logf("%s:\n%s", path, tail(string(text)))
			}
		}
	})
	return y
}

// workersIn returns the process groups of the workers whose directories lie in dir,
// by their names: what a worker has just forked looks like it for a moment.
func workersIn(t *testing.T, dir string) (groups map[string]int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	groups = map[string]int{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		args := strings.Split(string(raw), "\x00")
		if err != nil || len(args) < 6 || args[1] != "worker" || !strings.HasPrefix(args[5], dir) {
			continue
		}
		var pid int
		_, err = fmt.Sscanf(path, "/proc/%d/", &pid)
		require.NoError(t, err)
		if groups[args[3]], err = syscall.Getpgid(pid); err != nil { // it has ended meanwhile
			delete(groups, args[3])
		}
	}
	return groups
}

func (y *yard) workers() map[string]int {
	y.t.Helper()
	return workersIn(y.t, filepath.Join(y.dir, "workers"))
}

// once requires that each job of a run succeeded with its first attempt, which
// started once.
func (y *yard) once(run *messages.Run) {
	y.t.Helper()
	require.Equal(y.t, success, run.GetState(), run.GetReason())
	for _, j := range run.GetJobs() {
		require.Len(y.t, j.GetAttempts(), 1, "job %s: %v", j.GetKey(), j)
	}
	for _, what := range []string{"start", "stop"} {
		seen := map[string]int{}
		for _, e := range y.ledger.of(y.t, run.GetRunId(), what) {
			seen[e.job]++
		}
		require.Len(y.t, seen, len(run.GetJobs()))
		for job, n := range seen {
			require.Equal(y.t, 1, n, "%s of %s", what, job)
		}
	}
}

// watchWorkers counts the workers until stop is called, which returns the most.
func (y *yard) watchWorkers() (stop func() int) {
	y.t.Helper()
	done, most := make(chan struct{}), make(chan int, 1)
	go func() { // ends with stop
		n := 0
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				most <- n
				return
			case <-tick.C:
				n = max(n, len(y.workers()))
			}
		}
	}()
	return func() int {
		close(done)
		return <-most
	}
}

// TestThePoolFollowsTheLoad runs waves of mixed jobs on workers that the server
// starts and stops by itself: the pool grows with each wave and shrinks behind it
// to its least, and no job is lost, restarted, or left waiting.
func TestThePoolFollowsTheLoad(t *testing.T) {
	t.Parallel()
	y := scaledYard(t)
	y.start()
	eventually(t, patience, "the least is there", func() bool { return len(y.workers()) == 1 })
	for wave := range 2 {
		stop := y.watchWorkers()
		var runs []string
		for range 4 {
			runs = append(runs, y.submit(y.mixed(10, 3, "1.5")))
		}
		for _, id := range runs {
			y.once(y.end(id))
		}
		most := stop()
		t.Logf("wave %d: %d workers at most", wave, most)
		assert.Greater(t, most, 3)
		assert.LessOrEqual(t, most, 6)
		eventually(t, patience, "the pool has shrunk to its least", func() bool { return len(y.workers()) == 1 })
	}
	var p *process
	eventually(t, patience, "the next round has seen that", func() bool {
		p = y.cli("scaling")
		return p.code == 0 && strings.Contains(p.out.String(), "nothing runs here, and nothing waits") &&
			!strings.Contains(p.out.String(), "drained")
	})
	assert.Regexp(t, `(?m)^small +1 +1 +0 +0 +1 to 4 +0$`, p.out.String())
	assert.Regexp(t, `(?m)^large +0 +0 +0 +0 +0 to 2 +0$`, p.out.String())
	assert.InDelta(t, 1, y.metric(`yardmaster_scaling_desired{class="small"}`), 0)
	y.stop()
}

// TestWorkersOfTheServerOutliveIt kills the server while workers boot and run, and
// starts it again: it finds its workers, asks for no others, and stops them later.
func TestWorkersOfTheServerOutliveIt(t *testing.T) {
	t.Parallel()
	y := scaledYard(t)
	y.start()
	id := y.submit(y.mixed(6, 1, "6"))
	y.ledger.starts(t, id, 4, patience)
	before := y.workers()
	y.server.kill()
	assert.Equal(t, before, y.workers(), "they go on")
	y.start()
	y.once(y.end(id))
	assert.LessOrEqual(t, len(y.workers()), 5)
	eventually(t, patience, "the pool has shrunk to its least", func() bool { return len(y.workers()) == 1 })
	y.stop()
}
