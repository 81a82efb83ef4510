//go:build linux

package worker_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

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
