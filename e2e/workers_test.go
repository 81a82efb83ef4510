//go:build linux

package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

// waits is a workflow of one job on a label, which ends once there is a file.
func waits(label, gate string) string {
	return `name: waits
on: push
jobs:
  wait:
    runs-on: ` + label + `
    steps:
      - run: while [ ! -e '` + gate + `' ]; do sleep 0.05; done
`
}

// shown is what `workers show` says of a worker.
type shown struct {
	Worker struct {
		State    string   `json:"state"`
		HeldBack bool     `json:"held_back"`
		Labels   []string `json:"labels"`
		Jobs     []string `json:"jobs"`
	} `json:"worker"`
	History []struct {
		Principal string `json:"principal"`
		Changed   struct {
			State  string `json:"state"`
			Reason string `json:"reason"`
		} `json:"changed"`
	} `json:"history"`
}

func (y *yard) showWorker(id string) (s shown) {
	y.t.Helper()
	p := y.cli("workers", "show", id, "-o", "json")
	require.Zero(y.t, p.code, p.err.String())
	require.NoError(y.t, json.Unmarshal([]byte(p.out.String()), &s))
	return s
}

// TestWhatOperatorsSayOfWorkersSurvivesKills drains, labels and resumes workers
// while a job runs, and kills the server and a worker in between.
func TestWhatOperatorsSayOfWorkersSurvivesKills(t *testing.T) {
	y := newYard(t)
	y.start()
	dir := filepath.Join(t.TempDir(), "w1")
	w1 := y.workerIn(dir, "w1", 2)
	w1.says("msg=joined")
	gate := filepath.Join(t.TempDir(), "gate")
	long := y.submit(waits("linux", gate))
	y.running(long, 1)

	require.Zero(t, y.cli("workers", "label", "w1", "gpu").code)
	p := y.cli("workers", "drain", "w", "--reason", "its disk is old")
	require.Zero(t, p.code, p.err.String())
	assert.Contains(t, p.out.String(), "w1 is DRAINING, with the labels gpu, linux")

	from := w1.err.Len()
	y.server.kill()
	y.start()
	w1.saysAfter("msg=joined", from)
	s := y.showWorker("w1")
	assert.True(t, s.Worker.HeldBack, "%+v", s)
	assert.Equal(t, "WORKER_STATE_DRAINING", s.Worker.State)
	assert.Equal(t, []string{"gpu", "linux"}, s.Worker.Labels)
	assert.Equal(t, []string{long + ".0"}, s.Worker.Jobs, "what runs goes on")
	last := s.History[len(s.History)-1]
	assert.Equal(t, "held back: its disk is old", last.Changed.Reason)
	assert.Equal(t, "local", last.Principal)

	next := y.submit(waits("gpu", gate))
	drain := start(t, "drain", []string{"YARDMASTER_API=http://" + y.api}, "workers", "drain", "w1", "--wait")
	<-drain.out.seen("w1 still runs " + long + ".0")
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	require.Zero(t, drain.exit(), drain.err.String())
	assert.True(t, strings.HasSuffix(drain.out.String(), "w1 runs nothing any more\n"), drain.out.String())
	require.Equal(t, messages.JobState_JOB_STATE_SUCCESS, y.end(long).GetState())
	run, err := y.client.Run(bounded(t), next)
	require.NoError(t, err)
	assert.Equal(t, messages.JobState_JOB_STATE_PENDING, run.GetState(), "nothing new is taken")

	w1.kill() // its next life is held back as well, and keeps the label
	w1 = y.workerIn(dir, "w1", 2)
	w1.says("msg=joined")
	s = y.showWorker("w1")
	assert.True(t, s.Worker.HeldBack)
	assert.Equal(t, []string{"gpu", "linux"}, s.Worker.Labels)
	require.Zero(t, y.cli("workers", "resume", "w1").code)
	require.Equal(t, messages.JobState_JOB_STATE_SUCCESS, y.end(next).GetState())

	p = y.cli("workers", "drain", "w2")
	assert.Equal(t, 2, p.code)
	assert.Contains(t, p.err.String(), "there is no worker w2: did you mean w1?")
	w1.signal(syscall.SIGTERM)
	require.Zero(t, w1.exit(), w1.err.String())
	s = y.showWorker("w1")
	assert.Equal(t, "WORKER_STATE_GONE", s.Worker.State, "%+v", s)
	y.stop()
}
