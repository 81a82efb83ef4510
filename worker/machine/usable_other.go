//go:build !linux

package machine

// usable returns whether this process may use a processor: it is not told.
func usable() func(cpu int) bool { return func(int) bool { return true } }
