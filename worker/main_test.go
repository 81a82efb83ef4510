//go:build unix

package worker_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
	"yardmaster/worker/action"
	"yardmaster/worker/proc"
	"yardmaster/worker/shim"
)

// playWorker is the first argument of a test binary that is to be a worker; the
// second is its directory, the third the script of its only step.
const playWorker = "play-worker"

// deadline is far beyond what any of these tests needs.
const deadline = 30 * time.Second

func TestMain(m *testing.M) {
	if shim.Wanted(os.Args) {
		os.Exit(shim.Run())
	}
	if action.Wanted(os.Args) {
		os.Exit(action.Run())
	}
	if len(os.Args) == 4 && os.Args[1] == playWorker {
		os.Exit(play(os.Args[2], os.Args[3]))
	}
	goleak.VerifyTestMain(m)
}

// quickShim is this program as a shim that, built with the race detector, does
// not linger for a second at its end, and, built to measure coverage, has a place
// to write it to other than the log.
func quickShim() []string {
	command := []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0"}
	if testing.CoverMode() != "" {
		dir := os.Getenv("YARDMASTER_SHIM_COVERAGE") // make test gives one
		if dir == "" {
			dir = filepath.Join(os.TempDir(), "yardmaster-shim-coverage")
		}
		_ = os.Mkdir(dir, 0o700) // that of another run will do
		command = append(command, "GOCOVERDIR="+dir)
	}
	return append(command, os.Args[0], shim.Word)
}

func play(dir, script string) int {
	e, err := worker.New(worker.Config{WorkDir: dir, ShimCommand: quickShim()})
	if err != nil {
		return 1
	}
	e.Execute(context.Background(), task(plan.Step{Run: script}), &heard{})
	return 0
}

// heard is an observer that remembers, and checks what every attempt owes.
type heard struct {
	mu     sync.Mutex
	chunks []attempt.Chunk
	steps  []attempt.Step
	// onChunk and onStep, when set, are called before the observer returns.
	onChunk func(attempt.Chunk)
	onStep  func(attempt.Step)
}

func (h *heard) StepChanged(s attempt.Step) {
	h.mu.Lock()
	h.steps = append(h.steps, s)
	h.mu.Unlock()
	if h.onStep != nil {
		h.onStep(s)
	}
}

func (h *heard) Output(c attempt.Chunk) {
	h.mu.Lock()
	h.chunks = append(h.chunks, c)
	h.mu.Unlock()
	if h.onChunk != nil {
		h.onChunk(c)
	}
}

// text is what was heard of one kind.
func (h *heard) text(kind attempt.ChunkKind) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, c := range h.chunks {
		if c.Kind == kind {
			b.Write(c.Data)
		}
	}
	return b.String()
}

func (h *heard) output() string { return h.text(attempt.Output) }

// check holds the log against its sum.
func (h *heard) check(t testing.TB, res job.Result) {
	t.Helper()
	var all bytes.Buffer
	for i, c := range h.chunks {
		require.Equal(t, uint64(i+1), c.Seq)
		require.NotEmpty(t, c.Data)
		require.LessOrEqual(t, len(c.Data), attempt.MaxChunk)
		all.Write(c.Data)
	}
	assert.Equal(t, uint64(len(h.chunks)), res.Log.Chunks)
	assert.Equal(t, uint64(all.Len()), res.Log.Bytes)
	assert.Equal(t, sha256.Sum256(all.Bytes()), res.Log.SHA256)
}

func task(steps ...plan.Step) attempt.Task {
	return attempt.Task{
		Job: job.ID{Run: "01RUN", Index: 3}, Token: 7, Attempt: 2, Workflow: "build",
		Spec: plan.Job{Key: "test (linux)", ID: "test", Name: "test", Timeout: time.Hour, Steps: steps},
	}
}

func open(t testing.TB, cfg worker.Config) *worker.Executor {
	t.Helper()
	if cfg.WorkDir == "" {
		cfg.WorkDir = t.TempDir()
	}
	cfg.ShimCommand = quickShim()
	e, err := worker.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// execute runs a task in a fresh executor, and checks that nothing is left of it.
func execute(t testing.TB, cfg worker.Config, tk attempt.Task) (job.Result, *heard) {
	t.Helper()
	return executeUntil(context.Background(), t, cfg, tk, &heard{})
}

func executeUntil(
	ctx context.Context, t testing.TB, cfg worker.Config, tk attempt.Task, h *heard,
) (job.Result, *heard) {
	t.Helper()
	cfg.WorkDir = t.TempDir()
	res := open(t, cfg).Execute(ctx, tk, h)
	h.check(t, res)
	assert.NoDirExists(t, cfg.WorkDir+"/"+tk.Name())
	assert.Empty(t, marked(cfg.WorkDir))
	return res, h
}

// marked returns the processes that were started with a workspace below dir.
func marked(dir string) (pids []int) {
	for _, p := range proc.List() {
		if p.Zombie {
			continue
		}
		for _, v := range proc.Environ(p.PID) {
			if strings.HasPrefix(v, "YARDMASTER_WORKSPACE="+dir+"/") {
				pids = append(pids, p.PID)
			}
		}
	}
	return pids
}

// pidsIn waits for a file into which a script writes the numbers of processes.
func pidsIn(t testing.TB, file string, n int) (pids []int) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(file)
		pids = nil
		for _, f := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(f)
			pids = append(pids, pid)
		}
		return len(pids) >= n && strings.HasSuffix(string(text), "\n")
	}, deadline, 5*time.Millisecond)
	return pids
}

// alive returns those of pids that have not ended.
func alive(pids []int) (left []int) {
	for _, p := range proc.List() {
		for _, pid := range pids {
			if p.PID == pid && !p.Zombie {
				left = append(left, pid)
			}
		}
	}
	return left
}
