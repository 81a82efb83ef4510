//go:build unix

package machine

import (
	"math"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTextsOfTheKernelAreRead(t *testing.T) {
	t.Parallel()
	micros, ok := parsePressure("some avg10=0.18 avg60=0.61 avg300=1.32 total=76536226\nfull avg10=0.09 total=1\n")
	assert.True(t, ok)
	assert.EqualValues(t, 76536226, micros)
	_, ok = parsePressure("full avg10=0.09 total=1\n")
	assert.False(t, ok)
	_, ok = parsePressure("some avg10=0.09\n")
	assert.False(t, ok)

	cores, ok := parseQuota("250000 100000\n")
	assert.True(t, ok)
	assert.InDelta(t, 2.5, cores, 0)
	for _, none := range []string{"max 100000\n", "", "0 100000", "100000 0", "1", "a b c"} {
		_, ok = parseQuota(none)
		assert.False(t, ok, none)
	}

	group, ok := parseGroup("4:memory:/a\n0::/user.slice/ci\n")
	assert.True(t, ok)
	assert.Equal(t, "user.slice/ci", group)
	_, ok = parseGroup("4:memory:/a\n")
	assert.False(t, ok)

	value, ok := parseKeyed("MemTotal:  24684552 kB\nMemAvailable: 1 kB\n", "MemTotal")
	assert.True(t, ok)
	assert.EqualValues(t, 24684552<<10, value)
	_, ok = parseKeyed("usage_usec\n", "usage_usec")
	assert.False(t, ok)
	assert.Zero(t, number("-3"))
	assert.Zero(t, number("99999999999999999999"))
}

// FuzzLook shows any texts twice: nothing panics, and every share is one.
func FuzzLook(f *testing.F) {
	f.Add("cpu0 1 2 3 4 5 6 7 8 9\nprocs_running 3\n", "cpu0 9 9 9 9 9 9 9 9\n", "MemTotal: 5 kB\nMemAvailable: 3 kB\n",
		"some total=5\n", "0::/a/b\n", "1 2\n", "usage_usec 5\ninactive_file 3\n", "77\n")
	f.Add("cpu-1 1\ncpu99999999999 1\n", "cpu0", "MemTotal: 99999999999999999 kB\nMemAvailable: 9 kB",
		"some total=-5", "0::/../..", "99999999999 1", "usage_usec x", "-1")
	f.Fuzz(func(t *testing.T, before, after, info, pressure, group, quota, keyed, bytes string) {
		root := fstest.MapFS{}
		files{
			"proc/stat": before, "proc/meminfo": info, "proc/pressure/cpu": "some total=0", "proc/pressure/memory": pressure,
			"proc/self/task/1/children": "5", "proc/5/task/5/children": "6", "proc/6/task/6/stat": info,
			"proc/6/task/6/children": keyed, "proc/self/cgroup": group,
			groups + "/a/b/cpu.max": quota, groups + "/a/b/cpu.stat": keyed,
			groups + "/a/b/cpu.pressure": pressure, groups + "/a/memory.max": bytes, groups + "/a/memory.current": keyed,
			groups + "/a/memory.stat": keyed, groups + "/a/memory.pressure": pressure,
		}.into(root)
		m := machineOf(root)
		m.Look(noon)
		files{"proc/stat": after, "proc/pressure/cpu": pressure}.into(root)
		s := m.Look(noon.Add(time.Second))
		for _, share := range []float64{s.CPU, s.CPUPressure, s.MemoryPressure} {
			if math.IsNaN(share) || share > 1 || share < -1 {
				t.Fatalf("%v is no share: %+v", share, s)
			}
		}
		if s.MemoryFree < 0 || s.MemoryTotal < 0 || s.MemoryTotal > 0 && s.MemoryFree > s.MemoryTotal {
			t.Fatalf("memory: %+v", s)
		}
		if s.Runnable < -1 || s.Cores < 0 {
			t.Fatalf("processors: %+v", s)
		}
	})
}
