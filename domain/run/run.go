// Package run is one submission of a workflow, as values: which of its jobs may
// start, which must be stopped or skipped, and how it ended.
//
// # What it promises
//
//   - A job is released only after every job it needs has ended, with success unless
//     its condition asks how they ended, and only if its condition holds.
//   - Every job of a run ends, and the run ends with its last job.
//   - The verdict follows from the ends of the jobs alone, so it needs no event
//     of its own.
package run

import (
	"cmp"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
)

// ID names a run for its whole life.
type ID = job.RunID

// Status is where a job of the run stands, as far as the run minds.
type Status uint8

// The statuses of a job within its run.
const (
	Waiting   Status = iota // not ended; whether it is released follows from the others
	Succeeded               // ended in success, or failed where failing is allowed
	Failed
	Cancelled
	Skipped // its condition is false, or a job it needs did not succeed
)

// Run is the state of one run. It changes only through Evolve and JobEnded,
// which leave the value they were given as it was.
type Run struct {
	ID   ID
	Plan *plan.Workflow // shared; never changed
	// Key is the idempotency key of the submission, or "".
	Key string
	// Digest identifies what was submitted, so that a key cannot be used twice
	// for different things.
	Digest    [32]byte
	Principal string // who submitted
	Project   string // never empty
	RetryOf   ID     // the run that this one tries again, or ""
	Trace     string // W3C traceparent of the submission, or ""
	// Turn is the place of the run in its concurrency group: lower ones go first. 0 means
	// that it has no group, or no place yet.
	Turn uint64
	// State is PENDING until a job is assigned, and final with the last job.
	State       job.State
	Jobs        []Status
	Left        int // jobs that have not ended
	Tolerated   int // jobs that failed where failing is allowed
	Cancelling  bool
	Reason      string // why it is or was cancelled
	SubmittedAt time.Time
	EndedAt     time.Time
}

// Submission is what a run begins with.
type Submission struct {
	ID        ID
	Plan      *plan.Workflow
	Key       string
	Digest    [32]byte
	Principal string
	Project   string // "" means project.Default
	Trace     string // W3C traceparent, or ""
	At        time.Time
	// RetryOf is a run of the same plan that this one tries again, or "". The jobs
	// at the indexes Reused succeeded there, and count as if they had here.
	RetryOf ID
	Reused  []Reuse
}

// Reuse is a job that succeeded in another run, and what it handed on there.
type Reuse struct {
	Index   uint32
	Outputs []plan.Var
}

// New returns the run that s begins.
func New(s Submission) Run {
	return Run{
		ID: s.ID, Plan: s.Plan, Key: s.Key, Digest: s.Digest, Principal: s.Principal,
		Project: cmp.Or(s.Project, project.Default), RetryOf: s.RetryOf, Trace: s.Trace, SubmittedAt: s.At,
		State: job.Pending, Jobs: make([]Status, len(s.Plan.Jobs)), Left: len(s.Plan.Jobs),
	}
}

// CancelRequested records that the run shall end as CANCELLED.
type CancelRequested struct {
	By     string
	Reason string
}

// Cancel returns the event that cancelling causes: nil when the run is being
// cancelled already, or job.InvalidStateTransition when it has ended otherwise.
func (r *Run) Cancel(by, reason string) (*CancelRequested, error) {
	switch {
	case r.Cancelling || r.State == job.Cancelled:
		return nil, nil
	case r.State.Final():
		return nil, &job.InvalidStateTransition{Job: job.ID{Run: r.ID}, From: r.State, To: job.Cancelled}
	}
	return &CancelRequested{By: by, Reason: reason}, nil
}

// Evolve folds a cancel into the state.
func (r Run) Evolve(e CancelRequested) Run {
	r.Cancelling, r.Reason = true, e.Reason
	return r
}

// JobStarted notes that some job of the run has been assigned.
func (r Run) JobStarted() Run {
	r.StartJob()
	return r
}

// StartJob is JobStarted on a copy of the caller's own.
func (r *Run) StartJob() {
	if r.State == job.Pending {
		r.State = job.Running
	}
}

// JobEnded folds the end of the job at index into the state. The end of a job
// that has ended before changes nothing.
func (r Run) JobEnded(index uint32, state job.State, cause job.Cause, at time.Time) Run {
	r.EndJob(index, state, cause, at)
	return r
}

// EndJob is JobEnded on a copy of the caller's own. What the copy shares with
// its original stays as it was.
func (r *Run) EndJob(index uint32, state job.State, cause job.Cause, at time.Time) {
	i := int(index)
	if i >= len(r.Jobs) || r.Jobs[i] != Waiting || !state.Final() {
		return
	}
	r.Jobs = append([]Status(nil), r.Jobs...)
	r.Jobs[i] = r.status(i, state, cause)
	if state == job.Failed && r.Jobs[i] == Succeeded {
		r.Tolerated++
	}
	r.Left--
	if r.Left == 0 {
		r.State, r.EndedAt = r.verdict(), at
		r.Cancelling = false
	}
}

func (r *Run) status(i int, state job.State, cause job.Cause) Status {
	switch {
	case state == job.Success:
		return Succeeded
	case state == job.Failed && r.Plan.Jobs[i].ContinueOnError:
		return Succeeded
	case state == job.Failed:
		return Failed
	case cause == job.CauseNeeds || cause == job.CauseCondition:
		return Skipped
	default:
		return Cancelled
	}
}

// verdict is the run's final state once every job has ended.
func (r *Run) verdict() job.State {
	end := job.Success
	for _, s := range r.Jobs {
		switch s {
		case Failed:
			if !r.Cancelling {
				return job.Failed
			}
			end = job.Cancelled
		case Cancelled:
			end = job.Cancelled
		case Waiting, Succeeded, Skipped:
		}
	}
	return end
}
