//go:build unix

package proc

import "golang.org/x/sys/unix"

// Signal sends sig to each process of list. One that has ended takes no notice;
// one whose first thread alone has ended looks the same, and does.
func Signal(list []Process, sig unix.Signal) {
	for _, p := range list {
		_ = unix.Kill(p.PID, sig) // gone is as good as signalled
	}
}

// Terminate asks each process of list to end, and wakes those that are stopped,
// which would not hear it otherwise.
func Terminate(list []Process) {
	Signal(list, unix.SIGTERM)
	Signal(list, unix.SIGCONT)
}

// Kill kills each process of list, and returns how many had not ended yet. It
// kills their process groups too, except that of spare: the kernel kills a group
// in one stroke, so that no fork within it slips through between reading the
// table and killing. Every group in list must lie wholly within the tree meant.
func Kill(list []Process, spare int) (alive int) {
	groups := make(map[int]bool)
	for _, p := range list {
		if !p.Zombie {
			alive++
		}
		if p.Group > 1 && p.Group != spare && !groups[p.Group] {
			groups[p.Group] = true
			_ = unix.Kill(-p.Group, unix.SIGKILL)
		}
	}
	Signal(list, unix.SIGKILL)
	return alive
}

// KillTree kills what is below root once, sparing root and its process group,
// and returns how many it found alive. Repeat it until that is 0. It kills each
// as soon as it is found, because some replace themselves faster than a whole
// table can be read; root must be the one orphans fall to.
func KillTree(root int) (alive int) {
	spare, err := unix.Getpgid(root)
	if err != nil {
		spare = 0
	}
	below := map[int]bool{root: true}
	for _, pid := range PIDs() {
		p, ok := Read(pid)
		if !ok || !below[p.Parent] {
			continue
		}
		below[pid] = true
		alive += Kill([]Process{p}, spare)
	}
	return alive
}
