package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

const (
	pending   = messages.JobState_JOB_STATE_PENDING
	running   = messages.JobState_JOB_STATE_RUNNING
	success   = messages.JobState_JOB_STATE_SUCCESS
	failed    = messages.JobState_JOB_STATE_FAILED
	cancelled = messages.JobState_JOB_STATE_CANCELLED
)

// at is the time a number of milliseconds after noon.
func at(ms int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond))
}

// golden compares got with a file in testdata, or writes it when UPDATE is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// output is a buffer that tells when a text has been written.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	waits map[string]chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buf.Write(p)
	o.check()
	return n, err
}

func (o *output) check() {
	for text, ch := range o.waits {
		if strings.Contains(o.buf.String(), text) {
			close(ch)
			delete(o.waits, text)
		}
	}
}

// seen is closed when text has been written.
func (o *output) seen(text string) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waits == nil {
		o.waits = make(map[string]chan struct{})
	}
	ch := make(chan struct{})
	o.waits[text] = ch
	o.check()
	return ch
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// cli is one call of the program in a test.
type cli struct {
	t         *testing.T
	out, err  output
	in        string
	env       map[string]string
	width     int // of the terminal; 0 means none
	launch    launcher
	interrupt context.CancelFunc
	kill      context.CancelFunc
	stops     stops
}

func newCLI(t *testing.T, b api.Backend) *cli {
	c := &cli{t: t, env: make(map[string]string)}
	c.stops.orderly, c.interrupt = context.WithCancel(t.Context())
	c.stops.immediate, c.kill = context.WithCancel(t.Context())
	c.stops.last = t.Context()
	if b != nil {
		c.env["YARDMASTER_API"] = serveAPI(t, b)
	}
	return c
}

func serveAPI(t *testing.T, b api.Backend) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- api.Serve(ctx, ln, api.NewHandler(b, api.Config{Logger: slog.New(slog.DiscardHandler)}))
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	return "http://" + ln.Addr().String()
}

func (c *cli) run(args ...string) int {
	c.t.Helper()
	return newApp(c.stops, c.streams(strings.NewReader(c.in)), c.launch).execute(args)
}

// workflowFile writes a workflow file and returns its path.
func workflowFile(t *testing.T, src string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ci.yml")
	require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
	return path
}

const helloFile = `name: hello
on: push
jobs:
  greet:
    runs-on: linux
    steps:
      - name: Say it
        run: echo hello
`

// sample is a run with a job of each kind.
func sample(n int, state messages.JobState) *messages.Run {
	return &messages.Run{
		RunId: apitest.RunID(n), Name: "ci", State: state, Principal: "alice",
		SubmittedAt: at(0), StartedAt: at(5), EndedAt: at(65_000), IdempotencyKey: "key-1",
		Jobs: []*messages.Job{
			{
				Index: 0, Key: "build", Name: "Build", State: success, StartedAt: at(10), EndedAt: at(1_510),
				Attempts: []*messages.Attempt{
					{Number: 1, WorkerId: "w1", Outcome: messages.Outcome_OUTCOME_LOST, Reason: "the worker is gone"},
					{Number: 2, WorkerId: "w2", Outcome: messages.Outcome_OUTCOME_SUCCEEDED},
				},
				Steps: []*messages.StepView{{
					Name: "make", Outcome: messages.Outcome_OUTCOME_SUCCEEDED, StartedAt: at(20), EndedAt: at(1_500),
				}},
			},
			{
				Index: 1, Key: "test (linux, 1.26)", State: failed, Reason: "step 1 exited with 2", Needs: []string{"build"},
				StartedAt: at(2_000), EndedAt: at(64_000), Attempts: []*messages.Attempt{{Number: 1, WorkerId: "w1"}},
				Steps: []*messages.StepView{{
					Name: "go test", Outcome: messages.Outcome_OUTCOME_FAILED, ExitCode: 2,
					StartedAt: at(2_000), EndedAt: at(64_000),
				}},
			},
			{
				Index: 2, Key: "deploy", State: cancelled, Reason: "test (linux, 1.26) failed",
				Needs: []string{"test (linux, 1.26)"},
			},
		},
	}
}

// entry is a change of a worker a number of milliseconds after noon.
func entry(ms int, by string, state messages.WorkerState, reason string) *messages.WorkerEntry {
	return &messages.WorkerEntry{
		UnixNanos: at(ms).AsTime().UnixNano(), Principal: by,
		Changed: &messages.WorkerChanged{WorkerId: "w1", State: state, Reason: reason},
	}
}

func filled() *apitest.Backend {
	b := &apitest.Backend{
		Why: &messages.ExplainJobResponse{
			State: pending, Reasons: []string{"no worker has the label gpu", "w1 is full"}, Ahead: 3, Queued: true,
		},
		WorkerList: []*messages.Worker{
			{
				WorkerId: "w1", State: messages.WorkerState_WORKER_STATE_RUNNING, Slots: 8, Used: 3, Version: "v1.0.0",
				Labels:         []string{"amd64", "big", "go", "go=1", "go=1.26", "go=1.26.8", "linux", "sandbox=userns", "x64"},
				Found:          []string{"amd64", "go", "go=1", "go=1.26", "go=1.26.8", "gpu", "linux", "sandbox=userns", "x64"},
				SinceHeartbeat: durationpb.New(1200 * time.Millisecond), Pool: "trusted", ConnectedAt: at(0),
				Resources:     &messages.Resources{CpuMilli: 4000, MemoryBytes: 8 << 30},
				HeldResources: &messages.Resources{CpuMilli: 1500, MemoryBytes: 1 << 30},
				Jobs:          []string{apitest.RunID(1) + ".0", apitest.RunID(1) + ".1"},
				Added:         []string{"big"}, Removed: []string{"gpu"}, Reason: "+big -gpu: it has a new \x1b[2Jcard",
				SlotsMin: 1, SlotsMax: 32, Load: &messages.MachineLoad{CpuPermille: 834, MemoryFreeBytes: 5 << 29},
			},
			{
				WorkerId: "worker-two", State: messages.WorkerState_WORKER_STATE_DRAINING, Slots: 1, HeldBack: true,
				Reason: "held back",
			},
		},
		WorkerPast: []*messages.WorkerEntry{
			entry(0, "w1", messages.WorkerState_WORKER_STATE_AVAILABLE, "it registered"),
			entry(60_000, "yardmaster", messages.WorkerState_WORKER_STATE_GONE, "not heard of for 44s"),
			entry(90_000, "alice", messages.WorkerState_WORKER_STATE_GONE, "+big -gpu: it has a new \x1b[2Jcard"),
		},
	}
	b.WorkerPast[1].Changed.Alert = true
	b.Put(sample(1, failed))
	second := sample(2, success)
	second.Name, second.Jobs = "docs", second.Jobs[:1]
	b.Put(second)
	part := func(seq uint64, step uint32, s string) *messages.ReadLogResponse {
		return &messages.ReadLogResponse{Parts: []*messages.LogPart{{Seq: seq, Step: step, Time: at(30), Data: []byte(s)}}}
	}
	end := func(whole bool) *messages.ReadLogResponse {
		return &messages.ReadLogResponse{End: &messages.LogEnd{Sum: &messages.LogSum{Chunks: 2, Bytes: 99}, Complete: whole}}
	}
	b.PutLog(apitest.RunID(1), 0, 2, part(1, 0, "compi"), part(2, 0, "ling\x1b[2J\x1b[31mred\nno end"), end(true))
	b.PutLog(apitest.RunID(1), 0, 1, part(1, 0, "first attempt\n"), end(true))
	b.PutLog(apitest.RunID(1), 1, 1, part(1, 0, "--- FAIL\n"), end(false))
	b.SetScaling(&messages.GetScalingResponse{DryRun: true, Classes: []*messages.ScalingClass{
		{
			Name: "small", Labels: []string{"amd64", "linux"}, Least: 1, Most: 10, Connected: 2, Booting: 1, Desired: 3,
			Waiting: 2, Why: []string{"2 jobs wait that will not be done before a new worker has booted (5s): 1 more needed"},
		},
		{Name: "large", Most: 2, Why: []string{"nothing runs here, and nothing waits"}},
	}})
	return b
}

func TestWhatCommandsPrint(t *testing.T) {
	t.Parallel()
	run := apitest.RunID(1)
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"list":              {[]string{"list"}, 0},
		"list_failed":       {[]string{"list", "--state", "failed,running", "--name", "ci"}, 0},
		"list_json":         {[]string{"list", "-o", "json", "--limit", "1"}, 0},
		"list_bad_state":    {[]string{"list", "--state", "done"}, 2},
		"show":              {[]string{"show", run}, 0},
		"show_job":          {[]string{"show", run + "/deploy"}, 0},
		"show_json":         {[]string{"show", run, "--output", "json"}, 0},
		"show_missing":      {[]string{"show", apitest.RunID(9)}, 2},
		"logs":              {[]string{"logs", run}, 0},
		"logs_job":          {[]string{"logs", run + "/build"}, 0},
		"logs_attempt":      {[]string{"logs", run + "/build", "--attempt", "1"}, 0},
		"logs_no_attempt":   {[]string{"logs", run + "/build", "--attempt", "9"}, 2},
		"logs_no_first":     {[]string{"logs", run + "/deploy", "--attempt", "1"}, 2},
		"logs_not_started":  {[]string{"logs", run + "/deploy"}, 0},
		"logs_unknown_job":  {[]string{"logs", run + "/nope"}, 2},
		"logs_json":         {[]string{"logs", run + "/build", "-o", "json"}, 0},
		"cancel":            {[]string{"cancel", run + "/build", "--reason", "enough"}, 0},
		"cancel_json":       {[]string{"cancel", run, "-o", "json"}, 0},
		"why":               {[]string{"why", run}, 0},
		"why_job_json":      {[]string{"why", run + "/build", "-o", "json"}, 0},
		"workers":           {[]string{"workers"}, 0},
		"workers_json":      {[]string{"workers", "list", "-o", "json"}, 0},
		"worker_show":       {[]string{"workers", "show", "worker"}, 0},
		"worker_show_json":  {[]string{"workers", "show", "w1", "-o", "json"}, 0},
		"worker_missing":    {[]string{"workers", "show", "x1"}, 2},
		"worker_ambiguous":  {[]string{"workers", "drain", "w"}, 2},
		"worker_drain":      {[]string{"workers", "drain", "w1", "--reason", "old disk"}, 0},
		"worker_resume":     {[]string{"workers", "resume", "worker-t"}, 0},
		"worker_label":      {[]string{"workers", "label", "w1", "gpu", "big-"}, 0},
		"worker_label_json": {[]string{"workers", "label", "w1", "gpu", "-o", "json"}, 0},
		"worker_label_bad":  {[]string{"workers", "label", "w1", "a b", "-"}, 2},
		"worker_label_none": {[]string{"workers", "label", "w1"}, 2},
		"scaling":           {[]string{"scaling"}, 0},
		"scaling_json":      {[]string{"scaling", "-o", "json"}, 0},
		"no_such_command":   {[]string{"lsit"}, 2},
		"no_argument":       {[]string{"show"}, 2},
		"bad_flag":          {[]string{"list", "--limit", "x"}, 2},
		"bad_output":        {[]string{"list", "--output", "xml"}, 2},
		"bad_level":         {[]string{"list", "--log-level", "loud"}, 2},
		"bad_server_config": {strings.Fields(
			"server --listen :8427 --partitions 0 --lease 1s --node-id a.b --key-life 1ms --snapshot-after 1"), 2},
		"bad_worker_config": {
			strings.Fields("worker --server http://u:secret@x --slots 0 --labels -a,b=1 --pool A --grace -1s"), 2,
		},
		"help":         {[]string{"--help"}, 0},
		"help_submit":  {[]string{"submit", "--help"}, 0},
		"help_logs":    {[]string{"logs", "--help"}, 0},
		"help_workers": {[]string{"workers", "--help"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, filled())
			code := c.run(tt.args...)
			golden(t, name+".txt", c.out.String()+"-- stderr --\n"+c.err.String())
			assert.Equal(t, tt.code, code)
		})
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"server", "worker", "run"} {
		c := newCLI(t, nil)
		c.env["XDG_STATE_HOME"] = "/state"
		assert.Equal(t, 0, c.run(name, "--help"))
		// Defaults that depend on the machine are left out.
		var lines []string
		for line := range strings.Lines(c.out.String()) {
			line, _, _ = strings.Cut(line, "(default")
			lines = append(lines, strings.TrimRight(line, " \n"))
		}
		golden(t, "help_"+name+".txt", strings.Join(lines, "\n")+"\n")
	}
}

func TestARunIsNamedByPartsOfItsID(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"@": apitest.RunID(2), "latest": apitest.RunID(2), apitest.RunID(1): apitest.RunID(1),
		strings.ToLower(apitest.RunID(1)): apitest.RunID(1), "0001": apitest.RunID(1), "00002": apitest.RunID(2),
		"01K0": "could be any of", "001": "too short", "zzzz": "no run", "": "too short",
	} {
		c := newCLI(t, filled())
		code := c.run("show", arg)
		if strings.HasPrefix(want, "01K") {
			assert.Zero(t, code, arg)
			assert.Contains(t, c.out.String(), want, arg)
			continue
		}
		assert.Equal(t, exitUsage, code, arg)
		assert.Contains(t, c.err.String(), want, arg)
	}
	c := newCLI(t, new(apitest.Backend))
	assert.Equal(t, exitUsage, c.run("show", "@"))
	assert.Contains(t, c.err.String(), "no run yet")
}

func TestAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	file := workflowFile(t, helloFile)
	for _, args := range [][]string{{"list"}, {"submit", file}, {"show", "@"}, {"logs", apitest.RunID(1), "-f"}} {
		c := newCLI(t, nil)
		c.env["YARDMASTER_API"] = "http://127.0.0.1:9" // the flag wins
		assert.Equal(t, exitUnreachable, c.run(append(args, "--api", "http://"+ln.Addr().String())...), args)
		assert.Equal(t, "yardmaster: cannot reach the server at http://"+ln.Addr().String()+
			": is `yardmaster server` running? (--api or YARDMASTER_API names another)\n", c.err.String())
	}
}

func TestErrorsOfTheServerHaveExitCodes(t *testing.T) {
	t.Parallel()
	for kind, code := range map[problem.Kind]int{
		problem.Invalid: 2, problem.NotFound: 2, problem.Conflict: 2, problem.Refused: 2,
		problem.Exhausted: 3, problem.Unavailable: 3, problem.Internal: 3,
	} {
		c := newCLI(t, &apitest.Backend{Fail: problem.New(kind, "so it is")})
		assert.Equal(t, code, c.run("list"), kind)
	}
	c := newCLI(t, nil)
	assert.Equal(t, exitUsage, c.run("list", "--token-file", "/nowhere"))
	assert.Equal(t, exitUsage, newCLI(t, nil).run("list", "--api", "nonsense"))
	c = newCLI(t, nil)
	c.env["YARDMASTER_LOG_LEVEL"] = "shout"
	assert.Equal(t, exitUsage, c.run("list"))
}

func TestSubmitPrintsTheRuns(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	file := workflowFile(t, helloFile)
	c := newCLI(t, b)
	require.Zero(t, c.run("submit", file, "--key", "k", "--count", "3"), c.err.String())
	assert.Equal(t, apitest.RunID(1)+"\n"+apitest.RunID(2)+"\n"+apitest.RunID(3)+"\n", c.out.String())
	assert.Equal(t, []string{"k-1", "k-2", "k-3"}, b.Submissions()[0].Keys)

	c = newCLI(t, b)
	c.in = helloFile
	require.Zero(t, c.run("submit", "-", "-o", "json"), c.err.String())
	var res struct {
		Runs []struct {
			RunID string `json:"run_id"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(c.out.String()), &res))
	assert.Equal(t, apitest.RunID(1), res.Runs[0].RunID)
	assert.NotEmpty(t, b.Submissions()[1].Keys[0], "a submission may be repeated")

	c = newCLI(t, b)
	require.Zero(t, c.run("submit", file, "--count", "2500"))
	assert.Len(t, b.Submissions(), 5, "in batches")
	assert.Equal(t, exitUsage, newCLI(t, b).run("submit", file, "--count", "0"))
	assert.Equal(t, exitUsage, newCLI(t, b).run("submit", file+".not"))
}

func TestFaultsAreShownWithTheirLines(t *testing.T) {
	t.Parallel()
	file := workflowFile(t, "name: x\non: push\njobs:\n  a:\n    runs-on: linux\n    stepz: []\n")
	for _, command := range []string{"submit", "run"} {
		c := newCLI(t, new(apitest.Backend))
		assert.Equal(t, exitUsage, c.run(command, file))
		assert.Contains(t, c.err.String(), "ci.yml:6:5: ")
		assert.Contains(t, c.err.String(), "    6 |     stepz: []\n      |     ^\n")
		assert.Empty(t, c.out.String())
	}
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	c := newCLI(t, nil)
	require.Zero(t, c.run("version"))
	assert.Regexp(t, `^yardmaster .* go1\..* linux/`, c.out.String())
	c = newCLI(t, nil)
	require.Zero(t, c.run("version", "-o", "json"))
	var info buildInfo
	require.NoError(t, json.Unmarshal([]byte(c.out.String()), &info))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		c := newCLI(t, nil)
		require.Zero(t, c.run("completion", shell))
		assert.Contains(t, c.out.String(), "yardmaster")
	}
}
