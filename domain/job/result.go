package job

import "time"

// Outcome is how an attempt ended.
type Outcome uint8

// The outcomes of an attempt.
const (
	OutcomeUnknown   Outcome = iota
	OutcomeSucceeded         // every step that counts succeeded
	OutcomeFailed            // a step failed, or the attempt could not be run
	OutcomeCancelled         // stopped on request
	OutcomeLost              // nobody knows: the worker fell silent
)

// Fault says whose doing a failure was.
type Fault uint8

// The faults, by who has to act on them.
const (
	FaultNone           Fault = iota
	FaultUser                 // the script failed or took too long
	FaultInfrastructure       // worker lost, disk full, out of memory, shell missing
	FaultSystem               // a defect of Yardmaster
)

// LogSum lets a reader check that the log it holds is the whole log.
type LogSum struct {
	Chunks uint64 // how many chunks were sent
	Bytes  uint64 // length of all of them together
	SHA256 [32]byte
	// Dropped is how many bytes the process wrote beyond the cap.
	Dropped uint64
}

// StepResult is how one step of an attempt ended.
type StepResult struct {
	Outcome   Outcome // OutcomeUnknown when the step never ran
	ExitCode  int
	StartedAt time.Time
	EndedAt   time.Time
	Reason    string // a sentence when there is more to say than the exit code
}

// Result is a worker's report of how an attempt ended.
type Result struct {
	Outcome  Outcome
	Fault    Fault
	ExitCode int
	// Reason is a sentence for people; empty when Outcome says it all.
	Reason    string
	StartedAt time.Time // by the worker's wall clock
	EndedAt   time.Time
	Steps     []StepResult
	Log       LogSum
}
