package loadtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Machine is where a scenario ran.
type Machine struct {
	OS     string `json:"os"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"` // that this process may use
	Memory string `json:"memory"`
	Go     string `json:"go"`
	Build
	// Load is the load average at the start: the machine was busy when it is not
	// far below 1.
	Load string `json:"load_average"`
	// Fsync says what a durable write costs where the journal lies.
	Fsync string `json:"fsync"`
}

func describeMachine(build Build, dataDir string) Machine {
	m := Machine{
		OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), Build: build,
		CPU: field("/proc/cpuinfo", "model name"), Memory: field("/proc/meminfo", "MemTotal"),
		Fsync: "the server's own; not measured from here",
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(load), " ")
	}
	if dataDir != "" {
		m.Fsync = describeFsync(dataDir)
	}
	return m
}

// field returns the value of a line "name: value" in a file of /proc, or "".
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

const (
	fsyncTries = 50
	fsyncBytes = 4096
)

// describeFsync measures appends of 4 KiB, each with an fsync, in a directory.
func describeFsync(dir string) string {
	name := filepath.Join(dir, "fsync-probe")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return "could not be measured"
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(name)) }() // only a probe
	times := make([]time.Duration, 0, fsyncTries)
	for range fsyncTries {
		begin := time.Now()
		if _, err := f.Write(make([]byte, fsyncBytes)); err != nil {
			return "could not be measured"
		}
		if err := f.Sync(); err != nil {
			return "could not be measured"
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	round := func(i int) time.Duration { return times[i].Round(time.Microsecond) }
	return fmt.Sprintf("every acknowledged step; 4 KiB on %s: p50 %s, max %s", fileSystem(dir),
		round(fsyncTries/2), round(fsyncTries-1))
}

// fileSystem returns the kind of file system that dir is on.
func fileSystem(dir string) string {
	kind, longest := "an unknown file system", 0
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return kind
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		at := fields[1]
		if rel, err := filepath.Rel(at, dir); err != nil || strings.HasPrefix(rel, "..") || len(at) < longest {
			continue
		}
		kind, longest = fields[2], len(at)
	}
	return kind
}
