package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"yardmaster/messages"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with its jobs and steps",
		Args:  exactlyOne("a run"),
		RunE:  func(_ *cobra.Command, args []string) error { return a.showRun(args[0]) },
	}
}

func (a *app) showRun(arg string) error {
	client, t, err := a.target(arg)
	if err != nil {
		return err
	}
	defer client.Close()
	run, err := client.Run(a.stops.orderly, t.runID)
	if err != nil {
		return err
	}
	if t.jobKey != "" {
		job, err := findJob(run, t.jobKey)
		if err != nil {
			return err
		}
		run.Jobs = []*messages.Job{job}
	}
	if a.output == outputJSON {
		return printJSON(a.out, run)
	}
	fmt.Fprint(a.out, runText(run, a.style(), time.Now()))
	return nil
}

// runText describes a run for people.
func runText(run *messages.Run, st style, now time.Time) string {
	var b strings.Builder
	submitted, ended := moment(run.GetSubmittedAt()), moment(run.GetEndedAt())
	name := cleanLine(cmp.Or(run.GetRunName(), run.GetName()))
	fmt.Fprintf(&b, "%s  %s  %s\n", name, run.GetRunId(), st.state(run.GetState()))
	fmt.Fprintf(&b, "submitted %s by %s, took %s\n",
		clock(submitted), cleanLine(run.GetPrincipal()), elapsed(submitted, ended, now))
	if run.GetProject() != "" {
		fmt.Fprintf(&b, "project %s\n", cleanLine(run.GetProject()))
	}
	if run.GetRetryOf() != "" {
		fmt.Fprintf(&b, "retries run %s\n", cleanLine(run.GetRetryOf()))
	}
	if run.GetIdempotencyKey() != "" {
		fmt.Fprintf(&b, "key %s\n", cleanLine(run.GetIdempotencyKey()))
	}
	if run.GetReason() != "" {
		fmt.Fprintf(&b, "%s\n", cleanLine(run.GetReason()))
	}
	if run.GetCancelling() && !final(run.GetState()) {
		b.WriteString("being cancelled\n")
	}
	for _, j := range run.GetJobs() {
		b.WriteString("\n" + jobText(j, st, now))
	}
	return b.String()
}

func jobText(j *messages.Job, st style, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", st.paint(lookOf(j.GetState()).sgr, st.glyph(j.GetState())),
		cleanLine(j.GetKey()), endName(j))
	if took := elapsed(moment(j.GetStartedAt()), moment(j.GetEndedAt()), now); took != "" {
		b.WriteString(" " + took)
	}
	if len(j.GetNeeds()) > 0 {
		b.WriteString(", needs " + cleanLine(strings.Join(j.GetNeeds(), ", ")))
	}
	if j.GetReason() != "" {
		b.WriteString(": " + cleanLine(j.GetReason()))
	}
	b.WriteByte('\n')
	if takenOver(j) { // its steps ran elsewhere
		return b.String()
	}
	for _, at := range j.GetAttempts() {
		if len(j.GetAttempts()) > 1 || !final(j.GetState()) {
			fmt.Fprintf(&b, "    attempt %d on %s%s\n", at.GetNumber(), cleanLine(at.GetWorkerId()), attemptEnd(at))
		}
	}
	for i, s := range j.GetSteps() {
		fmt.Fprintf(&b, "    %d. %s%s\n", i+1, cleanLine(s.GetName()), stepEnd(s, now))
	}
	b.WriteString(remarks(j))
	return b.String()
}

// endName is the name of a job's state, or says that it was skipped.
func endName(j *messages.Job) string {
	switch j.GetCause() { //nolint:exhaustive // others are no skips
	case messages.Cause_CAUSE_NEEDS, messages.Cause_CAUSE_CONDITION:
		return "SKIPPED"
	}
	return stateName(j.GetState())
}

// remarks are what the steps of a job said beside their log, and what it hands on.
func remarks(j *messages.Job) string {
	var b strings.Builder
	for _, at := range j.GetAnnotations() {
		fmt.Fprintf(&b, "    %s\n", annotationText(at))
	}
	for _, o := range j.GetOutputs() {
		fmt.Fprintf(&b, "    output %s = %s\n", cleanLine(o.GetName()), cleanLine(o.GetValue()))
	}
	for i, s := range j.GetSteps() {
		if s.GetSummary() == "" {
			continue
		}
		fmt.Fprintf(&b, "    summary of step %d:\n", i+1)
		for line := range strings.Lines(s.GetSummary()) {
			fmt.Fprintf(&b, "      %s\n", cleanLine(strings.TrimRight(line, "\r\n")))
		}
	}
	return b.String()
}

// annotationText is "error in main.go:3:7: title: message".
func annotationText(a *messages.Annotation) string {
	text := strings.ToLower(strings.TrimPrefix(a.GetLevel().String(), "LEVEL_"))
	if a.GetFile() != "" {
		text += " in " + cleanLine(a.GetFile())
		if a.GetLine() > 0 {
			text += ":" + strconv.FormatUint(uint64(a.GetLine()), 10)
		}
		if a.GetColumn() > 0 {
			text += ":" + strconv.FormatUint(uint64(a.GetColumn()), 10)
		}
	}
	if a.GetTitle() != "" {
		text += ": " + cleanLine(a.GetTitle())
	}
	return text + ": " + cleanLine(a.GetMessage())
}

// takenOver reports whether the job succeeded in another run and was not run in this.
func takenOver(j *messages.Job) bool {
	return j.GetState() == messages.JobState_JOB_STATE_SUCCESS && len(j.GetAttempts()) == 0
}

func attemptEnd(at *messages.Attempt) string {
	if at.GetOutcome() == messages.Outcome_OUTCOME_UNSPECIFIED {
		return ""
	}
	s := ": " + outcomeName(at.GetOutcome())
	if at.GetReason() != "" {
		s += ", " + cleanLine(at.GetReason())
	}
	return s
}

func stepEnd(s *messages.StepView, now time.Time) string {
	took := elapsed(moment(s.GetStartedAt()), moment(s.GetEndedAt()), now)
	switch {
	case s.GetRunning():
		return "  running " + took
	case s.GetOutcome() == messages.Outcome_OUTCOME_UNSPECIFIED:
		return ""
	case s.GetOutcome() == messages.Outcome_OUTCOME_SKIPPED:
		return "  skipped"
	case s.GetOutcome() == messages.Outcome_OUTCOME_FAILED && s.GetTolerated():
		return fmt.Sprintf("  failed in %s, which is allowed: %s", took, stepReason(s))
	case s.GetOutcome() == messages.Outcome_OUTCOME_FAILED:
		return fmt.Sprintf("  failed in %s: %s", took, stepReason(s))
	}
	return "  " + outcomeName(s.GetOutcome()) + " in " + took
}

func stepReason(s *messages.StepView) string {
	if s.GetReason() != "" {
		return cleanLine(s.GetReason())
	}
	return fmt.Sprintf("exit code %d", s.GetExitCode())
}

func outcomeName(o messages.Outcome) string {
	return strings.ToLower(strings.TrimPrefix(o.String(), "OUTCOME_"))
}
