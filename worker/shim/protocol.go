//go:build unix

package shim

import "time"

// Command is what a worker asks of its shim: exactly one of the fields is set.
// The end of the commands asks the shim to kill all that is left and to end.
type Command struct {
	// Start begins a step. The one before must have been reported.
	Start *Start `json:",omitempty"`
	// StopStep ends the running step: SIGTERM, and SIGKILL after the grace.
	StopStep *Stop `json:",omitempty"`
	// Stop ends everything the same way, and then the shim.
	Stop *Stop `json:",omitempty"`
}

// Start says which program to run. Its texts are bytes, since neither an
// argument nor a variable need be UTF-8.
type Start struct {
	Path []byte
	Args [][]byte // the first is the program's name
	Env  [][]byte // KEY=value
	Dir  []byte
}

// Stop says how long to wait between SIGTERM and SIGKILL.
type Stop struct{ Grace time.Duration }

// Report tells that a step has ended, or could not be started.
type Report struct {
	// Errno is the system's error number when the step could not be started.
	Errno int `json:",omitempty"`
	// Code is the exit code when Signal is 0.
	Code int `json:",omitempty"`
	// Signal is the number of the signal that ended the step, or 0.
	Signal int `json:",omitempty"`
}
