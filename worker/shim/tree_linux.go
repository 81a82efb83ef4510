package shim

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"yardmaster/worker/proc"
)

// adopts tells that orphans below the shim become its children.
const adopts = true

// adopt makes this process the one orphans below it fall to, and has the kernel
// send it sig when its parent dies.
func adopt(sig unix.Signal) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0)
}

// stepAttr has the step die with the shim, should anybody kill that.
func stepAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

func (s *shim) terminateAll() { proc.Terminate(proc.Under(proc.List(), os.Getpid())) }

func (s *shim) killTree() { proc.KillTree(os.Getpid()) }

func (s *shim) terminateStep() { proc.Terminate(s.step()) }

// killStep kills what belongs to the running step. What is left of it is killed
// at the end of the attempt.
func (s *shim) killStep() {
	if s.leader != 0 {
		proc.Kill(s.step(), unix.Getpgrp())
	}
}

// step returns what belongs to the running step: its first process, what is
// below that, and orphans that stayed in its session.
func (s *shim) step() []proc.Process {
	all := proc.List()
	below := proc.Under(all, s.leader)
	seen := make(map[int]bool, len(below))
	for _, p := range below {
		seen[p.PID] = true
	}
	for _, p := range all {
		if !seen[p.PID] && (p.PID == s.leader || p.Session == s.leader) {
			below = append(below, p)
		}
	}
	return below
}
