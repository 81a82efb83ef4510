// Package proc reads the table of processes and signals whole trees of them.
//
// It reads /proc, so it sees something on Linux only; elsewhere every list is
// empty. Processes come and go while it reads: what vanished half way is left
// out, never an error.
package proc

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
)

// ErrBadStat means a text does not have the form of /proc/PID/stat.
var ErrBadStat = errors.New("proc: not a stat line")

// Process is one line of the process table.
type Process struct {
	PID     int
	Parent  int
	Group   int
	Session int
	// Zombie is a process that has ended and waits for its parent to notice, or
	// one whose first thread has ended before the others.
	Zombie bool
	// Started is when it began, in ticks of the system; 0 when the line is short of
	// it.
	Started uint64
}

// startedField is where a stat line says when, counted behind the name.
const startedField = 19

// Parse reads the text of /proc/PID/stat, or returns ErrBadStat. The name in it
// is the program's to choose, so it may hold blanks and parentheses.
func Parse(stat []byte) (Process, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 1 || end < open {
		return Process{}, ErrBadStat
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(stat[:open])))
	fields := strings.Fields(string(stat[end+1:]))
	if err != nil || len(fields) < 4 {
		return Process{}, ErrBadStat
	}
	var n [3]int
	for i := range n {
		if n[i], err = strconv.Atoi(fields[i+1]); err != nil {
			return Process{}, ErrBadStat
		}
	}
	state, started := fields[0], uint64(0)
	if len(fields) > startedField {
		if started, err = strconv.ParseUint(fields[startedField], 10, 64); err != nil {
			return Process{}, ErrBadStat
		}
	}
	return Process{
		PID: pid, Parent: n[0], Group: n[1], Session: n[2],
		Zombie: state == "Z" || state == "X", Started: started,
	}, nil
}

// PIDs returns the numbers of all processes that can be seen.
func PIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil && len(names) == 0 {
		return nil
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// List returns the process table.
func List() []Process {
	pids := PIDs()
	list := make([]Process, 0, len(pids))
	for _, pid := range pids {
		if p, ok := Read(pid); ok {
			list = append(list, p)
		}
	}
	return list
}

// Read returns one line of the process table.
func Read(pid int) (p Process, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Process{}, false
	}
	p, err = Parse(stat)
	return p, err == nil
}

// Under returns the descendants of root that are in list, without root.
func Under(list []Process, root int) []Process {
	children := make(map[int][]Process)
	for _, p := range list {
		children[p.Parent] = append(children[p.Parent], p)
	}
	seen := map[int]bool{root: true}
	var under []Process
	for next := []int{root}; len(next) > 0; next = next[1:] {
		for _, p := range children[next[0]] {
			if !seen[p.PID] { // a number given anew while we read could close a ring
				seen[p.PID] = true
				under = append(under, p)
				next = append(next, p.PID)
			}
		}
	}
	return under
}

// Environ returns the environment a process was started with, as KEY=value, or
// nil when it may not be read.
func Environ(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// OOMKills returns how many processes this machine has killed for want of
// memory since it started; 0 when it does not say.
func OOMKills() uint64 {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(count), 10, 64)
			return n
		}
	}
	return 0
}
