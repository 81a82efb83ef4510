//go:build linux

package proc_test

import (
	"os"
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
	for _, bad := range []string{"", "12", "12 (x)", "x (x) S 1 2 3", "1 (x) S 1 2", "1 (x) S a 2 3", "1 )x( S 1 2 3"} {
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
