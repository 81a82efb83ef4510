//go:build unix

package worker

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"yardmaster/worker/proc"
)

var errOrphans = errors.New("worker: orphans of a shim cannot be killed")

// shims are the shims of this process, of whatever Executor. They are kept
// together because orphans fall to the process as a whole: one outside our
// session that is no shim was left by a shim that was killed.
var shims = shimSet{live: map[int]uint64{}}

// shimSet is shims that have not been waited for. While one is being started it
// looks like an orphan, so none is killed then.
type shimSet struct {
	mu   sync.Mutex
	live map[int]uint64 // when each began, by its number
}

// start starts a shim and returns when it began, as a proc.Process has it. Whoever
// starts one also calls wait.
func (s *shimSet) start(cmd *exec.Cmd) (began uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("worker: shim: %w", err)
	}
	p, _ := proc.Read(cmd.Process.Pid) // 0 then: it counts as whatever has its number
	s.live[cmd.Process.Pid] = p.Started
	return p.Started, nil
}

// wait returns how a shim ended.
func (s *shimSet) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, cmd.Process.Pid)
	return err
}

// killOrphans kills what is left of a shim that began then and has been waited
// for, and returns when there is nothing.
func (s *shimSet) killOrphans(since uint64) error {
	for begun := time.Now(); s.killOnce(since) > 0; {
		if time.Since(begun) > sweepLimit {
			return errOrphans
		}
		<-time.After(sweepPause)
	}
	return nil
}

func (s *shimSet) killOnce(since uint64) (found int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return proc.KillOrphans(since, func(p proc.Process) bool {
		began, live := s.live[p.PID]
		return live && (began == p.Started || began == 0) // else its number was given anew
	})
}
