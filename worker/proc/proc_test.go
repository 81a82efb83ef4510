//go:build linux

package proc_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/worker/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAStatLineIsReadWhateverTheNameHolds(t *testing.T) {
	t.Parallel()
	p, err := proc.Parse([]byte("12 (a) Z 1 (b) c) S 3 4 5 0 -1 \n"))
	require.NoError(t, err)
	assert.Equal(t, proc.Process{PID: 12, Parent: 3, Group: 4, Session: 5}, p)
	p, err = proc.Parse([]byte("12 (x) Z 3 4 5"))
	require.NoError(t, err)
	assert.True(t, p.Zombie)
	const whole = "12 (x) S 3 4 5 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 678 0 0"
	p, err = proc.Parse([]byte(whole))
	require.NoError(t, err)
	assert.Equal(t, proc.Process{PID: 12, Parent: 3, Group: 4, Session: 5, Started: 678}, p)
	for _, bad := range []string{
		"", "12", "12 (x)", "x (x) S 1 2 3", "1 (x) S 1 2", "1 (x) S a 2 3", "1 )x( S 1 2 3",
		strings.Replace(whole, "678", "-1", 1),
	} {
		_, err := proc.Parse([]byte(bad))
		require.ErrorIs(t, err, proc.ErrBadStat, bad)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("12 (a) Z 1 (b) c) S 3 4 5 0 -1 \n"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		p, err := proc.Parse(stat)
		if err != nil && p != (proc.Process{}) {
			t.Fatal("an error comes with a process")
		}
	})
}

func TestUnderFindsDescendantsAlsoInARing(t *testing.T) {
	t.Parallel()
	list := []proc.Process{{PID: 5, Parent: 4}, {PID: 2, Parent: 1}, {PID: 4, Parent: 2}, {PID: 1, Parent: 5}, {PID: 9}}
	var pids []int
	for _, p := range proc.Under(list, 2) {
		pids = append(pids, p.PID)
	}
	assert.Equal(t, []int{4, 5, 1}, pids)
}

func TestThisProcessIsInTheTable(t *testing.T) {
	t.Parallel()
	var found bool
	for _, p := range proc.List() {
		found = found || p.PID == os.Getpid() && p.Parent == os.Getppid()
	}
	assert.True(t, found)
	assert.Contains(t, proc.Environ(os.Getpid()), "PATH="+os.Getenv("PATH"))
	assert.Nil(t, proc.Environ(1<<30))
	assert.Zero(t, proc.KillTree(os.Getpid()))
}

// TestOrphansFallToAProcessThatAdoptsAndAreKilled runs alone: another test kills
// all children of this process.
func TestOrphansFallToAProcessThatAdoptsAndAreKilled(t *testing.T) {
	require.NoError(t, proc.Adopt())
	own := exec.Command("sleep", "1000")
	require.NoError(t, own.Start())
	parent := exec.Command("setsid", "sh", "-c", "setsid sh -c 'sleep 1000 & echo $$ $!; wait' & exit 0")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var orphan, below int
	_, err = fmt.Fscan(out, &orphan, &below)
	require.NoError(t, err)
	require.NoError(t, parent.Wait())
	p, ok := proc.Read(orphan)
	require.True(t, ok)
	require.Equal(t, os.Getpid(), p.Parent)

	none := func(proc.Process) bool { return false }
	require.Zero(t, proc.KillOrphans(p.Started+1, none), "it began before")
	require.Zero(t, proc.KillOrphans(p.Started, func(q proc.Process) bool { return q.PID == orphan }), "it is spared")
	require.NotZero(t, proc.KillOrphans(p.Started, none))
	for proc.KillOrphans(p.Started, none) > 0 {
	}
	for _, pid := range []int{orphan, below} {
		_, left := proc.Read(pid)
		assert.False(t, left)
	}
	require.NoError(t, own.Process.Signal(syscall.SIGTERM), "what is in our session is our own")
	require.EqualError(t, own.Wait(), "signal: terminated")
}
