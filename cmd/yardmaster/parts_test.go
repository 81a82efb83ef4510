package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/messages"
)

// partsDeadline is far beyond what any part needs.
const partsDeadline = time.Minute

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

// takenAddress returns an address that somebody listens on.
func takenAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// testNode is the configuration of a node that listens.
func testNode(t *testing.T) nodeConfig {
	t.Helper()
	return nodeConfig{
		DataDir: filepath.Join(t.TempDir(), "data"), NodeID: "n1", Listen: freeAddress(t), NATSListen: freeAddress(t),
		Partitions: 2, QueueLimit: 100, KeepRuns: 100, Lease: 20 * time.Second, DrainTimeout: partsDeadline,
		Logger: slog.New(slog.DiscardHandler),
	}
}

func testWorker(t *testing.T, natsAddress string) workerConfig {
	t.Helper()
	return workerConfig{
		Server: "nats://" + natsAddress, ID: "w1", WorkDir: filepath.Join(t.TempDir(), "work"), Labels: []string{"linux"},
		NoProbe: true, Slots: 2, Grace: time.Second, DrainTimeout: partsDeadline, LogCap: 1 << 20,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// stopper is a part that runs.
type stopper interface {
	Stop(ctx context.Context) error
}

// stop stops a part in good order.
func stop(t *testing.T, part stopper) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), partsDeadline)
	defer cancel()
	require.NoError(t, part.Stop(ctx))
}

// nodeOf starts a node that ends with the test, if it was not stopped before.
func nodeOf(t *testing.T, cfg nodeConfig) *node {
	t.Helper()
	n, err := startNode(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, n) })
	return n
}

func workerOf(t *testing.T, cfg workerConfig) *workerNode {
	t.Helper()
	w, err := startWorker(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, w) })
	return w
}

// user speaks to a node's API.
type user struct {
	*testing.T
	*api.Client
}

func userOf(t *testing.T, n *node) user {
	t.Helper()
	c, err := api.NewClient(n.APIURL(), "")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return user{t, c}
}

func (u user) submit(src string) (id string) {
	u.Helper()
	runs, err := u.Submit(u.Context(), &messages.SubmitRunsRequest{FileName: "ci.yml", Workflow: []byte(src)})
	require.NoError(u, err)
	return runs[0].GetRunId()
}

// await waits until a run is in a state.
func (u user) await(id string, state messages.JobState) *messages.Run {
	u.Helper()
	ctx, cancel := context.WithTimeout(u.Context(), partsDeadline)
	defer cancel()
	seen := errors.New("seen")
	var run *messages.Run
	look := func(*messages.WatchRunsResponse) (err error) {
		if run, err = u.Client.Run(ctx, id); err == nil && run.GetState() == state {
			err = seen
		}
		return err
	}
	if err := u.Watch(ctx, id, look); !errors.Is(err, seen) { // the watch ends with the run
		require.ErrorIs(u, look(nil), seen, "run is %v", run)
	}
	return run
}

func (u user) log(id string, job uint32) string {
	u.Helper()
	ctx, cancel := context.WithTimeout(u.Context(), partsDeadline)
	defer cancel()
	var text strings.Builder
	req := &messages.ReadLogRequest{RunId: id, JobIndex: job, Attempt: 1}
	err := u.ReadLog(ctx, req, func(r *messages.ReadLogResponse) error {
		for _, p := range r.GetParts() {
			text.Write(p.GetData())
		}
		return nil
	})
	require.NoError(u, err)
	return text.String()
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(text)
}

// gated is a workflow whose job ends once there is a file at gate.
func gated(gate string) string {
	return `name: gated
on: push
jobs:
  wait:
    runs-on: linux
    steps:
      - run: |
          echo begun
          while [ ! -e '` + gate + `' ]; do sleep 0.05; done
          echo done
`
}

func TestRunRunsTheExamplesForReal(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"hello.yml": "Hello, world!", "pipeline.yml": "", "matrix.yml": ""} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, nil)
			c.launch = systemLauncher()
			dir := t.TempDir()
			require.Zero(t, c.run("run", filepath.Join("..", "..", "examples", file), "--data-dir", dir, "--slots", "3"),
				c.out.String()+c.err.String())
			assert.Contains(t, c.out.String(), want)
			assert.Contains(t, c.out.String(), "SUCCESS")
			assert.DirExists(t, filepath.Join(dir, "server"))
		})
	}
}

// TestAWorkerOutlivesItsServer begins with the worker: it joins the server that
// is started later, keeps its job while that stops, and is found again.
func TestAWorkerOutlivesItsServer(t *testing.T) {
	t.Parallel()
	cfg := testNode(t)
	worker := testWorker(t, cfg.NATSListen)
	worker.MetricsListen = freeAddress(t)
	w := workerOf(t, worker)
	assert.Contains(t, scrape(t, "http://"+worker.MetricsListen), "yardmaster_nats_connected 0")

	n := nodeOf(t, cfg)
	u := userOf(t, n)
	early := u.submit(helloFile)
	u.await(early, success)
	assert.Contains(t, u.log(early, 0), "hello")
	metrics := scrape(t, n.APIURL())
	assert.Contains(t, metrics, `yardmaster_workers{state="AVAILABLE"} 1`)
	assert.Contains(t, metrics, `yardmaster_jobs_ended_total{state="SUCCESS"} 1`)
	assert.Contains(t, metrics, "yardmaster_journal_append_seconds_count")
	assert.Contains(t, scrape(t, "http://"+worker.MetricsListen), "yardmaster_nats_connected 1")

	gate := filepath.Join(t.TempDir(), "gate")
	id := u.submit(gated(gate))
	u.await(id, running)
	require.NoError(t, n.actors.Compact(t.Context()))
	stop(t, n)
	_, err := net.Dial("tcp", cfg.Listen)
	require.Error(t, err, "nobody listens any more")

	n = nodeOf(t, cfg)
	u = userOf(t, n)
	run, err := u.Client.Run(t.Context(), early)
	require.NoError(t, err)
	assert.Equal(t, success, run.GetState(), "the earlier run is there")
	assert.Contains(t, u.log(early, 0), "hello")
	run, err = u.Client.Run(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, running, run.GetState(), "and the job that runs")
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	run = u.await(id, success)
	require.Len(t, run.GetJobs()[0].GetAttempts(), 1, "it was not started again")
	assert.Contains(t, u.log(id, 0), "done\n")

	ctx, cancel := context.WithTimeout(t.Context(), partsDeadline)
	defer cancel()
	require.NoError(t, w.Drain(ctx))
	stop(t, w)
	stop(t, n)
	for _, failed := range []<-chan error{w.Done(), n.Done()} {
		select {
		case err := <-failed:
			assert.NoError(t, err)
		default:
		}
	}
}

func TestAWorkerStopsWhetherOrNotItsServerIsThere(t *testing.T) {
	t.Parallel()
	cfg := testNode(t)
	stop(t, workerOf(t, testWorker(t, cfg.NATSListen))) // never was
	n := nodeOf(t, cfg)
	w := workerOf(t, testWorker(t, cfg.NATSListen))
	u := userOf(t, n)
	u.await(u.submit(helloFile), success)
	stop(t, n)
	stop(t, w)
}

func TestTheTokensOfAServerMayComeFromAPipe(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, err = w.WriteString("alice:" + token + "\n")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	defer r.Close()
	cfg := testNode(t)
	cfg.TokenFile = fmt.Sprintf("/dev/fd/%d", r.Fd())
	require.NoError(t, cfg.validate())
	n := nodeOf(t, cfg)
	for token, admitted := range map[string]bool{token: true, "": false, "0123456789abcdeF": false} {
		c, err := api.NewClient(n.APIURL(), token)
		require.NoError(t, err)
		_, err = c.Info(t.Context())
		assert.Equal(t, admitted, err == nil, err)
		c.Close()
	}
}

func TestAWorkerThatIsToldTwiceToStopKillsItsJobsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	cfg, dir := testNode(t), t.TempDir()
	n := nodeOf(t, cfg)
	u := userOf(t, n)
	c := newCLI(t, nil)
	c.launch = systemLauncher()
	code := make(chan int)
	go func() {
		code <- c.run("worker", "--id", "w1", "--server", "nats://"+cfg.NATSListen, "--work-dir", dir,
			"--labels", "linux", "--drain-timeout", "5s")
	}()
	u.await(u.submit(gated(filepath.Join(t.TempDir(), "never"))), running)
	require.Eventually(t, func() bool {
		workspaces, err := filepath.Glob(filepath.Join(dir, "*", "tmp", "step-1.sh"))
		return err == nil && len(workspaces) == 1
	}, partsDeadline, 5*time.Millisecond)
	c.interrupt()
	<-c.err.seen("worker draining")
	c.kill()
	assert.Equal(t, exitCancelled, <-code)
	assert.NotContains(t, c.err.String(), "yardmaster: ")
	left, err := filepath.Glob(filepath.Join(dir, "[^.]*"))
	require.NoError(t, err)
	assert.Empty(t, left, "workspaces")
}

func TestANodeThatCannotStartSaysWhyAndLeavesNothing(t *testing.T) { //nolint:tparallel // free ports race
	t.Parallel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("alice:hunter2\n"), 0o600))
	used := testNode(t)
	nodeOf(t, used)
	for name, tt := range map[string]struct {
		spoil func(*nodeConfig)
		want  string
	}{
		"API port in use":       {func(c *nodeConfig) { c.Listen = takenAddress(t) }, "--listen: listen tcp 127.0.0.1:"},
		"API beyond loopback":   {func(c *nodeConfig) { c.Listen = "0.0.0.0:0" }, "token"},
		"NATS port in use":      {func(c *nodeConfig) { c.NATSListen = takenAddress(t) }, "natsjs: "},
		"no NATS port":          {func(c *nodeConfig) { c.NATSListen = "nonsense" }, "--nats-listen: "},
		"NATS port not numeric": {func(c *nodeConfig) { c.NATSListen = "127.0.0.1:x" }, `--nats-listen: port "x" is not`},
		"data directory in use": {func(c *nodeConfig) { c.DataDir = used.DataDir }, "natsjs: "},
		"data directory a file": {func(c *nodeConfig) { c.DataDir = tokens }, tokens},
		"short token":           {func(c *nodeConfig) { c.TokenFile = tokens }, "line 1"},
		"no token file":         {func(c *nodeConfig) { c.TokenFile = tokens + ".not" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			good := testNode(t)
			bad := good
			tt.spoil(&bad)
			n, err := systemLauncher().node(t.Context(), bad)
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, n)
			assert.NotContains(t, err.Error(), "hunter2")
			stop(t, nodeOf(t, good)) // whatever had been started has let go of its ports and directory
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := startNode(ctx, testNode(t))
	require.ErrorIs(t, err, context.Canceled)
}

func TestAWorkerThatCannotStartSaysWhyAndLeavesNothing(t *testing.T) { //nolint:tparallel // free ports race
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	address := freeAddress(t) // of no server: a worker waits for it
	used := testWorker(t, address)
	workerOf(t, used)
	for name, tt := range map[string]struct {
		spoil func(*workerConfig)
		want  string
	}{
		"directory in use":    {func(c *workerConfig) { c.WorkDir = used.WorkDir }, "worker: "},
		"directory a file":    {func(c *workerConfig) { c.WorkDir = file }, "worker: "},
		"metrics port in use": {func(c *workerConfig) { c.MetricsListen = takenAddress(t) }, "listen tcp 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			good := testWorker(t, address)
			bad := good
			tt.spoil(&bad)
			w, err := systemLauncher().worker(t.Context(), bad, nil)
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, w)
			stop(t, workerOf(t, good))
		})
	}
	_, err := systemLauncher().worker(t.Context(), testWorker(t, address), otherNode{})
	require.ErrorContains(t, err, "not a node of this process")
}

// otherNode is a node that this process does not have.
type otherNode struct{ runningNode }
