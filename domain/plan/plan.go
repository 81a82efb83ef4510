// Package plan is what a workflow asks for, once its file has been read: its
// jobs with every matrix expanded, every default filled in and every need
// resolved. A plan never changes after its submission.
package plan

import (
	"time"

	"yardmaster/domain/resource"
	"yardmaster/domain/retry"
)

// Limits of a plan, checked where one is made.
const (
	MaxJobs        = 4096 // jobs of one workflow, matrix cells included
	MaxCells       = 256  // cells of one matrix
	MaxSteps       = 1000 // steps of one job
	DefaultTimeout = 6 * time.Hour
	MaxTimeout     = 35 * 24 * time.Hour
	MaxPriority    = 100 // priorities lie in [-MaxPriority, MaxPriority]
	// MaxBytes is the most its stored form may take: that must fit one entry of the
	// journal, and its largest job one message to a worker.
	MaxBytes = 2 << 20
)

// Workflow is a graph of jobs that is submitted as one.
type Workflow struct {
	Name string
	// RunName is what people are shown of a run of it; "" means the Name.
	RunName string
	// Context is what its expressions see of the submission: a JSON object with the
	// objects github, inputs and vars. "" is an empty one.
	Context     string
	Concurrency Concurrency
	// On names the triggers of the file. They are kept, not acted on.
	On   []string
	Jobs []Job // in the order of the file; a matrix's cells in their place
	// Groups are the matrices; a Job's Group points into them.
	Groups []Group
}

// Group is what the cells of one matrix share.
type Group struct {
	// FailFast cancels the other cells when one fails.
	FailFast bool
	// MaxParallel is how many cells may be unfinished and released at once; 0 means all.
	MaxParallel int
}

// Concurrency names a group of runs, of which one goes on at a time. The groups of
// projects have nothing to do with each other.
type Concurrency struct {
	Group string // "" means none
	// CancelInProgress cancels the runs before this one, whether they wait or go on.
	CancelInProgress bool
	// KeepAll lets every run of the group wait for its turn. Without it only the newest
	// of those that wait does; the others are cancelled.
	KeepAll bool
}

// NoGroup is the Group of a job outside any matrix.
const NoGroup = -1

// Executors a job may ask for.
const (
	ExecutorProcess = "process" // steps are real processes; the default
	ExecutorNoop    = "noop"    // starts nothing and succeeds; for load tests
)

// Job is one schedulable unit of a workflow.
type Job struct {
	// Key names the job within its workflow: the id in the file, with the
	// matrix values behind it where there are any: "test (linux, 1.26)".
	Key string
	// ID is the id in the file, shared by the cells of a matrix.
	ID string
	// Name is what people are shown; the Key unless the file says otherwise.
	Name string
	// Needs are the indexes in Workflow.Jobs of the jobs that must end first: with
	// success, unless If says otherwise.
	Needs []int
	// If is the condition on which the job runs, an expression without ${{ }}. It is
	// evaluated once the jobs that it needs have ended. "" means success().
	If string
	// AsksStatus says that If asks how those jobs ended, and so may hold when one of
	// them failed, or when the run is cancelled.
	AsksStatus bool
	// RunsOn are the capabilities demanded of a worker: lower case, sorted, each once.
	RunsOn []string
	// Env holds workflow and job variables, merged, in order of appearance.
	Env []Var
	// Matrix holds the values of this cell, in the order of the file.
	Matrix []MatrixValue
	// Outputs are what the job hands to those that need it. Their values are templates,
	// evaluated by the worker after the last step.
	Outputs []Var
	Group   int // index in Workflow.Groups, or NoGroup
	// Timeout bounds one attempt. Never zero.
	Timeout         time.Duration
	ContinueOnError bool
	Retry           retry.Policy
	// Priority orders waiting jobs, higher first.
	Priority int
	// Idempotent allows a second attempt to start while the first may still run.
	Idempotent bool
	// Resources are what one attempt takes of its worker beside a slot.
	Resources resource.Amount
	Executor  string
	Steps     []Step
}

// Var is a name and its value.
type Var struct{ Name, Value string }

// MatrixValue is the value of a key in one cell of a matrix.
type MatrixValue struct {
	Name string
	// Text is the value as its variable has it, and the job's Key: as it is written in
	// the file. Of a list or a mapping it is the JSON; the Key has the scalars within.
	Text string
	// JSON is the value itself when it is no string, else "".
	JSON string
}

// Step is one command of a job. Each text of it may be a template, with expressions in
// ${{ }}, but for ID, Shell and Uses.
type Step struct {
	ID   string // empty when the file gives none
	Name string // what people are shown; never empty
	// If is the condition on which the step runs, an expression without ${{ }}.
	// "" means success().
	If  string
	Run string // the script
	// Uses names the action to run in place of a script, as its file has it, and With is
	// what it is given.
	Uses string
	With []Var
	// Shell is the shell's name or a template with {0}; empty means the default.
	Shell            string
	WorkingDirectory string // relative to the workspace; empty means the workspace
	Env              []Var
	Timeout          time.Duration // 0 means the job's
	ContinueOnError  bool
	// TimeoutText and ContinueOnErrorText are templates that give the values of Timeout,
	// in minutes, and ContinueOnError; "" where those have theirs already.
	TimeoutText, ContinueOnErrorText string
}
