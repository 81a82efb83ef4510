package loadtest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticksPerSecond is in what the kernel counts CPU time for /proc, on all Linux
// machines of today.
const ticksPerSecond = 100

// usage is what some processes have used so far.
type usage []Process

// readUsage reads the client's own usage and that of the target's processes. Where
// there is no /proc it is empty.
func readUsage(t Target) usage {
	all := usage{readProcess("client", os.Getpid())}
	if t.ServerPID != 0 {
		all = append(all, readProcess("server", t.ServerPID))
	}
	for i, pid := range t.WorkerPIDs {
		all = append(all, readProcess(fmt.Sprintf("worker %d", i+1), pid))
	}
	return all
}

// since returns what has been used since before.
func (u usage) since(before usage) []Process {
	var all []Process
	for i, p := range u {
		if p.RSS == 0 {
			continue
		}
		p.CPUSeconds -= before[i].CPUSeconds
		all = append(all, p)
	}
	return all
}

func readProcess(name string, pid int) Process {
	p := Process{Name: name, PID: pid}
	dir := "/proc/" + strconv.Itoa(pid)
	if stat, err := os.ReadFile(dir + "/stat"); err == nil {
		p.CPUSeconds = cpuSeconds(stat)
	}
	p.RSS = kilobytes(field(dir+"/status", "VmRSS"))
	p.PeakRSS = kilobytes(field(dir+"/status", "VmHWM"))
	return p
}

// cpuSeconds reads user and system time from /proc/PID/stat, where the second
// field is a name in brackets, which may hold spaces.
func cpuSeconds(stat []byte) float64 {
	_, rest, _ := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(" "))
	fields := strings.Fields(string(rest)) // from the third field on
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return float64(user+system) / ticksPerSecond
}

// kilobytes reads "1234 kB" in bytes.
func kilobytes(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSuffix(s, " kB"), 10, 64)
	return n << 10
}

// metric returns the value of a metric without labels in the text of /metrics, or 0.
func metric(text []byte, name string) float64 {
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			v, _ := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
			return v
		}
	}
	return 0
}
