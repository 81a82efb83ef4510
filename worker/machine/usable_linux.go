package machine

import "golang.org/x/sys/unix"

// usable returns whether this process may use a processor. It may not use those
// that it was kept from when it started.
func usable() func(cpu int) bool {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || set.Count() == 0 {
		return func(int) bool { return true }
	}
	return set.IsSet
}
