package proc

import (
	"os"

	"golang.org/x/sys/unix"
)

// Adopt makes orphans below this process fall to it, as they fall to an init.
// Nobody else takes notice of their ends, so call KillOrphans when there may be
// some.
func Adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// KillOrphans kills once what fell to this process, and what is below that. It
// returns how many it found, those counted that had ended, of which it takes
// notice. When that is none, none was left: what falls to us stays in the table
// until it is taken notice of here.
//
// An orphan is a child outside our session that began no earlier than since, a
// Process.Started, and is not spared. Spare all children with sessions of their
// own that others wait for; those in our session are never touched.
func KillOrphans(since uint64, spared func(Process) bool) (found int) {
	self := os.Getpid()
	session, err := unix.Getsid(0)
	if err != nil {
		return 0
	}
	below := make(map[int]bool)
	for _, pid := range PIDs() {
		p, ok := Read(pid)
		switch {
		case !ok:
		case p.Parent == self && p.Session != session && p.Started >= since && !spared(p):
			// Its number, and that of its group, stay its own until we take notice of it.
			Kill([]Process{p}, 0)
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // else in the next round
			below[pid] = true
			found++
		case below[p.Parent]:
			killChild(pid, below)
		}
	}
	return found
}

// killChild kills a child of one of parents. It is pinned before it is looked at
// again, so a number that was given to another process meanwhile harms nobody.
func killChild(pid int, parents map[int]bool) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended, or will fall to us
	}
	defer unix.Close(fd)
	if p, ok := Read(pid); ok && parents[p.Parent] {
		parents[pid] = true
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // gone is as good as killed
	}
}
