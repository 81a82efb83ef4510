package job

import (
	"slices"
	"strings"
	"time"

	"yardmaster/domain/plan"
)

// Outcome is how an attempt ended.
type Outcome uint8

// The outcomes of an attempt.
const (
	OutcomeUnknown   Outcome = iota
	OutcomeSucceeded         // every step that counts succeeded
	OutcomeFailed            // a step failed, or the attempt could not be run
	OutcomeCancelled         // stopped on request
	OutcomeLost              // nobody knows: the worker fell silent
	OutcomeRefused           // the worker did not take it: nothing of it ran
	OutcomeSkipped           // of a step: its if was false
	OutcomePreempted         // stopped for the sake of another job
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
	// Tolerated says that the step failed where failing is allowed.
	Tolerated bool
	// Summary is what the step wrote about itself for people, in Markdown.
	Summary string
}

// Level says how much an annotation matters.
type Level uint8

// The levels of an annotation.
const (
	LevelUnknown Level = iota
	LevelNotice
	LevelWarning
	LevelError
)

// Annotation is a remark that a step made about a place in a file, or about itself.
type Annotation struct {
	Level   Level
	Step    int // index of the step
	Message string
	Title   string // may be empty
	File    string // as the step gave it; may be empty
	// Lines and columns count from 1; 0 means none was given.
	Line, EndLine, Column, EndColumn int
}

// Limits of what is kept of a report. A worker whose report is larger loses words,
// not the result.
const (
	MaxReason     = 4096 // bytes of the reason of an attempt
	MaxStepReason = 512  // bytes of the reason of a step
	// What a job may hand on and say beside its log, in bytes of all texts together.
	MaxOutputs       = 256 << 10
	MaxSummary       = 64 << 10 // of all steps
	MaxAnnotations   = 50       // of an attempt
	MaxAnnotation    = 4096     // bytes of the message of one
	MaxAnnotationRef = 512      // bytes of its title, and of its file
)

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
	// Outputs are what the job hands to those that need it, evaluated.
	Outputs     []plan.Var
	Annotations []Annotation
}

// Within returns r with no more steps than the job has, and with texts that fit an
// event of the journal. Of annotations and summaries the first are kept; outputs that
// are too large are all left out, since half of them would mislead.
func (r Result) Within(steps int) Result {
	r.Reason = clip(r.Reason, MaxReason)
	r.Steps = clipSteps(r.Steps[:min(len(r.Steps), steps)])
	if SizeOf(r.Outputs) > MaxOutputs {
		r.Outputs = nil
		if r.Reason == "" {
			r.Reason = "its outputs were too large to keep"
		}
	}
	r.Annotations = r.Annotations[:min(len(r.Annotations), MaxAnnotations)]
	if slices.ContainsFunc(r.Annotations, Annotation.large) {
		r.Annotations = slices.Clone(r.Annotations)
		for i := range r.Annotations {
			r.Annotations[i] = r.Annotations[i].Within()
		}
	}
	return r
}

// SizeOf returns how many bytes outputs count for MaxOutputs.
func SizeOf(outputs []plan.Var) (n int) {
	for _, o := range outputs {
		n += len(o.Name) + len(o.Value)
	}
	return n
}

func clipSteps(steps []StepResult) []StepResult {
	room, large := MaxSummary, false
	for i := range steps {
		room -= len(steps[i].Summary)
		large = large || len(steps[i].Reason) > MaxStepReason
	}
	if room >= 0 && !large {
		return steps
	}
	steps, room = slices.Clone(steps), MaxSummary
	for i := range steps {
		steps[i].Reason = clip(steps[i].Reason, MaxStepReason)
		steps[i].Summary = clip(steps[i].Summary, room)
		room -= len(steps[i].Summary)
	}
	return steps
}

// Within returns a with texts that fit an event of the journal.
func (a Annotation) Within() Annotation {
	a.Message = clip(a.Message, MaxAnnotation)
	a.Title, a.File = clip(a.Title, MaxAnnotationRef), clip(a.File, MaxAnnotationRef)
	return a
}

func (a Annotation) large() bool {
	return len(a.Message) > MaxAnnotation || len(a.Title) > MaxAnnotationRef || len(a.File) > MaxAnnotationRef
}

const ellipsis = "…"

// clip cuts a text at a character, and shows that it did if there is room for that.
func clip(text string, most int) string {
	switch {
	case len(text) <= most:
		return text
	case most < len(ellipsis):
		return ""
	}
	return strings.ToValidUTF8(text[:most-len(ellipsis)], "") + ellipsis
}
