package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"yardmaster/api"
	"yardmaster/messages"
)

// maxCount bounds the runs of one submit.
const maxCount = 100_000

// submitOptions are the flags of yardmaster submit.
type submitOptions struct {
	key     string
	project string
	count   int
	wait    bool
	trigger triggerOptions
}

func (a *app) submitCommand() *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Start a workflow on the server",
		Long: `Start a workflow on the server and print the ID of its run. The run is durable by
then. The same --key with the same file gives the same run for 24 hours.

With --wait, go on until the run has ended, and end with its verdict.`,
		Args: exactlyOne("the workflow file (- is standard input)"),
		RunE: func(_ *cobra.Command, args []string) error { return a.submit(args[0], o) },
	}
	cmd.Flags().StringVar(&o.key, "key", "", "idempotency `key`; with --count, the beginning of the keys")
	cmd.Flags().StringVar(&o.project, "project", "", "`name` of the project it belongs to (also YARDMASTER_PROJECT)")
	fromEnv(cmd.Flags(), "project")
	cmd.Flags().IntVar(&o.count, "count", 1, "start this many `runs`")
	cmd.Flags().BoolVarP(&o.wait, "wait", "w", false, "follow to the end; the exit code is the verdict")
	o.trigger.bind(cmd.Flags())
	return cmd
}

func (a *app) submit(path string, o submitOptions) error {
	if o.count < 1 || o.count > maxCount {
		return usageError("--count is %d; it can be from 1 to %d", o.count, maxCount)
	}
	name, src, err := a.readWorkflow(path)
	if err != nil {
		return err
	}
	trigger, err := a.trigger(path, &o.trigger)
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	res := new(messages.SubmitRunsResponse)
	keys := submissionKeys(o)
	for len(keys) > 0 {
		batch := keys[:min(len(keys), api.MaxSubmissions)]
		keys = keys[len(batch):]
		answer, err := client.SubmitRuns(a.stops.orderly, &messages.SubmitRunsRequest{
			FileName: name, Workflow: src, Submissions: batch, Project: o.project, Trigger: trigger,
		})
		if err != nil {
			return errors.Join(a.printSubmitted(res), fileFaults(err, src))
		}
		res.Runs, res.Warnings = append(res.Runs, answer.GetRuns()...), answer.GetWarnings()
	}
	if err := a.printSubmitted(res); err != nil || !o.wait {
		return err
	}
	return a.await(client, res.GetRuns())
}

// submissionKeys makes a key for each run. Without a key of the user's it is a
// random one: with it, a submission may be repeated when its answer was lost.
func submissionKeys(o submitOptions) []*messages.Submission {
	base := o.key
	if base == "" {
		base = "cli-" + rand.Text()
	}
	all := make([]*messages.Submission, o.count)
	for i := range all {
		key := base
		if o.count > 1 {
			key += "-" + strconv.Itoa(i+1)
		}
		all[i] = &messages.Submission{IdempotencyKey: key}
	}
	return all
}

func (a *app) printSubmitted(res *messages.SubmitRunsResponse) error {
	if len(res.GetRuns()) == 0 {
		return nil
	}
	if a.output == outputJSON {
		line, err := protoJSON(res)
		if err != nil {
			return err
		}
		return printLine(a.out, line)
	}
	for _, run := range res.GetRuns() {
		a.printRun(run)
	}
	for _, w := range res.GetWarnings() {
		fmt.Fprintf(a.err, "warning: %s\n", cleanLine(w))
	}
	return nil
}

func (a *app) printRun(run *messages.SubmittedRun) {
	fmt.Fprintln(a.out, run.GetRunId())
	if run.GetExisting() {
		fmt.Fprintf(a.err, "yardmaster: %s was there already, under this key\n", run.GetRunId())
	}
}

// await follows one run after the other, and ends with the worst verdict.
func (a *app) await(client *api.Client, runs []*messages.SubmittedRun) error {
	var worst error
	for _, submitted := range runs {
		run, err := a.newFollower(client, submitted.GetRunId()).follow(a.stops.orderly)
		if a.stops.orderly.Err() != nil {
			fmt.Fprintf(a.err, "yardmaster: %s goes on; `yardmaster cancel %[1]s` would end it\n", submitted.GetRunId())
			return &exitError{code: exitCancelled}
		}
		if err != nil {
			return err
		}
		if verdict(run.GetState()) == exitFailed || worst == nil {
			worst = verdictError(run)
		}
	}
	return worst
}
