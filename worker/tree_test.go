//go:build linux

package worker_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
	"yardmaster/worker/proc"
)

// hidden starts a process that ignores SIGTERM in a session of its own, orphaned
// by two forks, and writes its number into the file of the environment.
const hidden = `(setsid sh -c 'trap "" TERM HUP INT; (trap "" TERM HUP INT; echo $(exec sh -c "echo \$PPID") >>$PIDS;
	while :; do sleep 1; done) & exit 0' &)
`

// stubborn does not end when it is asked to.
const stubborn = "trap '' TERM; echo $$ >>$PIDS; while :; do sleep 1; done\n"

func pidsFile(t *testing.T, tk *attempt.Task) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pids")
	tk.Spec.Env = append(tk.Spec.Env, plan.Var{Name: "PIDS", Value: file})
	return file
}

func TestNothingIsLeftWhenTheStepsEnd(t *testing.T) {
	t.Parallel()
	tk := task(
		plan.Step{Run: hidden + "nohup sleep 1000 & while ! [ -s $PIDS ]; do sleep 0.01; done"},
		plan.Step{Run: "kill -0 $(cat $PIDS); echo it lives on; kill 0"},
	)
	file := pidsFile(t, &tk)
	res, h := execute(t, worker.Config{}, tk)
	assert.Equal(t, "killed by SIGTERM", res.Reason)
	assert.Contains(t, h.output(), "it lives on\n")
	assert.Empty(t, alive(pidsIn(t, file, 1)))
}

func TestCancellingKillsWhatIgnoresIt(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{"cancelled": attempt.ErrCancelled, "unknown": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(context.Background())
			tk := task(plan.Step{Run: hidden + stubborn}, plan.Step{Run: "true"})
			file := pidsFile(t, &tk)
			go func() {
				defer cancel(cause)
				pidsIn(t, file, 2) //nolint:testifylint // a failure there still fails the test
			}()
			res, h := executeUntil(ctx, t, worker.Config{Grace: 200 * time.Millisecond}, tk, &heard{})
			assert.Equal(t, job.OutcomeCancelled, res.Outcome)
			assert.Equal(t, job.FaultNone, res.Fault)
			assert.Equal(t, 137, res.ExitCode)
			assert.Equal(t, job.OutcomeCancelled, res.Steps[0].Outcome)
			assert.Equal(t, job.OutcomeSkipped, res.Steps[1].Outcome)
			assert.Contains(t, h.text(attempt.Notice), "cancelled\n")
			assert.Empty(t, alive(pidsIn(t, file, 2)))
		})
	}
}

func TestCancellingLetsAJobTidyUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	h := &heard{onChunk: func(attempt.Chunk) { cancel(attempt.ErrCancelled) }}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: deadline}, task(plan.Step{
		Run: "trap 'echo tidied; exit 5' TERM; echo ready; while :; do sleep 0.01; done",
	}), h)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Equal(t, 5, res.ExitCode)
	assert.Contains(t, h.output(), "tidied\n")
}

func TestALostLeaseKillsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	tk := task(plan.Step{Run: "trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.01; done"})
	h := &heard{onChunk: func(attempt.Chunk) { cancel(attempt.ErrLeaseLost) }}
	res, _ := executeUntil(ctx, t, worker.Config{Grace: time.Hour}, tk, h)
	assert.Equal(t, job.OutcomeLost, res.Outcome)
	assert.Equal(t, job.FaultInfrastructure, res.Fault)
	assert.NotContains(t, h.output(), "tidied")
}

func TestALostLeaseHurriesAStopUnderWay(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	tk := task(plan.Step{Run: stubborn})
	tk.Spec.Timeout = 300 * time.Millisecond
	h := &heard{onChunk: func(c attempt.Chunk) {
		if c.Kind == attempt.Notice {
			cancel(attempt.ErrLeaseLost)
		}
	}}
	pidsFile(t, &tk)
	res, _ := executeUntil(ctx, t, worker.Config{Grace: time.Hour}, tk, h)
	assert.Contains(t, res.Reason, "job timed out after 300ms")
	assert.Equal(t, job.FaultUser, res.Fault)
}

func TestAnAttemptHasATimeLimit(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{Run: hidden + stubborn, ContinueOnError: true}, plan.Step{Run: "true"})
	tk.Spec.Timeout = 500 * time.Millisecond
	pidsFile(t, &tk)
	res, _ := execute(t, worker.Config{Grace: 50 * time.Millisecond}, tk)
	assert.Equal(t, job.OutcomeFailed, res.Outcome)
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Equal(t, "job timed out after 500ms", res.Reason)
	assert.Equal(t, job.OutcomeSkipped, res.Steps[1].Outcome)
}

func TestAStepThatTimedOutSparesEarlierOnes(t *testing.T) {
	t.Parallel()
	tk := task(
		plan.Step{Run: "sleep 1000 & echo $! >$PIDS"},
		plan.Step{Run: "trap '' TERM; sleep 1000 & sleep 1000", Timeout: 100 * time.Millisecond, ContinueOnError: true},
		plan.Step{Run: "kill -0 $(cat $PIDS)"},
	)
	pidsFile(t, &tk)
	res, _ := execute(t, worker.Config{Grace: 50 * time.Millisecond}, tk)
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Equal(t, 137, res.Steps[1].ExitCode)
	assert.Equal(t, "step timed out after 100ms", res.Steps[1].Reason)
}

func TestABlockedObserverDoesNotDelayTheKill(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	tk := task(plan.Step{Run: stubborn + "\n"}, plan.Step{Run: "true"})
	tk.Spec.Steps[0].Run = "echo out; " + stubborn
	file := pidsFile(t, &tk)
	blocked := make(chan struct{})
	release := make(chan struct{})
	first := true
	h := &heard{onChunk: func(attempt.Chunk) {
		if first {
			first = false
			close(blocked)
			<-release
		}
	}}
	go func() {
		defer close(release)
		<-blocked
		pids := pidsIn(t, file, 1) //nolint:testifylint // a failure there still fails the test
		cancel(attempt.ErrLeaseLost)
		assert.Eventually(t, func() bool { return len(alive(pids)) == 0 }, deadline, 5*time.Millisecond)
	}()
	res, _ := executeUntil(ctx, t, worker.Config{}, tk, h)
	assert.Equal(t, job.OutcomeLost, res.Outcome)
}

func TestAForkStormIsEnded(t *testing.T) {
	t.Parallel()
	// 200 processes that sleep, and two that replace themselves by a child in a new
	// session, again and again. They give up in the end, lest a failing test hurt.
	storm := `import os, time
end = time.time() + 20
for i in range(202):
    if os.fork() == 0:
        if i < 200:
            time.sleep(1000)
        while time.time() < end:
            if os.fork() == 0:
                os.setsid()
            else:
                os._exit(0)
        os._exit(0)
print("ready", flush=True)
`
	res, h := execute(t, worker.Config{}, task(plan.Step{Shell: "python", Run: storm}))
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.Equal(t, "ready\n", h.output())
}

func TestAShimThatIsKilledOrStoppedLeavesNothing(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{Run: hidden + "while ! [ -s $PIDS ]; do sleep 0.01; done; kill -KILL $PPID; sleep 1000"})
	file := pidsFile(t, &tk)
	res, _ := execute(t, worker.Config{}, tk)
	assert.Equal(t, job.FaultInfrastructure, res.Fault)
	assert.Contains(t, res.Reason, "watches over the steps was killed")
	assert.Empty(t, alive(pidsIn(t, file, 1)))
}

func TestAStoppedShimIsFelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	tk := task(plan.Step{Run: hidden + "kill -STOP $PPID; " + stubborn})
	file := pidsFile(t, &tk)
	go func() {
		defer cancel(attempt.ErrLeaseLost)
		pidsIn(t, file, 2) //nolint:testifylint // a failure there still fails the test
	}()
	res, _ := executeUntil(ctx, t, worker.Config{}, tk, &heard{})
	assert.Equal(t, job.OutcomeLost, res.Outcome)
	assert.Empty(t, alive(pidsIn(t, file, 2)))
}

// startWorker starts a process that plays worker in dir and runs script.
func startWorker(t *testing.T, dir, script, pids string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], playWorker, dir, "export PIDS="+pids+"\n"+script)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	return cmd
}

func TestKillingTheWorkerKillsItsJobs(t *testing.T) {
	t.Parallel()
	dir, pids := t.TempDir(), filepath.Join(t.TempDir(), "pids")
	cmd := startWorker(t, dir, hidden+"for i in $(seq 20); do "+hidden+" done\n"+stubborn, pids)
	all := append(pidsIn(t, pids, 22), marked(dir)...)
	require.NotEmpty(t, alive(all))
	require.NoError(t, cmd.Process.Kill())
	killed := time.Now()
	_ = cmd.Wait()
	assert.Eventually(t, func() bool { return len(alive(all))+len(marked(dir)) == 0 }, deadline, 5*time.Millisecond)
	t.Logf("nothing left %s after kill -9 of the worker", time.Since(killed))
}

// TestANewWorkerClearsWhatThePastOneLeft runs alone: what the worker leaves falls
// to this process, where another test would take it for its own.
func TestANewWorkerClearsWhatThePastOneLeft(t *testing.T) {
	dir, pids := t.TempDir(), filepath.Join(t.TempDir(), "pids")
	cmd := startWorker(t, dir, hidden+stubborn, pids)
	left := pidsIn(t, pids, 2)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "not-ours"), 0o700))
	// The shim first, so that nobody kills the orphan.
	for _, p := range proc.List() {
		if p.Parent == cmd.Process.Pid {
			shim, err := os.FindProcess(p.PID)
			require.NoError(t, err)
			require.NoError(t, cmd.Process.Signal(unix.SIGSTOP))
			require.NoError(t, shim.Kill())
		}
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return len(alive(left)) == 1 }, deadline, 5*time.Millisecond,
		"the step must die with its shim, and the orphan survive for this test to mean anything")
	require.DirExists(t, filepath.Join(dir, task().Name()))

	open(t, worker.Config{WorkDir: dir})
	assert.Empty(t, alive(left))
	assert.NoDirExists(t, filepath.Join(dir, task().Name()))
	assert.DirExists(t, filepath.Join(dir, "not-ours"))
}

func TestManyAttemptsAtOnceDoNotMix(t *testing.T) {
	t.Parallel()
	e := open(t, worker.Config{})
	done := make(chan string)
	const n = 20
	for i := range n {
		go func() {
			tk := task(plan.Step{Shell: "{0}", Run: "#!/bin/sh\nsleep 1000 & echo $YARDMASTER_JOB_ID"})
			tk.Job.Index = uint32(i)
			h := &heard{}
			res := e.Execute(context.Background(), tk, h)
			done <- strconv.Itoa(i) + " " + h.output() + res.Reason
		}()
	}
	for range n {
		index, said, _ := strings.Cut(<-done, " ")
		assert.Equal(t, "01RUN."+index+"\n", said)
	}
}

func TestABlockedObserverHoldsTheProcessBack(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{Run: "echo $$ >$PIDS; exec seq 1000000"})
	file := pidsFile(t, &tk)
	first := true
	h := &heard{onChunk: func(attempt.Chunk) {
		if !first {
			return
		}
		first = false
		pid := pidsIn(t, file, 1)[0]
		require.Eventually(t, func() bool {
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			return err == nil && strings.Contains(string(stat), "(seq) S ")
		}, deadline, 5*time.Millisecond, "the process is not held back")
	}}
	res, _ := executeUntil(context.Background(), t, worker.Config{}, tk, h)
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome)
	assert.Equal(t, uint64(len(lines(1_000_000))), res.Log.Bytes)
}

func TestAllOutputOfAStepComesBeforeItsEnd(t *testing.T) {
	t.Parallel()
	tk := task(plan.Step{Run: "echo $$ >$PIDS; head -c 70000 /dev/zero"}, plan.Step{Run: "echo next"})
	file := pidsFile(t, &tk)
	first := true
	h := &heard{}
	h.onChunk = func(attempt.Chunk) {
		if first { // so that the end of the step is known before the rest is read
			first = false
			pid := pidsIn(t, file, 1)
			require.Eventually(t, func() bool { return len(alive(pid)) == 0 }, deadline, 5*time.Millisecond)
		}
	}
	h.onStep = func(s attempt.Step) {
		if s.Index == 0 && !s.Running {
			assert.Len(t, h.output(), 70_000)
		}
	}
	res, _ := executeUntil(context.Background(), t, worker.Config{}, tk, h)
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome)
	for _, c := range h.chunks {
		assert.Equal(t, c.Data[0] == 'n', c.Step == 1)
	}
}
