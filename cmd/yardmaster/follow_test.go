package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/project"
	"yardmaster/messages"
)

// play is a run of two jobs that goes on as the output of the program allows, so
// that a test sees one order of lines. It ends as end says.
func play(c func() *cli, end messages.JobState) *apitest.Backend {
	b := new(apitest.Backend)
	run := &messages.Run{
		RunId: apitest.RunID(1), Name: "ci", State: running, SubmittedAt: at(0),
		Jobs: []*messages.Job{
			{Key: "build", State: pending, Steps: []*messages.StepView{{Name: "make"}, {Name: "pack"}}},
			{Index: 1, Key: "test", State: pending},
		},
	}
	b.Put(run)
	change := func(job uint32, s messages.JobState, ms int, reason string) *messages.RunChange {
		return &messages.RunChange{
			RunId: run.GetRunId(), JobIndex: job, State: s, At: at(ms), Attempt: 1, WorkerId: "w1", Reason: reason,
		}
	}
	b.OnWatch = func(ctx context.Context, id string, send func(*messages.WatchRunsResponse) error) error {
		await := func(text string) {
			select {
			case <-c().out.seen(text):
			case <-ctx.Done():
			}
		}
		send1 := func(changes ...*messages.RunChange) { _ = send(&messages.WatchRunsResponse{Changes: changes}) }
		send1(change(0, running, 100, ""))
		await("no end")
		send1(change(0, success, 1600, ""), change(0, running, 100, "")) // the second is old news
		if end == cancelled {
			<-ctx.Done() // until the cancel is played by OnCancel
			return nil
		}
		reason := ""
		if end == failed {
			reason = "step 1 exited with 1"
		}
		last := change(1, end, 2100, reason)
		last.AttemptStartedAt = at(1700)
		last.Attempt = 0
		over := &messages.Run{
			RunId: run.GetRunId(), Name: "ci", State: end, SubmittedAt: at(0), EndedAt: at(2200), Jobs: run.GetJobs(),
		}
		b.Put(over)
		send1(last, &messages.RunChange{RunId: id, OfRun: true, State: end, At: at(2200)})
		return nil
	}
	b.PutLog(run.GetRunId(), 0, 1,
		&messages.ReadLogResponse{Parts: []*messages.LogPart{
			{Seq: 1, Notice: true, Data: []byte("workspace ready\n")}, {Seq: 2, Data: []byte("compi")},
		}},
		&messages.ReadLogResponse{Parts: []*messages.LogPart{
			{Seq: 3, Data: []byte("ling\n")}, {Seq: 4, Step: 1, Data: []byte("pack\nno end")},
		}},
		&messages.ReadLogResponse{End: &messages.LogEnd{Sum: &messages.LogSum{Bytes: 3}, Complete: true}})
	return b
}

func TestSubmitWaitFollowsToTheVerdict(t *testing.T) {
	t.Parallel()
	for state, code := range map[messages.JobState]int{success: exitSuccess, failed: exitFailed} {
		t.Run(stateName(state), func(t *testing.T) {
			t.Parallel()
			b := play(nil, state)
			b.OnWatch = nil
			done := sample(1, state)
			b.Put(done)
			c := newCLI(t, b)
			assert.Equal(t, code, c.run("submit", workflowFile(t, helloFile), "--wait"), c.err.String())
			golden(t, "wait_"+stateName(state)+".txt", c.out.String())
		})
	}
}

func TestAWaitThatIsInterruptedLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.Put(&messages.Run{RunId: apitest.RunID(1), State: running})
	c := newCLI(t, b)
	watched := make(chan struct{})
	b.OnWatch = func(ctx context.Context, _ string, _ func(*messages.WatchRunsResponse) error) error {
		close(watched)
		<-ctx.Done()
		return ctx.Err()
	}
	go func() {
		<-watched
		c.interrupt()
	}()
	assert.Equal(t, exitCancelled, c.run("submit", workflowFile(t, helloFile), "-w"))
	assert.Contains(t, c.err.String(), "goes on")
	assert.Empty(t, b.Cancels())
}

// part is a node or worker of a test.
type part struct {
	url      string
	failed   chan error
	stops    []string
	stopFail error
	projects []project.Set // that it was told of
	deaf     error         // to that
}

func (p *part) APIURL() string     { return p.url }
func (p *part) Done() <-chan error { return p.failed }

func (p *part) Drain(context.Context) error {
	p.stops = append(p.stops, "drain")
	return nil
}

func (p *part) SetProjects(_ context.Context, set project.Set) error {
	p.projects = append(p.projects, set)
	return p.deaf
}

func (p *part) Stop(context.Context) error {
	p.stops = append(p.stops, "stop")
	return p.stopFail
}

// local is a CLI whose run command finds b behind its node.
func local(t *testing.T, b func(c func() *cli) *apitest.Backend) (c *cli, n, w *part) {
	t.Helper()
	c = newCLI(t, nil)
	n = &part{url: serveAPI(t, b(func() *cli { return c })), failed: make(chan error, 1)}
	w = &part{failed: make(chan error, 1)}
	c.launch = launcher{
		node: func(_ context.Context, cfg nodeConfig) (runningNode, error) {
			assert.True(t, cfg.Local || cfg.NATSListen == defaultNATSListen)
			return n, nil
		},
		worker: func(context.Context, workerConfig, runningNode) (runningWorker, error) { return w, nil },
	}
	return c, n, w
}

func TestRunShowsTheOutputAndEndsWithTheVerdict(t *testing.T) {
	t.Parallel()
	for state, code := range map[messages.JobState]int{success: exitSuccess, failed: exitFailed} {
		t.Run(stateName(state), func(t *testing.T) {
			t.Parallel()
			c, n, w := local(t, func(c func() *cli) *apitest.Backend { return play(c, state) })
			assert.Equal(t, code, c.run("run", workflowFile(t, helloFile)), c.err.String())
			golden(t, "run_"+stateName(state)+".txt", c.out.String())
			assert.Empty(t, c.err.String())
			assert.Equal(t, []string{"stop"}, w.stops)
			assert.Equal(t, []string{"stop"}, n.stops)
		})
	}
}

func TestALogThatArrivesAfterTheEndIsShown(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.Put(&messages.Run{
		RunId: apitest.RunID(1), Name: "ci", State: running, SubmittedAt: at(0), Jobs: []*messages.Job{{
			Key: "a", State: running, Attempts: []*messages.Attempt{{Number: 1}},
		}},
	})
	over := make(chan struct{})
	b.OnWatch = func(_ context.Context, id string, send func(*messages.WatchRunsResponse) error) error {
		defer close(over)
		return send(&messages.WatchRunsResponse{Changes: []*messages.RunChange{
			{RunId: id, OfRun: true, State: success, At: at(9)},
		}})
	}
	b.OnLog = func(_ context.Context, _ *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error) error {
		<-over
		return send(&messages.ReadLogResponse{
			Parts: []*messages.LogPart{{Seq: 1, Data: []byte("late\n")}}, End: &messages.LogEnd{},
		})
	}
	c, _, _ := local(t, func(func() *cli) *apitest.Backend { return b })
	require.Zero(t, c.run("run", workflowFile(t, helloFile)), c.err.String())
	assert.Contains(t, c.out.String(), "late\nci SUCCESS")
}

func TestRunOnATerminalShowsALiveViewWithSafeOutput(t *testing.T) {
	t.Parallel()
	c, _, _ := local(t, func(c func() *cli) *apitest.Backend { return play(c, success) })
	c.width = 80
	require.Zero(t, c.run("run", workflowFile(t, helloFile)), c.err.String())
	out := c.out.String()
	assert.Contains(t, out, "compiling\n")
	assert.Contains(t, out, "\x1b[J")
	last := out[strings.LastIndex(out, "\x1b[J"):]
	assert.Contains(t, last, "ci \x1b[32mSUCCESS\x1b[0m in 2.2s\n")
}

func TestRunInJSONIsALineAnEvent(t *testing.T) {
	t.Parallel()
	c, _, _ := local(t, func(c func() *cli) *apitest.Backend {
		b := play(c, success)
		b.OnWatch = nil
		b.Put(sample(1, success))
		b.PutLog(apitest.RunID(1), 0, 2)
		b.PutLog(apitest.RunID(1), 1, 1)
		return b
	})
	require.Zero(t, c.run("run", workflowFile(t, helloFile), "-o", "json"), c.err.String())
	lines := strings.Split(strings.TrimSpace(c.out.String()), "\n")
	for _, line := range lines {
		assert.True(t, strings.HasPrefix(line, "{") && strings.HasSuffix(line, "}"), line)
	}
	assert.Contains(t, lines[len(lines)-1], `"state":"JOB_STATE_SUCCESS"`)
}

func TestCtrlCCancelsARunAndASecondKillsIt(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		t.Run(fmt.Sprint(twice), func(t *testing.T) {
			t.Parallel()
			b := new(apitest.Backend)
			b.Put(&messages.Run{RunId: apitest.RunID(1), Name: "ci", State: running, SubmittedAt: at(0)})
			c, _, w := local(t, func(func() *cli) *apitest.Backend { return b })
			cancelledRun, watching := make(chan struct{}), make(chan struct{})
			b.OnWatch = func(ctx context.Context, id string, send func(*messages.WatchRunsResponse) error) error {
				close(watching)
				<-cancelledRun
				if twice {
					c.kill()
					<-ctx.Done()
					return nil
				}
				b.Put(&messages.Run{
					RunId: id, Name: "ci", State: cancelled, SubmittedAt: at(0), EndedAt: at(100), Reason: "interrupted",
				})
				return send(&messages.WatchRunsResponse{Changes: []*messages.RunChange{
					{RunId: id, OfRun: true, State: cancelled, At: at(100), Reason: "interrupted"},
				}})
			}
			b.OnCancel = func(*messages.CancelRunRequest, string) error {
				close(cancelledRun)
				return nil
			}
			go func() {
				<-watching
				c.interrupt()
			}()
			assert.Equal(t, exitCancelled, c.run("run", workflowFile(t, helloFile)))
			require.Len(t, b.Cancels(), 1)
			assert.Equal(t, "interrupted", b.Cancels()[0].GetReason())
			assert.Equal(t, []string{"stop"}, w.stops)
			assert.Equal(t, !twice, strings.Contains(c.out.String(), "ci CANCELLED in 100ms: interrupted"), c.out.String())
		})
	}
}

func TestARunWhoseServerFailsSaysSo(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.Put(&messages.Run{RunId: apitest.RunID(1), State: running})
	c, n, _ := local(t, func(func() *cli) *apitest.Backend { return b })
	n.failed <- errors.New("disk full")
	assert.Equal(t, exitUnreachable, c.run("run", workflowFile(t, helloFile)))
	assert.Contains(t, c.err.String(), "the server failed: disk full")

	c, _, _ = local(t, func(func() *cli) *apitest.Backend { return b })
	c.launch.node = func(context.Context, nodeConfig) (runningNode, error) { return nil, errors.New("no room") }
	assert.Equal(t, exitUnreachable, c.run("run", workflowFile(t, helloFile)))
	assert.Contains(t, c.err.String(), "did not start: no room")
}

func TestTheWorkerOfARunStandsInForLabels(t *testing.T) {
	t.Parallel()
	file := workflowFile(t, strings.Replace(helloFile, "runs-on: linux", "runs-on: gpu", 1))
	c := newCLI(t, nil)
	var got []string
	c.launch.node = func(context.Context, nodeConfig) (runningNode, error) { return &part{}, nil }
	c.launch.worker = func(_ context.Context, cfg workerConfig, _ runningNode) (runningWorker, error) {
		got = cfg.Labels
		_, err := os.Stat(filepath.Dir(cfg.WorkDir))
		require.NoError(t, err)
		return nil, errors.New("enough")
	}
	assert.Equal(t, exitUnreachable, c.run("run", file))
	assert.Contains(t, got, "gpu")
	assert.Contains(t, c.err.String(), `stands in for "gpu"`)
	assert.Equal(t, exitUsage, newCLI(t, nil).run("run", file, "--labels", "linux"))
}

func TestTheDataOfARunGoesUnlessItIsWanted(t *testing.T) {
	t.Parallel()
	mine := t.TempDir()
	for _, tt := range []struct {
		args []string
		kept bool
	}{{nil, false}, {[]string{"--keep"}, true}, {[]string{"--data-dir", mine}, true}} {
		c, _, _ := local(t, func(func() *cli) *apitest.Backend {
			b := new(apitest.Backend)
			b.Put(&messages.Run{RunId: apitest.RunID(1), Name: "ci", State: success})
			return b
		})
		var dir string
		start := c.launch.node
		c.launch.node = func(ctx context.Context, cfg nodeConfig) (runningNode, error) {
			dir = filepath.Dir(cfg.DataDir)
			return start(ctx, cfg)
		}
		require.Zero(t, c.run(append([]string{"run", workflowFile(t, helloFile)}, tt.args...)...), c.err.String())
		_, err := os.Stat(dir)
		assert.Equal(t, tt.kept, err == nil, tt.args)
		if tt.kept {
			assert.NoError(t, os.RemoveAll(dir))
		}
	}
}

func TestSeveralRunsAreWaitedForAndTheWorstVerdictCounts(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	for i, state := range []messages.JobState{success, failed, cancelled} {
		b.Put(&messages.Run{RunId: apitest.RunID(i + 1), Name: "ci", State: state, SubmittedAt: at(0), EndedAt: at(9)})
	}
	assert.Equal(t, exitFailed, newCLI(t, b).run("submit", workflowFile(t, helloFile), "-w", "--count", "3"))
	b.Put(&messages.Run{RunId: apitest.RunID(2), Name: "ci", State: success})
	assert.Equal(t, exitCancelled, newCLI(t, b).run("submit", workflowFile(t, helloFile), "-w", "--count", "3"))
}

func TestServerAndWorkerStopInGoodOrder(t *testing.T) {
	t.Parallel()
	c, n, w := local(t, func(func() *cli) *apitest.Backend { return new(apitest.Backend) })
	c.interrupt()
	assert.Zero(t, c.run("server"), c.err.String())
	assert.Equal(t, []string{"stop"}, n.stops)
	assert.Zero(t, c.run("worker"), c.err.String())
	assert.Equal(t, []string{"drain", "stop"}, w.stops)

	c, n, w = local(t, func(func() *cli) *apitest.Backend { return new(apitest.Backend) })
	n.failed <- errors.New("lost the journal")
	w.failed <- errors.New("refused")
	assert.Equal(t, exitUnreachable, c.run("server"))
	assert.Contains(t, c.err.String(), "lost the journal")
	assert.Equal(t, exitUnreachable, c.run("worker", "-o", "json"))
	assert.Equal(t, []string{"stop"}, w.stops)
}

func TestAServerThatIsToldTwiceToStopSaysNoMore(t *testing.T) {
	t.Parallel()
	c, n, _ := local(t, func(func() *cli) *apitest.Backend { return new(apitest.Backend) })
	n.stopFail = context.Canceled
	c.interrupt()
	c.kill()
	assert.Equal(t, exitCancelled, c.run("server"))
	assert.NotContains(t, c.err.String(), "yardmaster: ")
}

func TestLogsFollowOneJobToItsEnd(t *testing.T) {
	t.Parallel()
	c := newCLI(t, nil)
	b := play(func() *cli { return c }, success)
	c.env["YARDMASTER_API"] = serveAPI(t, b)
	require.Zero(t, c.run("logs", "@/build", "--follow"), c.err.String())
	assert.Equal(t, "yardmaster: workspace ready\n▸ make\ncompiling\n▸ pack\npack\nno end\n", c.out.String())
}

var _ api.Backend = (*apitest.Backend)(nil)
