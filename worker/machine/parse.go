package machine

import (
	"math"
	"strconv"
	"strings"
)

// maxValue bounds what is read, so that sums and differences of it cannot overflow.
const maxValue = 1 << 56

// maxCPU is more than any system numbers.
const maxCPU = 1 << 16

// maxTicks is more than a processor counts in a hundred years; of every processor
// together it does not overflow.
const maxTicks = 1 << 40

// number reads an unsigned number of a kernel's text; what is none is 0.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxValue)
}

// fields of a cpu line of /proc/stat, behind its name.
const (
	idleField = 3
	waitField = 4
	allFields = 8 // the two behind them, for guests, are in user and nice already
)

// cpuTimes is what /proc/stat says of the processors that may be used.
type cpuTimes struct {
	busy, total int64 // in ticks, since the system started
	cores       int
}

// parseStat reads /proc/stat. What its hypervisor took from the system counts as
// busy: nobody here can use it.
func parseStat(text string, may func(cpu int) bool) (t cpuTimes) {
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		digits, isCPU := strings.CutPrefix(name, "cpu")
		cpu, err := strconv.Atoi(digits)
		if !isCPU || err != nil || cpu < 0 || cpu >= maxCPU || !may(cpu) {
			continue
		}
		t.cores++
		for i, field := range strings.Fields(rest) {
			if i >= allFields {
				break
			}
			ticks := min(number(field), maxTicks)
			t.total += ticks
			if i != idleField && i != waitField {
				t.busy += ticks
			}
		}
	}
	return t
}

// parsePressure reads the total of the line "some" of a file of pressure: for how
// many microseconds any task has waited.
func parsePressure(text string) (micros int64, ok bool) {
	for line := range strings.Lines(text) {
		rest, some := strings.CutPrefix(line, "some ")
		if !some {
			continue
		}
		if _, total, found := strings.Cut(rest, "total="); found {
			return number(strings.TrimSpace(total)), true
		}
	}
	return 0, false
}

// parseKeyed returns the value of a line "key value" or "key: value kB", in bytes
// if it is in kilobytes.
func parseKeyed(text, key string) (value int64, ok bool) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.TrimSuffix(f[0], ":") != key {
			continue
		}
		n := number(f[1])
		if len(f) > 2 && f[2] == "kB" {
			n = min(n, maxValue>>10) << 10
		}
		return n, true
	}
	return 0, false
}

// parseQuota reads cpu.max: "quota period", or "max period" without a quota.
func parseQuota(text string) (cores float64, ok bool) {
	f := strings.Fields(text)
	if len(f) != 2 {
		return 0, false
	}
	quota, period := number(f[0]), number(f[1])
	if quota == 0 || period == 0 {
		return 0, false
	}
	return float64(quota) / float64(period), true
}

// parseGroup returns the path of the unified group in /proc/self/cgroup.
func parseGroup(text string) (path string, ok bool) {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::/"); ok {
			return path, true
		}
	}
	return "", false
}

// share returns part/whole within [0,1], and 0 of nothing.
func share(part, whole float64) float64 {
	if !(whole > 0) || !(part > 0) {
		return 0
	}
	return math.Min(1, part/whole)
}
