//go:build linux

package e2e_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	success   = messages.JobState_JOB_STATE_SUCCESS
	failed    = messages.JobState_JOB_STATE_FAILED
	cancelled = messages.JobState_JOB_STATE_CANCELLED
)

// kind is a workflow of which it is known how it must end.
type kind struct {
	name  string
	jobs  string // the jobs section, after what all kinds share
	state messages.JobState
	want  map[string]jobWant // by key
}

type jobWant struct {
	state messages.JobState
	lines int // of its log; a job without any never starts
}

// say is a shell command that prints the lines from to to-1 of a job's text.
func say(from, to int) string {
	const each = `echo "line $i of $YARDMASTER_JOB_ID: the quick brown fox"`
	return fmt.Sprintf(`i=%d; while [ $i -lt %d ]; do %s; i=$((i+1)); done`, from, to, each)
}

// said is the text that say prints.
func said(job string, lines int) string {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "line %d of %s: the quick brown fox\n", i, job)
	}
	return b.String()
}

// job is a job of a workflow file; end is what it does last.
func job(id, keys string, lines int, pause, end string) string {
	return "  " + id + ":\n" + keys + "    steps:\n      - run: |\n          " + strings.Join([]string{
		note("start"), say(0, lines/2), "sleep " + pause, say(lines/2, lines), note("stop"), end,
	}, "\n          ") + "\n"
}

// kinds returns the workflows of the load.
func kinds() []kind {
	graph := job("build", "", 6, "0", "true") +
		job("test", "    needs: build\n    strategy: {matrix: {n: [1, 2, 3]}}\n", 8, "0.2", "true") +
		job("pack", "    needs: test\n", 4, "0", "true")
	broken := job("build", "", 6, "0.1", "exit 7") + job("pack", "    needs: build\n", 4, "0", "true")
	test := jobWant{success, 8}
	return []kind{
		{"instant", job("a", "", 10, "0", "true"), success, map[string]jobWant{"a": {success, 10}}},
		{"loud", job("a", "", 3000, "0.3", "true"), success, map[string]jobWant{"a": {success, 3000}}},
		{"slow", job("a", "", 40, "1.3", "true"), success, map[string]jobWant{"a": {success, 40}}},
		{"slower", job("a", "", 40, "2.7", "true"), success, map[string]jobWant{"a": {success, 40}}},
		{"failing", job("a", "", 10, "0.1", "exit 3"), failed, map[string]jobWant{"a": {failed, 10}}},
		{"graph", graph, success, map[string]jobWant{
			"build": {success, 6}, "test (1)": test, "test (2)": test, "test (3)": test, "pack": {success, 4},
		}},
		{"broken", broken, failed, map[string]jobWant{"build": {failed, 6}, "pack": {cancelled, 0}}},
	}
}

// source is the workflow file of a kind.
func (k kind) source(l ledger) []byte {
	return []byte("name: " + k.name + "\n" + l.env(k.name) + "jobs:\n" + k.jobs)
}

// order is a submission and what became of it.
type order struct {
	key  string
	kind kind
	run  string // of the answer; empty while none was heard
	err  error  // the last one
}

// definite reports whether an error says that nothing was started.
func definite(err error) bool {
	switch connect.CodeOf(err) { //nolint:exhaustive // all others leave it open
	case connect.CodeInvalidArgument, connect.CodeAlreadyExists, connect.CodeFailedPrecondition, connect.CodeNotFound,
		connect.CodeResourceExhausted:
		return connect.IsWireError(err)
	}
	return false
}

// load is clients that submit all the time.
type load struct {
	y      *yard
	mu     sync.Mutex
	orders []*order
	stop   context.CancelFunc
	all    sync.WaitGroup
}

// pace is how often each client submits.
const pace = 300 * time.Millisecond

func (y *yard) load(rng *rand.Rand, clients int) *load {
	ctx, stop := context.WithCancel(y.t.Context())
	l := &load{y: y, stop: stop}
	for c := range clients {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		l.all.Go(func() { l.client(ctx, c, own) })
	}
	y.t.Cleanup(l.end)
	return l
}

// end stops the clients.
func (l *load) end() {
	l.stop()
	l.all.Wait()
}

func (l *load) client(ctx context.Context, number int, rng *rand.Rand) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	all := kinds()
	for n := 0; ctx.Err() == nil; n++ {
		o := &order{key: fmt.Sprintf("client-%d-%d", number, n), kind: all[rng.IntN(len(all))]}
		l.mu.Lock()
		l.orders = append(l.orders, o)
		l.mu.Unlock()
		insist := rng.IntN(3) > 0
		for l.place(ctx, o); o.run == "" && insist && !definite(o.err) && ctx.Err() == nil; l.place(ctx, o) {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		if o.run != "" && rng.IntN(4) == 0 {
			l.conflict(ctx, o)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// place submits an order once, and sometimes more often: the client asks again
// when a server answers that it is starting.
func (l *load) place(ctx context.Context, o *order) {
	runs, err := l.y.client.Submit(ctx, o.request(l.y.ledger))
	o.err = err
	if err == nil {
		o.run = runs[0].GetRunId()
	}
}

func (o *order) request(l ledger) *messages.SubmitRunsRequest {
	return &messages.SubmitRunsRequest{
		FileName: o.kind.name + ".yml", Workflow: o.kind.source(l),
		Submissions: []*messages.Submission{{IdempotencyKey: o.key}},
	}
}

// conflict uses the key of an order for another file: it must be refused.
func (l *load) conflict(ctx context.Context, o *order) {
	other := *o
	other.kind = kind{name: "refused", jobs: job("a", "", 2, "0", "true")}
	runs, err := l.y.client.Submit(ctx, other.request(l.y.ledger))
	if err == nil {
		assert.Fail(l.y.t, "another file under the same key was accepted", "%s is now %v", o.key, runs)
	} else if connect.IsWireError(err) {
		codes := []connect.Code{connect.CodeAlreadyExists, connect.CodeUnavailable, connect.CodeCanceled}
		assert.Contains(l.y.t, codes, connect.CodeOf(err), err)
	}
}

// readLog returns what the steps wrote, as the API tells it, and its end.
func readLog(t *testing.T, c *api.Client, run string, job uint32, attempt uint32) (text string, end *messages.LogEnd) {
	t.Helper()
	var b strings.Builder
	err := c.ReadLog(bounded(t), &messages.ReadLogRequest{RunId: run, JobIndex: job, Attempt: attempt},
		func(res *messages.ReadLogResponse) error {
			for _, part := range res.GetParts() {
				if !part.GetNotice() {
					b.Write(part.GetData())
				}
			}
			end = res.GetEnd()
			return nil
		})
	require.NoError(t, err)
	return b.String(), end
}

// checkLog checks that a log is complete, and the text that the job printed.
func checkLog(t *testing.T, c *api.Client, run *messages.Run, j *messages.Job, lines int) {
	t.Helper()
	attempts := j.GetAttempts()
	newest := attempts[len(attempts)-1]
	name := fmt.Sprintf("%s.%d", run.GetRunId(), j.GetIndex())
	text, end := readLog(t, c, run.GetRunId(), j.GetIndex(), newest.GetNumber())
	assert.True(t, end.GetComplete(), "log of %s: %v", name, end)
	want := said(name, lines)
	assert.Equal(t, sha256.Sum256([]byte(want)), sha256.Sum256([]byte(text)), "log of %s: %d of %d bytes",
		name, len(text), len(want))
	assert.Zero(t, end.GetSum().GetDropped(), "log of %s", name)
}
