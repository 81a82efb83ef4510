//go:build linux

package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

// diamond returns a workflow whose job test fails until mended is there, and then
// waits for a gate.
func (y *yard) diamond(mended, gate string) string {
	job := func(id, needs, run string) string {
		return fmt.Sprintf("  %s:\n    runs-on: linux\n    needs: [%s]\n    steps:\n", id, needs) +
			fmt.Sprintf("      - run: |\n          %s\n          %s\n", note("start"), run)
	}
	return "name: diamond\n" + y.ledger.env("diamond") + "jobs:\n" +
		job("build", "", "echo built") + job("lint", "", "true") +
		job("test", "build", `[ -e "`+mended+`" ] && `+passGate(gate)) + job("ship", "test, lint", "echo shipped")
}

// TestRetryAcrossAServerKill tries what failed of a run again, kills the server
// meanwhile, and shows that what succeeded never ran twice.
func TestRetryAcrossAServerKill(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	w1 := y.worker("w1", 2)
	dir := t.TempDir()
	mended, g := filepath.Join(dir, "mended"), filepath.Join(dir, "gate")
	path := file(t, "diamond.yml", y.diamond(mended, g))

	submitted := y.cli("submit", path, "--project", "web", "--wait")
	assert.Equal(t, 1, submitted.code, submitted.err.String())
	first, _, _ := strings.Cut(submitted.out.String(), "\n")
	assert.Len(t, y.ledger.of(t, first, "start"), 3)
	refused := y.cli("retry", first+"/test")
	assert.Equal(t, 2, refused.code)

	open(t, mended)
	again := y.cli("retry", first, "--failed", "--key", "once more")
	require.Zero(t, again.code, again.err.String())
	second := strings.TrimSpace(again.out.String())
	assert.NotEqual(t, first, second)
	assert.Contains(t, again.err.String(), "taken over from "+first+": 2 of its jobs")
	y.ledger.starts(t, second, 1, patience)
	y.running(second, 1)
	early := y.cli("retry", second, "--failed")
	assert.Equal(t, 2, early.code)
	assert.Contains(t, early.err.String(), "is still RUNNING")

	before := w1.err.Len()
	y.server.kill()
	y.start()
	w1.saysAfter("msg=joined", before)
	pressed := y.cli("retry", first, "--failed", "--key", "once more")
	assert.Equal(t, second, strings.TrimSpace(pressed.out.String()), "pressed twice, one run")
	assert.Contains(t, pressed.err.String(), "was there already")
	open(t, g)
	run := y.end(second)
	assert.Equal(t, success, run.GetState())
	assert.Equal(t, first, run.GetRetryOf())
	assert.Equal(t, "web", run.GetProject())
	assert.Len(t, y.ledger.of(t, second, "start"), 2, "test and ship")
	for _, j := range run.GetJobs() {
		assert.Equal(t, messages.JobState_JOB_STATE_SUCCESS, j.GetState(), j.GetKey())
	}
	logs := y.cli("logs", second+"/build")
	assert.Contains(t, logs.out.String(), "built")
	assert.Contains(t, logs.err.String(), "taken over from run "+first)
	shown := y.cli("show", second)
	assert.Contains(t, shown.out.String(), "retries run "+first)
	nothing := y.cli("retry", second, "--failed")
	assert.Equal(t, 2, nothing.code)
	assert.Contains(t, nothing.err.String(), "nothing is left to be tried again")
}
