//go:build linux

package worker_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

// headless is a Python program that starts a process in a session of its own,
// whose first thread ends while another goes on, so that it looks as if it had
// ended. It writes that process's number into the file of the environment.
const headless = `import ctypes, os, threading, time
child = os.fork()
if child == 0:
    os.setsid()
    threading.Thread(target=lambda: time.sleep(1000)).start()
    ctypes.CDLL(None).pthread_exit(None)
while open("/proc/%d/stat" % child).read().rsplit(")", 1)[1].split()[0] != "Z":
    time.sleep(0.01)
print(child, file=open(os.environ["PIDS"], "w"))
`

func TestAProcessWithoutItsFirstThreadIsKilledToo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	tk := task(plan.Step{Shell: "python", Run: headless})
	file := pidsFile(t, &tk)
	res, _ := executeUntil(ctx, t, worker.Config{}, tk, &heard{})
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
	assert.NoDirExists(t, "/proc/"+strconv.Itoa(pidsIn(t, file, 1)[0]))
	assert.NoError(t, ctx.Err(), "it took as long as the process")
}

// detached starts a process that nothing connects with its attempt: it is in a
// session of its own, and has neither the environment nor a file of the attempt.
// It writes its number into the file of the environment.
const detached = `setsid env -i sh -c "echo \$\$ >>$PIDS; exec sleep 1000" </dev/null >/dev/null 2>&1 &
	while ! [ -s $PIDS ]; do sleep 0.01; done
`

func TestTheOrphansOfAKilledShimAreKilledAndNothingElse(t *testing.T) {
	t.Parallel()
	e := open(t, worker.Config{})
	own := exec.Command("sleep", "1000") // a child of this process that is nobody's orphan
	require.NoError(t, own.Start())
	over := filepath.Join(t.TempDir(), "over")
	neighbour := task(plan.Step{Run: "setsid sleep 1000 & P=$!; while ! [ -e $OVER ]; do sleep 0.01; done; kill -0 $P"})
	neighbour.Job.Index, neighbour.Spec.Env = 99, []plan.Var{{Name: "OVER", Value: over}}
	ended := make(chan job.Result)
	go func() { ended <- e.Execute(context.Background(), neighbour, &heard{}) }()

	var attempts, short sync.WaitGroup
	for i := range 6 {
		tk := task(plan.Step{Run: "S=$PPID; " + detached + "kill -9 $S; sleep 1000"})
		tk.Job.Index = uint32(i)
		file := pidsFile(t, &tk)
		attempts.Go(func() {
			res := e.Execute(context.Background(), tk, &heard{})
			assert.Contains(t, res.Reason, "watches over the steps was killed")
			assert.NoDirExists(t, "/proc/"+strconv.Itoa(pidsIn(t, file, 1)[0]), "nobody took notice of its end")
		})
		short.Go(func() {
			for range 20 {
				child := exec.Command("sh", "-c", "exit 7")
				assert.EqualError(t, child.Run(), "exit status 7", "others took notice of the end of our own child")
			}
		})
	}
	attempts.Wait()
	short.Wait()
	require.NoError(t, os.WriteFile(over, nil, 0o600))
	assert.Equal(t, job.OutcomeSucceeded, (<-ended).Outcome, "another attempt was harmed")
	require.NoError(t, own.Process.Signal(syscall.SIGTERM), "a child of our own was killed")
	assert.EqualError(t, own.Wait(), "signal: terminated")
}

func TestAnOrphanThatHoldsTheReportsOpenIsKilled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	tk := task(plan.Step{Run: "S=$PPID; exec 3>/proc/$PPID/fd/1; " + detached + "kill -9 $S; sleep 1000"})
	file := pidsFile(t, &tk)
	go func() {
		defer cancel(attempt.ErrLeaseLost)
		pidsIn(t, file, 1) //nolint:testifylint // a failure there still fails the test
	}()
	res, _ := executeUntil(ctx, t, worker.Config{}, tk, &heard{})
	assert.NotEqual(t, job.OutcomeSucceeded, res.Outcome)
	assert.Empty(t, alive(pidsIn(t, file, 1)))
}

// TestAStoppedShimDoesNotHoldTheWorkerUp stops the shim between two steps. The
// environment of the second one is more than a pipe takes unread.
func TestAStoppedShimDoesNotHoldTheWorkerUp(t *testing.T) {
	t.Parallel()
	stop := filepath.Join(t.TempDir(), "stop")
	tk := task(
		plan.Step{Run: "echo $PPID >>$PIDS; (while ! [ -e $STOP ]; do sleep 0.01; done; kill -STOP $(cat $PIDS)) &"},
		plan.Step{Run: "true", Timeout: 100 * time.Millisecond, Env: []plan.Var{
			{Name: "A", Value: strings.Repeat("x", 100<<10)},
		}},
	)
	tk.Spec.Env = []plan.Var{{Name: "STOP", Value: stop}}
	file := pidsFile(t, &tk)
	h := &heard{onStep: func(s attempt.Step) {
		if s.Index > 0 || s.Running {
			return
		}
		shim := pidsIn(t, file, 1)[0]
		require.NoError(t, os.WriteFile(stop, nil, 0o600))
		require.Eventually(t, func() bool {
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(shim) + "/stat")
			return err == nil && strings.Contains(string(stat), ") T ")
		}, deadline, 5*time.Millisecond)
	}}
	res, _ := executeUntil(context.Background(), t, worker.Config{Grace: time.Millisecond}, tk, h)
	assert.Equal(t, "step timed out after 100ms", res.Reason)
	assert.Empty(t, alive(pidsIn(t, file, 1)))
}
