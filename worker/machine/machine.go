// Package machine tells how busy the machine of a worker is: its processors, its
// memory, and how much its tasks wait for either.
//
// It reads what Linux says in /proc and, in a control group of version 2 with a
// limit, what the group says. A file that is absent is no fault: what it would
// have told is left out, and where nothing is told of the processors the sample
// says so. What a text holds is believed within bounds only.
package machine

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"yardmaster/domain/sizing"
)

// groups is where control groups of version 2 are found, below the root.
const groups = "sys/fs/cgroup"

// Machine is the machine that this process runs on. Its methods are safe for
// concurrent use.
type Machine struct {
	root fs.FS
	may  func(cpu int) bool

	mu     sync.Mutex
	before reading
}

// This returns the machine, or container, that this process runs in.
func This() *Machine { return &Machine{root: os.DirFS("/"), may: usable()} }

// reading is what was read at one moment.
type reading struct {
	at   time.Time
	cpu  cpuTimes
	host pressures
	// group is what a limit of processors comes with; cores is 0 without one.
	group struct {
		cores            float64
		used             int64 // microseconds
		waited, stalled  int64
		waitOK, stalling bool
	}
	memoryFree, memoryTotal int64
}

// pressures are for how many microseconds any task has waited.
type pressures struct {
	cpu, memory     int64
	cpuOK, memoryOK bool
}

// Look returns what was seen since the call before; the first one sees nothing. Of
// the sample, Busy and Full are for the caller to say.
func (m *Machine) Look(now time.Time) sizing.Sample {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, r := m.before, m.read(now)
	m.before = r
	s := sizing.Sample{
		CPUPressure: -1, MemoryPressure: -1, MemoryFree: r.memoryFree, MemoryTotal: r.memoryTotal,
		Cores: float64(r.cpu.cores), Runnable: m.attemptTasks(),
	}
	passed := float64(now.Sub(before.at).Microseconds())
	if before.at.IsZero() || r.cpu.cores == 0 || r.cpu.total <= before.cpu.total || passed <= 0 {
		return s
	}
	s.Known = true
	s.CPU = share(float64(r.cpu.busy-before.cpu.busy), float64(r.cpu.total-before.cpu.total))
	if r.host.cpuOK && before.host.cpuOK {
		s.CPUPressure = share(float64(r.host.cpu-before.host.cpu), passed)
	}
	if r.host.memoryOK && before.host.memoryOK {
		s.MemoryPressure = share(float64(r.host.memory-before.host.memory), passed)
	}
	limit(&s, &before, &r, passed)
	return s
}

// limit brings in what the group says whose processors are limited.
func limit(s *sizing.Sample, before, r *reading, passed float64) {
	g, was := r.group, before.group
	if g.stalling && was.stalling {
		s.MemoryPressure = max(s.MemoryPressure, share(float64(g.stalled-was.stalled), passed))
	}
	if g.cores == 0 || g.cores >= s.Cores || was.cores == 0 {
		return
	}
	s.Cores = g.cores
	s.CPU = max(s.CPU, share(float64(g.used-was.used), passed*g.cores))
	if g.waitOK && was.waitOK {
		s.CPUPressure = max(s.CPUPressure, share(float64(g.waited-was.waited), passed))
	}
}

func (m *Machine) text(name string) string {
	text, err := fs.ReadFile(m.root, name)
	if err != nil {
		return ""
	}
	return string(text)
}

func (m *Machine) line(name string) string { return strings.TrimSpace(m.text(name)) }

func (m *Machine) read(now time.Time) reading {
	r := reading{at: now, cpu: parseStat(m.text("proc/stat"), m.may)}
	r.host.cpu, r.host.cpuOK = parsePressure(m.text("proc/pressure/cpu"))
	r.host.memory, r.host.memoryOK = parsePressure(m.text("proc/pressure/memory"))
	info := m.text("proc/meminfo")
	r.memoryTotal, _ = parseKeyed(info, "MemTotal")
	if free, ok := parseKeyed(info, "MemAvailable"); ok {
		r.memoryFree = min(free, r.memoryTotal)
	} else {
		r.memoryTotal = 0 // without it the size of the memory says nothing
	}
	if group, ok := parseGroup(m.text("proc/self/cgroup")); ok {
		m.readGroup(&r, group)
	}
	return r
}

// readGroup looks through the groups from ours up to the root for the tightest limit
// of processors, and for the one of memory that leaves least.
func (m *Machine) readGroup(r *reading, group string) {
	for {
		dir := path.Join(groups, group)
		if cores, ok := parseQuota(m.text(dir + "/cpu.max")); ok && (r.group.cores == 0 || cores < r.group.cores) {
			r.group.cores = cores
			r.group.used, _ = parseKeyed(m.text(dir+"/cpu.stat"), "usage_usec")
			r.group.waited, r.group.waitOK = parsePressure(m.text(dir + "/cpu.pressure"))
		}
		m.readMemory(r, dir)
		parent := path.Dir(group)
		if group == "" || group == "." || parent == group {
			return
		}
		group = parent
	}
}

// readMemory takes a group's limit of memory in. What files the kernel keeps in
// memory, and nobody has used of late, it gives back when it is asked.
func (m *Machine) readMemory(r *reading, dir string) {
	limit, used := number(m.line(dir+"/memory.max")), number(m.line(dir+"/memory.current"))
	if limit == 0 {
		return
	}
	idle, _ := parseKeyed(m.text(dir+"/memory.stat"), "inactive_file")
	free := max(0, limit-max(0, used-idle))
	if r.memoryTotal > 0 && free >= r.memoryFree {
		return
	}
	r.memoryTotal, r.memoryFree = limit, min(free, limit)
	r.group.stalled, r.group.stalling = parsePressure(m.text(dir + "/memory.pressure"))
}
