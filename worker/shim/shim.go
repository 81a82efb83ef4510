//go:build unix

// Package shim is the process that stands between a worker and the processes of
// one attempt.
//
// A worker starts its own program once more with the argument Word, and that
// program's main calls Run before anything else. The shim reads commands from
// its standard input and reports on its standard output; its standard error is
// the pipe into which the steps write their output.
//
// # What it promises
//
//   - On Linux every orphan of a step, however it hides, becomes the shim's child.
//   - When the commands end or the worker dies, every process below the shim is
//     killed, and only then does the shim end.
//   - Steps run in a session of their own, so a signal a job sends to its process
//     group does not reach the shim.
//
// On other systems only the process groups of the steps are killed.
package shim

import (
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Word is the first argument of a program that is to be a shim.
const Word = "attempt-shim"

// reapLimit is how many children are taken notice of at once.
const reapLimit = 64

// How long the shim waits between two rounds of killing.
const (
	firstPause = time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// Wanted reports whether a program with these arguments, as in os.Args, is to be
// a shim.
func Wanted(args []string) bool { return len(args) == 2 && args[1] == Word }

// Run is the life of a shim. It returns the exit code to end the program with.
func Run() int {
	// The steps are killed when the thread that started them ends, so there must
	// be one such thread, for as long as the shim lives.
	runtime.LockOSThread()
	s := &shim{
		worker:   os.Getppid(),
		children: make(chan os.Signal, 1),
		reports:  json.NewEncoder(os.Stdout),
	}
	signal.Notify(s.children, unix.SIGCHLD)
	// Caught, not ignored, because what is ignored stays so in the steps.
	deaf := make(chan os.Signal, 1)
	signal.Notify(deaf, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	orphaned := make(chan os.Signal, 1)
	signal.Notify(orphaned, unix.SIGUSR1)
	if err := adopt(unix.SIGUSR1); err != nil {
		return 1
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 1
	}
	s.null = null.Fd()
	commands := make(chan Command)
	go read(os.Stdin, commands)
	s.serve(commands, orphaned)
	s.killAll()
	return 0
}

// read hands over commands until they end or make no sense.
func read(r io.Reader, commands chan<- Command) {
	defer close(commands)
	dec := json.NewDecoder(r)
	for {
		var c Command
		if dec.Decode(&c) != nil {
			return
		}
		commands <- c
	}
}

type shim struct {
	worker   int // its process
	null     uintptr
	children chan os.Signal
	reports  *json.Encoder
	// leader is the first process of the running step, 0 between steps.
	leader  int
	leaders []int // of all steps
	// stopping is set when the shim ends as soon as nothing is left.
	stopping bool
	grace    *time.Timer
}

// serve returns when all that is left is to be killed.
func (s *shim) serve(commands <-chan Command, orphaned <-chan os.Signal) {
	s.grace = time.NewTimer(time.Hour)
	s.grace.Stop()
	for {
		select {
		case c, ok := <-commands:
			if !ok {
				return
			}
			s.obey(c)
		case <-s.children:
		case <-orphaned:
			// A thread of the worker may end without the worker; then it is our
			// parent still.
			if os.Getppid() != s.worker {
				return
			}
		case <-s.grace.C:
			if s.stopping {
				return
			}
			s.killStep()
		}
		if left := s.reap(); s.stopping && !left {
			return
		}
	}
}

func (s *shim) obey(c Command) {
	switch {
	case c.Start != nil:
		if errno := s.start(c.Start); errno != 0 {
			s.report(Report{Errno: int(errno)})
		}
	case c.StopStep != nil && s.leader != 0:
		s.terminateStep()
		s.grace.Reset(c.StopStep.Grace)
	case c.Stop != nil:
		s.stopping = true
		s.terminateAll()
		s.grace.Reset(c.Stop.Grace)
	}
}

// report may find that the worker is gone; the end of its commands tells that.
func (s *shim) report(r Report) { _ = s.reports.Encode(r) }

// reap takes notice of children that have ended, and reports whether any is
// left. A shim without children has no descendants. It takes a bounded number,
// because in a fork storm they end as fast as they are taken.
func (s *shim) reap() (left bool) {
	for range reapLimit {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return false
		case pid == 0:
			return true
		case pid == s.leader:
			s.leader = 0
			if !s.stopping {
				s.grace.Stop()
			}
			s.report(ending(status))
		}
	}
	select {
	case s.children <- unix.SIGCHLD: // there may be more
	default:
	}
	return true
}

func ending(status unix.WaitStatus) Report {
	if status.Signaled() {
		return Report{Signal: int(status.Signal())}
	}
	return Report{Code: status.ExitStatus()}
}

// killAll returns when nothing is left. A process the kernel cannot end keeps it
// waiting, because nobody may be told that it is gone.
func (s *shim) killAll() {
	if !adopts {
		s.killTree() // no child does not mean that nothing is left
	}
	for pause := firstPause; s.reap(); pause = min(2*pause, lastPause) {
		s.killTree()
		select {
		case <-s.children:
		case <-time.After(pause):
		}
	}
}
