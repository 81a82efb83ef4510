//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"yardmaster/messages"
)

// smallDisk mounts a disk for the data of a server.
func (y *yard) smallDisk(size string) {
	t := y.t
	t.Helper()
	require.NoError(t, os.MkdirAll(y.dir, 0o700))
	if err := unix.Mount("tmpfs", y.dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no disk of our own: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(y.dir, unix.MNT_DETACH)) })
}

func (y *yard) resizeDisk(size string) {
	y.t.Helper()
	require.NoError(y.t, unix.Mount("", y.dir, "", unix.MS_REMOUNT, "size="+size))
}

// submitBig submits a run that takes a third of a megabyte and that nobody runs.
func (y *yard) submitBig(key string) (string, error) {
	y.t.Helper()
	src := "name: big\njobs: {a: {runs-on: nobody, steps: [{run: \"true # " + strings.Repeat("x", 300<<10) + key + "\"}]}}"
	res, err := y.client.RPC().SubmitRuns(bounded(y.t), connect.NewRequest(&messages.SubmitRunsRequest{
		FileName: "big.yml", Workflow: []byte(src), Submissions: []*messages.Submission{{IdempotencyKey: key}},
	}))
	if err != nil {
		return "", err
	}
	return res.Msg.GetRuns()[0].GetRunId(), nil
}

// submitUntilRefused returns the runs that were acknowledged, by key, and why the
// next one was not.
func (y *yard) submitUntilRefused() (map[string]string, error) {
	acked := map[string]string{}
	for i := range 500 {
		key := fmt.Sprint("key-", i)
		id, err := y.submitBig(key)
		if err != nil {
			y.t.Logf("%d acknowledged, then: %v", len(acked), err)
			return acked, err
		}
		acked[key] = id
	}
	require.FailNow(y.t, "the disk is never full")
	return nil, nil
}

func (y *yard) checkKeys(acked map[string]string) {
	t := y.t
	t.Helper()
	require.NotEmpty(t, acked)
	for key, id := range acked {
		run, err := y.client.Run(bounded(t), id)
		if assert.NoError(t, err, "%s was acknowledged", key) {
			assert.Equal(t, key, run.GetIdempotencyKey())
		}
	}
}

// TestFullDiskRefusesInTime fills the disk of a server with submissions, and shows
// that they are refused, in words, while jobs that run still store their results,
// and that they are accepted again when there is room.
func TestFullDiskRefusesInTime(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.smallDisk("16m")
	y.start()
	y.worker("w1", 2)
	g := gate(t)
	id := y.submit(y.gated(1, g, "true"))
	y.ledger.starts(t, id, 1, patience)
	acked, refusal := y.submitUntilRefused()
	assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(refusal))
	require.ErrorContains(t, refusal, "disk")
	p := y.cli("submit", file(t, "small.yml", "jobs: {a: {steps: [{run: 'true'}]}}"))
	assert.Equal(t, 3, p.exit())
	assert.Contains(t, p.err.String(), "disk")
	open(t, g)
	assert.Equal(t, success, y.end(id).GetState(), "what runs may end")
	y.checkKeys(acked)

	y.resizeDisk("28m") // more than half of it is taken
	_, err := y.submitBig("later")
	require.NoError(t, err, "it accepts again, without anybody's help")
	y.server.kill()
	y.start()
	y.checkKeys(acked)
	_, err = y.submitBig("last")
	require.NoError(t, err, "it accepts after a start, too")
}

// TestFullDiskLosesNothing lets something else fill the disk of a server to its
// last byte: the server stops, says so, and has all it acknowledged when it is
// started with room.
func TestFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.smallDisk("24m")
	y.start()
	acked := y.fill(40)
	ballast := filepath.Join(y.dir, "ballast")
	fill(t, ballast)
	_, err := y.submitBig("full")
	assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), err)

	var stopped []string
	begun := time.Now()
	for id := range acked { // a cancel may take from the reserve, of which nothing is left
		req := &messages.CancelRunRequest{RunId: id, Reason: strings.Repeat("r", 1000)}
		if err = y.client.Cancel(bounded(t), req); err != nil {
			break
		}
		stopped = append(stopped, id)
	}
	require.Error(t, err, "the disk takes more than it has")
	assert.Equal(t, 3, y.server.exit())
	assert.Contains(t, lastLine(y.server.err.String()), "disk")
	t.Logf("%d cancels acknowledged, then %v; ended after %s: %s", len(stopped), err,
		time.Since(begun).Round(time.Millisecond), lastLine(y.server.err.String()))
	require.NoError(t, os.Remove(ballast))
	y.start()
	for _, id := range stopped {
		assert.Equal(t, cancelled, y.end(id).GetState(), "a cancel that was acknowledged")
		delete(acked, id)
	}
	for id := range acked {
		_, err := y.client.Run(bounded(t), id)
		require.NoError(t, err, "%s was acknowledged", id)
	}
	y.submit("jobs: {a: {runs-on: nobody, steps: [{run: 'true'}]}}")
}

// fill writes a file until its disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}
