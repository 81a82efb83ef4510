//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/messages"
)

// yard is a server that can be killed and started again, and its workers.
type yard struct {
	t      *testing.T
	dir    string // of the data
	api    string // HOST:PORT
	nats   string
	more   []string // flags of the server
	server *process
	client *api.Client
	ledger ledger
}

// newYard makes a server's directory and addresses, without starting it.
func newYard(t *testing.T, flags ...string) *yard {
	t.Helper()
	y := &yard{
		t: t, dir: filepath.Join(t.TempDir(), "data"), api: freeAddress(t), nats: freeAddress(t), more: flags,
		ledger: ledger{path: filepath.Join(t.TempDir(), "ledger")},
	}
	var err error
	y.client, err = api.NewClient("http://"+y.api, "")
	require.NoError(t, err)
	t.Cleanup(y.client.Close)
	return y
}

// start starts the server, and waits until it is ready.
func (y *yard) start() {
	y.t.Helper()
	y.launch()
	y.server.says("server ready")
}

// launch starts the server without waiting.
func (y *yard) launch() {
	y.t.Helper()
	args := append([]string{"server", "--data-dir", y.dir, "--listen", y.api, "--nats-listen", y.nats}, y.more...)
	y.server = start(y.t, "server", nil, args...)
}

// worker starts a worker and waits until the server has welcomed it.
func (y *yard) worker(id string, slots int, flags ...string) *process {
	y.t.Helper()
	dir := filepath.Join(y.t.TempDir(), id)
	p := y.workerIn(dir, id, slots, flags...)
	p.says("msg=joined")
	return p
}

// workerIn starts a worker with a directory.
func (y *yard) workerIn(dir, id string, slots int, flags ...string) *process {
	y.t.Helper()
	args := append([]string{
		"worker", "--server", "nats://" + y.nats, "--id", id, "--labels", "linux", "--no-probe", "--slots",
		strconv.Itoa(slots), "--work-dir", dir,
	}, flags...)
	return start(y.t, "worker "+id, nil, args...)
}

// cli runs the program as a user of the server.
func (y *yard) cli(args ...string) *process {
	y.t.Helper()
	return yardmaster(y.t, []string{"YARDMASTER_API=http://" + y.api}, args...)
}

// submit starts a run of a file.
func (y *yard) submit(src string) string {
	y.t.Helper()
	runs, err := y.client.Submit(bounded(y.t), &messages.SubmitRunsRequest{
		FileName: "test.yml", Workflow: []byte(src),
		Submissions: []*messages.Submission{{IdempotencyKey: fmt.Sprint(rand.Uint64())}},
	})
	require.NoError(y.t, err)
	return runs[0].GetRunId()
}

// errSeen ends a watch.
var errSeen = errors.New("e2e: seen")

// await waits until a run is as it should be, and returns it.
func (y *yard) await(ctx context.Context, id string, ok func(*messages.Run) bool) *messages.Run {
	y.t.Helper()
	var run *messages.Run
	err := y.client.Watch(ctx, id, func(*messages.WatchRunsResponse) error {
		var err error
		if run, err = y.client.Run(ctx, id); err == nil && ok(run) {
			err = errSeen
		}
		return err
	})
	if err == nil || !errors.Is(err, errSeen) { // the watch ends with the run
		var cannot error
		run, cannot = y.client.Run(ctx, id)
		require.NoError(y.t, errors.Join(cannot, ctx.Err()))
		require.True(y.t, ok(run), "the watch ended with %v, and the run is %v", err, run)
	}
	return run
}

// end waits for the end of a run.
func (y *yard) end(id string) *messages.Run {
	y.t.Helper()
	return y.await(bounded(y.t), id, func(r *messages.Run) bool { return ended(r.GetState()) })
}

// running waits until n of a run's jobs are running, on a worker.
func (y *yard) running(id string, n int) *messages.Run {
	y.t.Helper()
	return y.await(bounded(y.t), id, func(r *messages.Run) bool {
		count := 0
		for _, j := range r.GetJobs() {
			if j.GetState() == messages.JobState_JOB_STATE_RUNNING {
				count++
			}
		}
		return count == n
	})
}

func ended(s messages.JobState) bool { return s >= messages.JobState_JOB_STATE_SUCCESS }

// freeAddress returns a loopback address that nobody uses. It lies below the
// ports of outgoing connections: one of those could connect to itself while the
// server is down.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(12_000+rand.IntN(18_000)))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			require.NoError(t, l.Close())
			return addr
		}
	}
	require.FailNow(t, "no port is free")
	return ""
}

// stop ends a server in good order.
func (y *yard) stop() {
	y.t.Helper()
	y.server.signal(syscall.SIGTERM)
	require.Zero(y.t, y.server.exit(), y.server.err.String())
}

// file writes a file of its own directory and returns its path.
func file(t *testing.T, name, src string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
	return path
}

// metric returns the value of a counter of the server.
func (y *yard) metric(name string) float64 {
	y.t.Helper()
	req, err := http.NewRequestWithContext(bounded(y.t), http.MethodGet, "http://"+y.api+"/metrics", nil)
	require.NoError(y.t, err)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(y.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(y.t, err)
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			f, err := strconv.ParseFloat(value, 64)
			require.NoError(y.t, err)
			return f
		}
	}
	require.FailNow(y.t, "no metric "+name, string(raw))
	return 0
}
