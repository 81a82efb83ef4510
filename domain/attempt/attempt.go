// Package attempt is what passes between the owner of a job and the worker that
// tries it: the task, and what is heard of it while it runs.
package attempt

import (
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

// MaxChunk is the most bytes one log chunk carries.
const MaxChunk = 64 << 10

// TidyUp is how long the steps of an attempt that is cancelled, or out of time, may still
// run in all, if their conditions hold even then. Whoever waits for the end of such an
// attempt must wait for longer.
const TidyUp = 5 * time.Minute

// Task is one attempt at a job, as a worker is asked to run it.
type Task struct {
	Job      job.ID
	Token    job.Token
	Attempt  int    // counts from 1
	Workflow string // name of the workflow
	Trace    string // W3C traceparent of the submission, or ""
	Spec     plan.Job
	// Context is what the expressions of the steps see beside the job itself: a JSON
	// object with the objects github, inputs, vars, needs and strategy. "" is an empty one.
	Context string
	// Secrets are those that the job refers to, with the names as they are kept. They
	// must not be stored, nor shown before they are hidden from whatever the steps write.
	Secrets []plan.Var
}

// Name is unique among all attempts of all jobs: "RUN.INDEX.TOKEN".
func (t Task) Name() string { return Name(t.Job, t.Token) }

// ChunkKind says who wrote a chunk.
type ChunkKind uint8

// The kinds of chunk.
const (
	Output ChunkKind = iota // bytes the job's processes wrote
	Notice                  // a line by the worker: a timeout, a cut
)

// Chunk is a piece of an attempt's log. All chunks of an attempt in the order of
// Seq are its log.
type Chunk struct {
	Seq  uint64 // counts from 1 without gaps
	Step int    // index of the step it belongs to
	Kind ChunkKind
	Time time.Time // by the worker's wall clock
	Data []byte    // 1 to MaxChunk bytes
}

// Step tells where a running attempt stands.
type Step struct {
	Index int
	// Running is true when the step begins, false when it has ended with Result.
	Running   bool
	StartedAt time.Time
	Result    job.StepResult
}

// Observer hears of an attempt while it runs. Calls come one at a time and in
// order; they may block, and that is the backpressure on the job's output.
type Observer interface {
	// StepChanged tells that a step begins or has ended.
	StepChanged(Step)
	// Output hands over the next chunk; its Data is the observer's to keep.
	Output(Chunk)
}

// Leased is an Observer that can tell that the lease of its attempt is lost, also when
// the attempt has been cancelled already: what a job then still does to tidy up must not
// go on when another worker may have begun the job. A Runner asks its Observer.
type Leased interface {
	// LeaseLost returns a channel that is closed when the lease is lost, or when the
	// attempt no longer counts.
	LeaseLost() <-chan struct{}
}
