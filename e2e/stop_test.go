//go:build linux

package e2e_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

// stubborn is a job that ignores SIGTERM, with children that do so too.
const stubborn = `
jobs:
  stubborn:
    steps:
      - run: |
          trap '' TERM
          (while :; do sleep 1; done) &
          setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &
          ` // and the start in the ledger

// TestCancel cancels a job that ends when it is told to, one that does not, and
// one that waits, and shows that no process of theirs is left.
func TestCancel(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	y.worker("w1", 2, "--grace", "1s")
	willing := y.submit(y.gated(1, gate(t), "true"))
	unwilling := y.submit("name: stubborn\n" + y.ledger.env("stubborn") + stubborn + note("start") + "\n          wait\n")
	y.ledger.starts(t, willing, 1, patience)
	y.ledger.starts(t, unwilling, 1, patience)
	waiting := y.submit(y.gated(1, gate(t), "true")) // there is no third slot

	for _, id := range []string{waiting, willing, unwilling} {
		p := y.cli("cancel", id, "--reason", "not needed")
		require.Zero(t, p.exit(), p.err.String())
		run := y.end(id)
		assert.Equal(t, cancelled, run.GetState())
		assert.Contains(t, run.GetReason()+run.GetJobs()[0].GetReason(), "not needed")
		eventually(t, goneWithin, "the processes of a cancelled run are gone", func() bool {
			return len(processesOfRun(t, id)) == 0
		})
	}
	assert.Empty(t, y.ledger.of(t, waiting, "start"))
	assert.Zero(t, y.cli("cancel", willing).exit(), "a cancel may be repeated")
	done := y.submit("jobs: {a: {steps: [{run: 'true'}]}}")
	y.end(done)
	assert.Equal(t, 2, y.cli("cancel", done).exit(), "what has ended otherwise cannot be cancelled")
	assert.Equal(t, success, y.end(done).GetState())
}

// TestWorkerDrain stops a worker with SIGTERM: the job that it runs goes on to its
// end, it takes no other, and it ends with 0.
func TestWorkerDrain(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	w1 := y.worker("w1", 2)
	g := gate(t)
	id := y.submit(y.gated(1, g, "true"))
	y.ledger.starts(t, id, 1, patience)
	w1.signal(syscall.SIGTERM)
	y.server.says("state=DRAINING")
	late := y.submit(y.gated(1, g, "true"))
	why := y.cli("why", late)
	assert.Contains(t, why.out.String(), "PENDING")
	t.Log(why.out.String())
	open(t, g)
	assert.Equal(t, success, y.end(id).GetState())
	assert.Zero(t, w1.exit(), w1.err.String())
	assert.Empty(t, y.ledger.of(t, late, "start"))

	y.worker("w2", 2)
	run := y.end(late)
	assert.Equal(t, success, run.GetState())
	assert.Len(t, run.GetJobs()[0].GetAttempts(), 1)
	assert.Equal(t, "w2", run.GetJobs()[0].GetAttempts()[0].GetWorkerId())
}

// TestServerStopLeavesJobsRunning stops the server with SIGTERM while a job runs
// and somebody watches: it ends in good time, and the job is found again.
func TestServerStopLeavesJobsRunning(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	w1 := y.worker("w1", 2)
	g := gate(t)
	id := y.submit(y.gated(1, g, "true"))
	y.ledger.starts(t, id, 1, patience)
	y.running(id, 1)
	watcher := start(t, "logs", []string{"YARDMASTER_API=http://" + y.api}, "logs", "-f", id+"/j0")
	select {
	case <-watcher.out.seen("attempt 1 begins"):
	case <-time.After(patience):
		require.Fail(t, "no log arrives", watcher.err.String())
	}
	begun := time.Now()
	y.stop()
	t.Logf("the server stopped in %s", time.Since(begun).Round(time.Millisecond))
	assert.NotEmpty(t, processesOfRun(t, id), "the job goes on")
	before := w1.err.Len()
	y.start()
	w1.saysAfter("msg=joined", before)
	open(t, g)
	run := y.end(id)
	assert.Equal(t, success, run.GetState())
	assert.Len(t, run.GetJobs()[0].GetAttempts(), 1)
	assert.Len(t, y.ledger.of(t, id, "start"), 1)
	text, end := readLog(t, y.client, id, 0, 1)
	assert.True(t, end.GetComplete())
	assert.Equal(t, "attempt 1 begins\nattempt 1 ends\n", text)
	watcher.exit()
	assert.Contains(t, watcher.out.String(), "attempt 1 ends", "the watcher went on: %s", watcher.err.String())
	assert.Equal(t, messages.Outcome_OUTCOME_SUCCEEDED, run.GetJobs()[0].GetAttempts()[0].GetOutcome())
}

// TestWorkerStopsWithoutAServer shows that a worker can be stopped in good order
// when its server is gone.
func TestWorkerStopsWithoutAServer(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	w1 := y.worker("w1", 2)
	y.stop()
	w1.signal(syscall.SIGTERM)
	assert.Zero(t, w1.exit(), w1.err.String())
}
