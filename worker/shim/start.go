//go:build unix

package shim

import (
	"errors"
	"syscall"
	"time"
)

// busyTries is how often a program that is still open for writing is tried. A
// worker that forks while it writes a script leaves it open for a moment.
const busyTries = 8

// stderr is where the worker put the pipe for the output of the steps.
const stderr = 2

// start begins a step in a session of its own.
func (s *shim) start(c *Start) syscall.Errno {
	attr := &syscall.ProcAttr{
		Dir:   string(c.Dir),
		Env:   texts(c.Env),
		Files: []uintptr{s.null, stderr, stderr},
		Sys:   stepAttr(),
	}
	pause := firstPause
	for try := 1; ; try++ {
		pid, err := syscall.ForkExec(string(c.Path), texts(c.Args), attr)
		if err == nil {
			s.leader = pid
			s.leaders = append(s.leaders, pid)
			return 0
		}
		var errno syscall.Errno
		if !errors.As(err, &errno) {
			return syscall.EINVAL
		}
		if errno != syscall.ETXTBSY || try == busyTries {
			return errno
		}
		<-time.After(pause)
		pause *= 2
	}
}

func texts(list [][]byte) []string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}
