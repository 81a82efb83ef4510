package main

import (
	"fmt"
	"time"

	"yardmaster/messages"
)

// board is what is known of one run: a snapshot, and the changes since. Applying
// what is known already changes nothing, so both may overlap.
type board struct {
	runID, name, reason string
	state               messages.JobState
	submitted, ended    time.Time
	jobs                []jobRow
}

// jobRow is one job of it.
type jobRow struct {
	key     string
	state   messages.JobState
	attempt uint32
	worker  string
	reason  string
	steps   []string // their names, as far as they are known
	step    string   // the one that runs
	fault   string   // what a step failed with, where the job gives no reason
	started time.Time
	ended   time.Time
}

// news is one change worth a line.
type news struct {
	at   time.Time
	job  int // index in board.jobs, or -1 for the run
	text string
}

// load takes in a snapshot and returns what it changed.
func (b *board) load(run *messages.Run) []news {
	var all []news
	b.runID, b.name = run.GetRunId(), run.GetName()
	b.submitted = moment(run.GetSubmittedAt())
	for i, j := range run.GetJobs() {
		if i == len(b.jobs) {
			b.jobs = append(b.jobs, jobRow{state: messages.JobState_JOB_STATE_PENDING})
		}
		row := &b.jobs[i]
		row.key = j.GetKey()
		for _, s := range j.GetSteps() {
			row.blame(s)
		}
		all = append(all, b.changeJob(i, jobRow{
			state: j.GetState(), attempt: newest(j).GetNumber(), worker: newest(j).GetWorkerId(), reason: j.GetReason(),
			started: moment(j.GetStartedAt()), ended: moment(j.GetEndedAt()),
		})...)
		row.steps = row.steps[:0]
		row.step = ""
		for _, s := range j.GetSteps() {
			row.steps = append(row.steps, s.GetName())
			if s.GetRunning() {
				row.step = s.GetName()
			}
		}
	}
	return append(all, b.changeRun(run.GetState(), run.GetReason(), moment(run.GetEndedAt()))...)
}

// newest returns a job's newest attempt, or nil.
func newest(j *messages.Job) *messages.Attempt {
	if n := len(j.GetAttempts()); n > 0 {
		return j.GetAttempts()[n-1]
	}
	return nil
}

// apply takes in one change and returns the lines that it is worth.
func (b *board) apply(c *messages.RunChange) []news {
	at := moment(c.GetAt())
	if c.GetOfRun() {
		return b.changeRun(c.GetState(), c.GetReason(), at)
	}
	i := int(c.GetJobIndex())
	if i >= len(b.jobs) {
		return nil
	}
	next := jobRow{
		state: c.GetState(), attempt: c.GetAttempt(), worker: c.GetWorkerId(), reason: c.GetReason(),
		started: moment(c.GetAttemptStartedAt()),
	}
	if final(next.state) {
		next.ended = at
	} else if next.state == messages.JobState_JOB_STATE_RUNNING && next.started.IsZero() {
		next.started = at
	}
	if c.GetStep() != nil {
		b.changeStep(&b.jobs[i], int(c.GetStepIndex()), c.GetStep())
	}
	return b.changeJob(i, next)
}

// blame remembers a step that failed.
func (j *jobRow) blame(s *messages.StepView) {
	if s.GetOutcome() == messages.Outcome_OUTCOME_FAILED {
		j.fault = fmt.Sprintf("%s: %s", s.GetName(), stepReason(s))
	}
}

// why returns the reason of a job that did not succeed.
func (j *jobRow) why() string {
	if j.reason == "" && j.state == messages.JobState_JOB_STATE_FAILED {
		return j.fault
	}
	return j.reason
}

// maxKnownSteps bounds what a change may say about steps.
const maxKnownSteps = 4096

func (b *board) changeStep(row *jobRow, index int, s *messages.StepView) {
	if index >= maxKnownSteps {
		return
	}
	for len(row.steps) <= index {
		row.steps = append(row.steps, "")
	}
	row.steps[index] = s.GetName()
	row.blame(s)
	switch {
	case s.GetRunning():
		row.step = s.GetName()
	case row.step == s.GetName():
		row.step = ""
	}
}

// changeJob moves a job forward; news from the past is dropped.
func (b *board) changeJob(i int, next jobRow) []news {
	row := &b.jobs[i]
	if next.attempt == 0 { // not said
		next.attempt = row.attempt
	}
	if final(row.state) || next.state < row.state || next.attempt < row.attempt {
		return nil
	}
	changed := next.state != row.state || next.attempt != row.attempt && next.attempt > 0
	row.state, row.attempt = next.state, next.attempt
	if next.worker != "" {
		row.worker = next.worker
	}
	if next.reason != "" {
		row.reason = next.reason
	}
	if row.started.IsZero() {
		row.started = next.started
	}
	row.ended = next.ended
	if final(row.state) {
		row.step = ""
	}
	if !changed {
		return nil
	}
	when := latest(row.started, row.ended)
	if when.IsZero() {
		when = b.submitted // a job that ended without a start has no time of its own
	}
	return []news{{at: when, job: i, text: row.sentence()}}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sentence says where the job stands: "RUNNING on worker-1".
func (j *jobRow) sentence() string {
	s := stateName(j.state)
	switch {
	case j.state == messages.JobState_JOB_STATE_RUNNING:
		if j.worker != "" {
			s += " on " + j.worker
		}
		if j.attempt > 1 {
			s += fmt.Sprintf(" (attempt %d)", j.attempt)
		}
	case final(j.state):
		if took := elapsed(j.started, j.ended, j.ended); took != "" {
			s += " in " + took
		}
		if why := j.why(); why != "" {
			s += ": " + why
		}
	}
	return cleanLine(s)
}

func (b *board) changeRun(state messages.JobState, reason string, at time.Time) []news {
	if final(b.state) || state <= b.state {
		return nil
	}
	b.state, b.reason = state, reason
	if final(state) {
		b.ended = at
	}
	return nil // the run's own end is the verdict, which is said once, below all else
}

// stepName returns the name of a job's step for people.
func (b *board) stepName(job int) func(uint32) string {
	return func(step uint32) string {
		if job < len(b.jobs) {
			if steps := b.jobs[job].steps; int(step) < len(steps) && steps[step] != "" {
				return steps[step]
			}
		}
		return fmt.Sprintf("step %d", step+1)
	}
}

// verdictLine is the last line about a run: "ci SUCCESS in 1.2s".
func (b *board) verdictLine(st style) string {
	s := cleanLine(b.name) + " " + st.state(b.state)
	if took := elapsed(b.submitted, b.ended, b.ended); took != "" && !b.ended.IsZero() {
		s += " in " + took
	}
	if b.reason != "" {
		s += ": " + cleanLine(b.reason)
	}
	return s
}
