//go:build unix

package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/sizing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Unix(1_000_000, 0) //nolint:gochecknoglobals // a moment, never changed

// files is what a system says; a test changes it between two looks.
type files map[string]string

// host says how a system with four processors stands after some seconds.
func host(busyTicks, idleTicks int) files {
	stat := fmt.Sprintf("cpu  0 0 0 0 0 0 0 0 0 0\n"+
		"cpu0 %d 0 0 %d 0 0 0 0 0 0\ncpu1 0 0 %d %d 0 0 0 0 0 0\ncpu2 0 0 0 %d %d 0 0 0 0 0\ncpu3 0 0 0 %d 0 0 0 %d 0 0\n"+
		"intr 1 2 3\nctxt 99\nprocs_blocked 0\n",
		busyTicks, idleTicks, busyTicks, idleTicks, busyTicks, idleTicks, idleTicks, busyTicks)
	return files{
		"proc/stat":            stat,
		"proc/meminfo":         "MemTotal:       16777216 kB\nMemFree:          1000 kB\nMemAvailable:    8388608 kB\n",
		"proc/pressure/cpu":    "some avg10=1.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 total=0\n",
		"proc/pressure/memory": "some avg10=1.00 avg60=0.00 avg300=0.00 total=2000000\n",
		// A worker with two threads, of which one started two shims. One of these has a
		// shell and below it a compiler with three threads, the other nothing yet.
		"proc/self/task/1/children": "",
		"proc/self/task/2/children": "10 20 ",
		"proc/10/task/10/children":  "11 ",
		"proc/10/task/10/stat":      "10 (yardmaster) R 1 1\n",
		"proc/11/task/11/children":  "12 11 99 ",
		"proc/11/task/11/stat":      "11 (sh) S 10 11\n",
		"proc/12/task/12/stat":      "12 (cc ) R) S 11 11\n",
		"proc/12/task/13/stat":      "13 (cc) R 11 11\n",
		"proc/12/task/14/stat":      "14 (cc) R 11 11\n",
		"proc/20/task/20/children":  "",
	}
}

func machineOf(root fstest.MapFS) *Machine {
	return &Machine{root: root, may: func(int) bool { return true }}
}

func (f files) into(root fstest.MapFS) {
	for name, text := range f {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
}

func TestALookSaysWhatHappenedSinceTheOneBefore(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{}
	host(0, 0).into(root)
	m := machineOf(root)
	first := m.Look(noon)
	assert.False(t, first.Known, "nothing was seen yet")

	later := host(50, 50) // cpu2 waits for a disk where the others are busy: it is idle
	later["proc/pressure/cpu"] = "some total=1250000\n"
	later["proc/pressure/memory"] = "some total=2100000\n"
	later.into(root)
	got := m.Look(noon.Add(time.Second))
	want := sizing.Sample{
		Known: true, Cores: 4, CPU: 0.375, Runnable: 2, CPUPressure: 0.25, MemoryPressure: 0.1,
		MemoryFree: 8 << 30, MemoryTotal: 16 << 30,
	}
	assert.Equal(t, want, got)
	assert.False(t, m.Look(noon.Add(time.Second)).Known, "no time has passed")
}

func TestAProcessIsToldOfItsOwnProcessorsOnly(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{}
	host(0, 0).into(root)
	m := machineOf(root)
	m.may = func(cpu int) bool { return cpu < 2 }
	m.Look(noon)
	host(75, 25).into(root)
	got := m.Look(noon.Add(time.Second))
	assert.InDelta(t, 2, got.Cores, 0)
	assert.InDelta(t, 0.75, got.CPU, 1e-9)
}

// A group may use two of four processors, and its parent one and a half.
func TestTheTightestLimitOfAGroupCounts(t *testing.T) {
	t.Parallel()
	const parent, own = "sys/fs/cgroup/ci/", "sys/fs/cgroup/ci/worker/"
	root := fstest.MapFS{}
	group := func(used int) files {
		return files{
			"proc/self/cgroup": "1:cpu:/elsewhere\n0::/ci/worker\n",
			own + "cpu.max":    "200000 100000\n", own + "cpu.stat": "usage_usec 5\n",
			parent + "cpu.max":      "150000 100000\n",
			parent + "cpu.stat":     fmt.Sprintf("usage_usec %d\nuser_usec 1\n", used),
			parent + "cpu.pressure": fmt.Sprintf("some avg10=0.00 total=%d\n", used/2),
			parent + "memory.max":   "max\n", parent + "memory.current": "1\n",
			own + "memory.max":      "4294967296\n",
			own + "memory.current":  "3221225472\n",
			own + "memory.stat":     "anon 1\ninactive_file 1073741824\n",
			own + "memory.pressure": fmt.Sprintf("some total=%d\n", used/3),
		}
	}
	host(0, 0).into(root)
	group(0).into(root)
	m := machineOf(root)
	m.Look(noon)
	host(10, 90).into(root)
	group(1_200_000).into(root)
	got := m.Look(noon.Add(time.Second))
	assert.InDelta(t, 1.5, got.Cores, 1e-9)
	assert.InDelta(t, 0.8, got.CPU, 1e-9)
	assert.InDelta(t, 0.6, got.CPUPressure, 1e-9)
	assert.InDelta(t, 0.4, got.MemoryPressure, 1e-9)
	assert.EqualValues(t, 4<<30, got.MemoryTotal)
	assert.EqualValues(t, 2<<30, got.MemoryFree, "cached files can be had back")

	host(100, 100).into(root)
	root[parent+"cpu.stat"] = &fstest.MapFile{Data: []byte("usage_usec 1300000\n")}
	got = m.Look(noon.Add(2 * time.Second))
	assert.Greater(t, got.CPU, 0.6, "others have the processors: the group may, and cannot")
}

func TestAbsentFilesLeaveOutWhatTheyWouldHaveTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		absent string
		check  func(t *testing.T, s sizing.Sample)
	}{
		"no processors": {"proc/stat", func(t *testing.T, s sizing.Sample) {
			t.Helper()
			assert.False(t, s.Known)
		}},
		"no children": {"proc/self/task/2/children", func(t *testing.T, s sizing.Sample) {
			t.Helper()
			assert.Zero(t, s.Runnable)
		}},
		"no memory": {"proc/meminfo", func(t *testing.T, s sizing.Sample) {
			t.Helper()
			assert.True(t, s.Known)
			assert.Zero(t, s.MemoryTotal)
		}},
		"no pressure of processors": {"proc/pressure/cpu", func(t *testing.T, s sizing.Sample) {
			t.Helper()
			assert.True(t, s.Known)
			assert.Negative(t, s.CPUPressure)
			assert.GreaterOrEqual(t, s.MemoryPressure, 0.0)
		}},
		"no pressure of memory": {"proc/pressure/memory", func(t *testing.T, s sizing.Sample) {
			t.Helper()
			assert.Negative(t, s.MemoryPressure)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			host(0, 0).into(root)
			delete(root, tt.absent)
			m := machineOf(root)
			m.Look(noon)
			after := host(50, 50)
			delete(after, tt.absent)
			after.into(root)
			tt.check(t, m.Look(noon.Add(time.Second)))
		})
	}
}

func TestThisMachineIsSeen(t *testing.T) {
	t.Parallel()
	m := This()
	m.Look(time.Now())
	if runtime.GOOS != "linux" {
		require.False(t, m.Look(time.Now()).Known)
		return
	}
	var s sizing.Sample
	require.Eventually(t, func() bool {
		s = m.Look(time.Now())
		return s.Known
	}, 10*time.Second, 50*time.Millisecond)
	assert.Positive(t, s.Cores)
	assert.GreaterOrEqual(t, s.Runnable, 0.0)
	assert.LessOrEqual(t, s.Cores, float64(runtime.NumCPU()))
	assert.Positive(t, s.MemoryTotal)
	assert.Positive(t, s.MemoryFree)
	_, err := os.Stat("/proc/pressure/cpu")
	assert.Equal(t, err == nil, s.CPUPressure >= 0)
}

func TestWhereProcessesAreNotToldOfNothingIsSaidOfThem(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{}
	host(0, 0).into(root)
	delete(root, "proc/self/task/1/children")
	delete(root, "proc/self/task/2/children")
	assert.Negative(t, machineOf(root).Look(noon).Runnable)

	host(0, 0).into(root)
	for i := range maxTasks + 1 {
		root[fmt.Sprintf("proc/12/task/%d/stat", 100+i)] = &fstest.MapFile{Data: []byte("1 (x) R")}
	}
	assert.Negative(t, machineOf(root).Look(noon).Runnable, "too many to look at")
}

// TestOwnAttemptsAreSeen starts what a worker would: a process that stands for a
// shim, and one below it that computes.
func TestOwnAttemptsAreSeen(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		return
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `sh -c 'while :; do :; done' & echo up; wait`)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	defer func() { _ = errors.Join(syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL), cmd.Wait()) }()
	_, err = out.Read(make([]byte, 2))
	require.NoError(t, err)
	m := This()
	require.Eventually(t, func() bool { return m.Look(time.Now()).Runnable >= 1 }, 10*time.Second, 10*time.Millisecond)
}
