//go:build unix

package worker

import (
	"errors"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"yardmaster/domain/job"
	"yardmaster/worker/proc"
	"yardmaster/worker/shim"
)

// failure is why something did not work out, and whose doing that is. The nil
// failure is success.
type failure struct {
	outcome job.Outcome
	fault   job.Fault
	code    int
	reason  string // a sentence for people; never holds a variable's value
	told    bool   // reason is in the log already
	stopped bool   // the whole attempt was stopped, and nothing of it is left
	ending  bool   // the step was stopped because the attempt is
}

// first returns a, or b if a is success.
func first(a, b *failure) *failure {
	if a != nil {
		return a
	}
	return b
}

func fail(fault job.Fault, reason string) *failure {
	return &failure{outcome: job.OutcomeFailed, fault: fault, reason: reason}
}

// result is a step's that began then and ends now.
func (f *failure) result(began time.Time) job.StepResult {
	r := job.StepResult{Outcome: job.OutcomeSucceeded, StartedAt: began, EndedAt: time.Now()}
	if f != nil {
		r.Outcome, r.ExitCode, r.Reason = f.outcome, f.code, f.reason
	}
	return r
}

// untold is what the log should say yet.
func (f *failure) untold() string {
	if f == nil || f.told {
		return ""
	}
	return f.reason
}

// notStarted says why a step's program could not be started.
func notStarted(errno syscall.Errno, program string) *failure {
	switch {
	case errors.Is(errno, unix.E2BIG):
		return fail(job.FaultUser, "cannot start "+program+": its environment is too big")
	case errors.Is(errno, unix.ENOEXEC), errors.Is(errno, unix.EACCES):
		return fail(job.FaultUser, "cannot start "+program+": "+errno.Error())
	case errors.Is(errno, unix.ENOENT):
		return fail(job.FaultUser, "cannot start "+program+": its interpreter does not exist")
	default:
		return fail(job.FaultInfrastructure, "cannot start "+program+": "+errno.Error())
	}
}

// notWritten says why a file of the worker's own could not be written.
func notWritten(what string, err error) *failure {
	return fail(job.FaultInfrastructure, "cannot write "+what+": "+causeOf(err))
}

// codeOf is the exit code as a shell would give it.
func codeOf(r shim.Report) int {
	if r.Signal != 0 {
		return 128 + r.Signal
	}
	return r.Code
}

// judge says what a step's end means; nil is success. The count of processes
// killed for want of memory is the machine's, so it is a hint and no proof.
func judge(r shim.Report, program string, oomBefore uint64) *failure {
	code := codeOf(r)
	f := fail(job.FaultUser, "")
	f.code = code
	switch {
	case r.Errno != 0:
		return notStarted(syscall.Errno(r.Errno), program)
	case code == 0:
		return nil
	case r.Signal != 0:
		f.reason = "killed by " + signalName(r.Signal)
	}
	if code == 128+int(unix.SIGKILL) && proc.OOMKills() > oomBefore {
		f.fault = job.FaultInfrastructure
		f.reason = "killed by SIGKILL, possibly because the machine ran out of memory"
	}
	return f
}

func signalName(n int) string {
	if name := unix.SignalName(syscall.Signal(n)); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(n)
}
