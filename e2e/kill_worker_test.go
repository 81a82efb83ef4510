//go:build linux

package e2e_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

const (
	// shortLease is the shortest that a server takes.
	shortLease = "5s"
	// goneWithin bounds how long processes may outlive their worker.
	goneWithin = 5 * time.Second
	// againWithin bounds how long a job may wait for another worker, at the shortest lease.
	againWithin = 30 * time.Second
)

// gated is a workflow of some jobs that wait for a gate; the name of the gate and
// end may refer to the attempt.
func (y *yard) gated(jobs int, gate, end string) string {
	src := "name: gated\n" + y.ledger.env("gated") + "jobs:\n"
	for i := range jobs {
		src += fmt.Sprintf("  j%d:\n    steps:\n      - run: |\n", i)
		for _, line := range []string{
			note("start"), `echo "attempt $YARDMASTER_ATTEMPT begins"`, passGate(gate),
			`echo "attempt $YARDMASTER_ATTEMPT ends"`, note("stop"), end,
		} {
			src += "          " + line + "\n"
		}
	}
	return src
}

// TestWorkerKilled kills a worker that holds jobs, and shows that their processes
// are gone, that another worker runs them again, and that users are told why.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	y := newYard(t, "--lease", shortLease)
	y.start()
	w1 := y.worker("w1", 4)
	g := gate(t)
	id := y.submit(y.gated(3, g, "true"))
	y.ledger.starts(t, id, 3, patience)
	y.running(id, 3)
	y.worker("w2", 4)
	require.NotEmpty(t, processesOfRun(t, id))

	w1.kill()
	killed := time.Now()
	eventually(t, goneWithin, "the processes of the killed worker's jobs are gone", func() bool {
		return len(processesOfRun(t, id)) == 0 || len(y.ledger.of(t, id, "start")) > 3
	})
	y.ledger.starts(t, id, 6, againWithin)
	t.Logf("on another worker after %s", time.Since(killed).Round(100*time.Millisecond))
	why := y.cli("why", id+"/j0")
	t.Log(why.out.String())
	assert.Contains(t, why.out.String(), "w1")
	open(t, g)

	run := y.end(id)
	assert.Equal(t, success, run.GetState(), run.GetReason())
	for _, j := range run.GetJobs() {
		checkSecondAttempt(t, j, "w1", "w2")
	}
	y.checkAttempts(id, 3)
}

// checkSecondAttempt checks that the first attempt at a job was lost and said
// why, and that the second one, on another worker, counts.
func checkSecondAttempt(t *testing.T, j *messages.Job, lost, won string) {
	t.Helper()
	require.Len(t, j.GetAttempts(), 2)
	first, second := j.GetAttempts()[0], j.GetAttempts()[1]
	assert.Equal(t, messages.Outcome_OUTCOME_LOST, first.GetOutcome())
	assert.Equal(t, lost, first.GetWorkerId())
	assert.Contains(t, first.GetReason(), lost)
	assert.Equal(t, messages.Outcome_OUTCOME_SUCCEEDED, second.GetOutcome(), second.GetReason())
	assert.Equal(t, won, second.GetWorkerId())
	assert.Greater(t, second.GetToken(), first.GetToken())
}

// checkAttempts checks in the ledger that each of n jobs was started twice, under
// growing tokens.
func (y *yard) checkAttempts(run string, n int) {
	y.t.Helper()
	tokens, starts := map[string]uint64{}, map[string]int{}
	for _, e := range y.ledger.of(y.t, run, "start") {
		assert.Greater(y.t, e.token, tokens[e.job], "%+v", e)
		tokens[e.job] = e.token
		starts[e.job]++
	}
	assert.Len(y.t, starts, n)
	for job, count := range starts {
		assert.Equal(y.t, 2, count, "starts of %s", job)
	}
}

// TestWorkerKilledAndStartedAgain starts a killed worker again, under its name
// and in its directory: the jobs are lost at once, and need not wait for a lease.
func TestWorkerKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	y := newYard(t, "--lease", "10m")
	y.start()
	dir := filepath.Join(t.TempDir(), "w1")
	w1 := y.workerIn(dir, "w1", 4)
	g := gate(t)
	id := y.submit(y.gated(2, g, "true"))
	y.ledger.starts(t, id, 2, patience)
	w1.kill()
	y.workerIn(dir, "w1", 4).says("msg=joined")
	y.ledger.starts(t, id, 4, againWithin)
	open(t, g)
	run := y.end(id)
	assert.Equal(t, success, run.GetState(), run.GetReason())
	for _, j := range run.GetJobs() {
		checkSecondAttempt(t, j, "w1", "w1")
	}
	y.checkAttempts(id, 2)
}

// TestFrozenWorkerIsRefused freezes a worker beyond its lease while its job goes
// on, and shows that what it reports when it thaws does not count: the job's
// result is that of the second attempt.
func TestFrozenWorkerIsRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t, "--lease", shortLease)
	y.start()
	w1 := y.worker("w1", 1)
	g := gate(t)
	id := y.submit(y.gated(1, g+"$YARDMASTER_ATTEMPT", `[ "$YARDMASTER_ATTEMPT" = 2 ] || exit 9`))
	y.ledger.starts(t, id, 1, patience)
	y.running(id, 1)
	y.worker("w2", 1)

	w1.signal(syscall.SIGSTOP)
	y.ledger.starts(t, id, 2, againWithin)
	open(t, g+"1") // the first attempt ends with 9, and its worker knows nothing of it yet
	eventually(t, patience, "the first attempt ends", func() bool { return len(y.ledger.of(t, id, "stop")) == 1 })
	before := w1.err.Len()
	w1.signal(syscall.SIGCONT)
	y.server.says("report refused")
	open(t, g+"2")

	run := y.end(id)
	assert.Equal(t, success, run.GetState(), run.GetReason())
	checkSecondAttempt(t, run.GetJobs()[0], "w1", "w2")
	text, end := readLog(t, y.client, id, 0, 2)
	assert.True(t, end.GetComplete())
	assert.Equal(t, "attempt 2 begins\nattempt 2 ends\n", text)
	assert.Positive(t, y.metric("yardmaster_reports_refused_total"))
	w1.saysAfter("msg=joined", before) // it is of use again
	y.checkAttempts(id, 1)
}
