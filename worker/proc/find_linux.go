package proc

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// KillWhere kills once each process of this user, but not this one, whose
// environment satisfies match, and returns how many there were. The process is
// pinned before it is looked at, so a number that was given to another process
// meanwhile harms nobody.
func KillWhere(match func(environ []string) bool) (found int) {
	for _, pid := range PIDs() {
		if pid != os.Getpid() && match(Environ(pid)) && killIf(pid, match) {
			found++
		}
	}
	return found
}

func killIf(pid int, match func([]string) bool) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(pid), &st) != nil || int(st.Uid) != os.Getuid() || !match(Environ(pid)) {
		return false
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}
