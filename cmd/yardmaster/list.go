package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"yardmaster/messages"
)

func (a *app) listCommand() *cobra.Command {
	var (
		states []string
		req    messages.ListRunsRequest
	)
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List runs, newest first",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, s := range states {
				state, ok := messages.JobState_value["JOB_STATE_"+strings.ToUpper(s)]
				if !ok || state == 0 {
					return usageError("--state is %q; it can be pending, running, success, failed or cancelled", s)
				}
				req.States = append(req.States, messages.JobState(state))
			}
			return a.list(&req)
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only runs in these `states`")
	cmd.Flags().Uint32Var(&req.Limit, "limit", 50, "at most this many `runs`, up to 1000")
	cmd.Flags().StringVar(&req.Name, "name", "", "only runs of the workflow with this `name`")
	return cmd
}

func (a *app) list(req *messages.ListRunsRequest) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	runs, err := client.Runs(a.stops.orderly, req)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.ListRunsResponse{Runs: runs})
	}
	rows := [][]string{{"RUN", "WORKFLOW", "STATE", "SUBMITTED", "TOOK", "BY"}}
	for _, r := range runs {
		rows = append(rows, []string{
			r.GetRunId(), cleanLine(r.GetName()), stateName(r.GetState()), clock(moment(r.GetSubmittedAt())),
			elapsed(moment(r.GetSubmittedAt()), moment(r.GetEndedAt()), time.Now()), cleanLine(r.GetPrincipal()),
		})
	}
	fmt.Fprint(a.out, table(rows))
	return nil
}

// clock renders a moment for people, in their time zone.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

func (a *app) workersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "workers",
		Short: "List the workers that the server knows",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.workers() },
	}
}

func (a *app) workers() error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	workers, err := client.Workers(a.stops.orderly)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.ListWorkersResponse{Workers: workers})
	}
	rows := [][]string{{"WORKER", "STATE", "SLOTS", "LOAD", "HEARD", "VERSION", "LABELS"}}
	for _, w := range workers {
		rows = append(rows, []string{
			w.GetWorkerId(), strings.TrimPrefix(w.GetState().String(), "WORKER_STATE_"),
			slotsText(w), loadText(w.GetLoad()),
			duration(w.GetSinceHeartbeat().AsDuration()) + " ago", cleanLine(w.GetVersion()),
			cleanLine(strings.Join(w.GetLabels(), ",")),
		})
	}
	fmt.Fprint(a.out, table(rows))
	return nil
}
