//go:build unix && !linux

package shim

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const adopts = false

func adopt(unix.Signal) error { return nil }

func stepAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func (s *shim) terminateAll() { s.signal(s.leaders, unix.SIGTERM) }

func (s *shim) killTree() { s.signal(s.leaders, unix.SIGKILL) }

func (s *shim) terminateStep() { s.signal([]int{s.leader}, unix.SIGTERM) }

func (s *shim) killStep() {
	if s.leader != 0 {
		s.signal([]int{s.leader}, unix.SIGKILL)
	}
}

func (s *shim) signal(groups []int, sig unix.Signal) {
	for _, group := range groups {
		_ = unix.Kill(-group, sig) // gone is as good as signalled
	}
}
