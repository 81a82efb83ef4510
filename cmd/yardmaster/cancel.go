package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"yardmaster/api"
	"yardmaster/messages"
)

func (a *app) cancelCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel RUN[/JOB]",
		Short: "Cancel a run, or one job of it",
		Args:  exactlyOne("a run, or RUN/JOB"),
		RunE:  func(_ *cobra.Command, args []string) error { return a.cancel(args[0], reason) },
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for those who read the run later")
	return cmd
}

func (a *app) cancel(arg, reason string) error {
	client, t, err := a.target(arg)
	if err != nil {
		return err
	}
	defer client.Close()
	req := &messages.CancelRunRequest{RunId: t.runID, JobKey: t.jobKey, Reason: reason}
	if err := client.Cancel(a.stops.orderly, req); err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, req)
	}
	what := t.runID
	if t.jobKey != "" {
		what += "/" + t.jobKey
	}
	fmt.Fprintf(a.out, "%s will be cancelled\n", cleanLine(what))
	return nil
}

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "why RUN[/JOB]",
		Short: "Say why a job stands where it stands",
		Long: `Say why a job stands where it stands; without a job, for each job of the run that
has not ended, or for all when the run is over.`,
		Args: exactlyOne("a run, or RUN/JOB"),
		RunE: func(_ *cobra.Command, args []string) error { return a.why(args[0]) },
	}
}

// explanation is the answer about one job, in JSON.
type explanation struct {
	RunID    string          `json:"run_id"`
	JobIndex uint32          `json:"job_index"`
	JobKey   string          `json:"job_key"`
	Why      json.RawMessage `json:"why"`
}

// maxExplained bounds the jobs that one call explains.
const maxExplained = 50

func (a *app) why(arg string) error {
	client, t, err := a.target(arg)
	if err != nil {
		return err
	}
	defer client.Close()
	run, err := client.Run(a.stops.orderly, t.runID)
	if err != nil {
		return err
	}
	jobs, err := unclear(run, t.jobKey)
	if err != nil {
		return err
	}
	if len(jobs) > maxExplained {
		fmt.Fprintf(a.err, "yardmaster: the first %d of %d jobs; RUN/JOB names another\n", maxExplained, len(jobs))
		jobs = jobs[:maxExplained]
	}
	return a.explain(client, run.GetRunId(), jobs)
}

// unclear returns the jobs to be explained.
func unclear(run *messages.Run, key string) ([]*messages.Job, error) {
	if key != "" {
		job, err := findJob(run, key)
		return []*messages.Job{job}, err
	}
	if final(run.GetState()) {
		return run.GetJobs(), nil
	}
	var jobs []*messages.Job
	for _, j := range run.GetJobs() {
		if !final(j.GetState()) {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

func (a *app) explain(client *api.Client, runID string, jobs []*messages.Job) error {
	all := make([]explanation, 0, len(jobs))
	for _, j := range jobs {
		answer, err := client.Explain(a.stops.orderly, runID, j.GetIndex())
		if err != nil {
			return err
		}
		if a.output == outputJSON {
			raw, err := protoJSON(answer)
			if err != nil {
				return err
			}
			all = append(all, explanation{RunID: runID, JobIndex: j.GetIndex(), JobKey: j.GetKey(), Why: raw})
			continue
		}
		fmt.Fprint(a.out, whyText(j.GetKey(), answer))
	}
	if a.output == outputJSON {
		return printRaw(a.out, struct {
			Jobs []explanation `json:"jobs"`
		}{all})
	}
	return nil
}

func whyText(key string, answer *messages.ExplainJobResponse) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s\n", cleanLine(key), stateName(answer.GetState()))
	for _, reason := range answer.GetReasons() {
		fmt.Fprintf(&b, "  - %s\n", cleanLine(reason))
	}
	for _, at := range answer.GetAttempts() {
		if at.GetOutcome() != messages.Outcome_OUTCOME_UNSPECIFIED { // the reasons tell of the one that is open
			fmt.Fprintf(&b, "  - attempt %d on %s%s\n", at.GetNumber(), cleanLine(at.GetWorkerId()), attemptStory(at))
		}
	}
	if answer.GetQueued() {
		fmt.Fprintf(&b, "  - jobs ahead of it in the queue: %d\n", answer.GetAhead())
	}
	return b.String()
}

// attemptStory says how an attempt ended, after how long, and whose fault that was.
func attemptStory(at *messages.Attempt) string {
	from := moment(at.GetStartedAt())
	if from.IsZero() {
		from = moment(at.GetAssignedAt())
	}
	story := " " + outcomeName(at.GetOutcome())
	if end := moment(at.GetEndedAt()); !end.IsZero() && !end.Before(from) {
		story += " after " + duration(end.Sub(from))
	}
	switch {
	case at.GetReason() != "":
		story += ": " + cleanLine(at.GetReason())
	case at.GetOutcome() == messages.Outcome_OUTCOME_FAILED:
		story += fmt.Sprintf(": exit code %d", at.GetExitCode())
	}
	return story + blame(at)
}

func blame(at *messages.Attempt) string {
	switch at.GetFault() {
	case messages.Fault_FAULT_USER:
		return " (the job's own fault)"
	case messages.Fault_FAULT_INFRASTRUCTURE:
		return " (fault of the infrastructure)"
	case messages.Fault_FAULT_SYSTEM:
		return " (fault of Yardmaster)"
	case messages.Fault_FAULT_UNSPECIFIED:
	}
	return ""
}
