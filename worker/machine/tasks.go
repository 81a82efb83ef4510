package machine

import (
	"io/fs"
	"strings"
)

// maxTasks bounds the tasks that one look goes through. Of more it is not told how
// many could run: looking would take more than it is worth.
const maxTasks = 4000

// attemptTasks returns how many tasks of attempts run or wait for a processor now,
// and -1 when that cannot be told. The children of this process are the shims of its
// attempts, which count for nothing; all below them is the attempts'.
func (m *Machine) attemptTasks() float64 {
	shims, ok := m.children("self")
	if !ok {
		return -1
	}
	var todo []string
	for _, shim := range shims {
		below, _ := m.children(shim) // a shim that ended has none
		todo = append(todo, below...)
	}
	runnable, seen := 0, map[string]bool{}
	for tasks := 0; len(todo) > 0; todo = todo[1:] {
		pid := todo[0]
		if seen[pid] { // a number given anew while we look
			continue
		}
		seen[pid] = true
		threads, _ := fs.ReadDir(m.root, "proc/"+pid+"/task")
		if tasks += len(threads); tasks > maxTasks {
			return -1
		}
		for _, t := range threads {
			dir := "proc/" + pid + "/task/" + t.Name()
			if couldRun(m.text(dir + "/stat")) {
				runnable++
			}
			todo = append(todo, strings.Fields(m.text(dir+"/children"))...)
		}
	}
	return float64(runnable)
}

// children returns the numbers of the processes that the threads of one started. ok
// is false when the system does not tell.
func (m *Machine) children(pid string) (pids []string, ok bool) {
	threads, err := fs.ReadDir(m.root, "proc/"+pid+"/task")
	if err != nil {
		return nil, false
	}
	for _, t := range threads {
		text, err := fs.ReadFile(m.root, "proc/"+pid+"/task/"+t.Name()+"/children")
		if err == nil {
			ok = true
			pids = append(pids, strings.Fields(string(text))...)
		}
	}
	return pids, ok
}

// couldRun reads the state of a task, behind its name in brackets, which the program
// may choose.
func couldRun(stat string) bool {
	behind := stat[strings.LastIndexByte(stat, ')')+1:]
	return strings.HasPrefix(strings.TrimLeft(behind, " "), "R")
}
