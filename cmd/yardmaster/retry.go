package main

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"yardmaster/messages"
)

// retryOptions are the flags of yardmaster retry.
type retryOptions struct {
	failed bool
	key    string
	wait   bool
}

func (a *app) retryCommand() *cobra.Command {
	var o retryOptions
	cmd := &cobra.Command{
		Use:   "retry RUN",
		Short: "Start a run that has ended again",
		Long: `Start a run that has ended again, as a new run of the same workflow and project,
and print its ID. The file is not needed. The run is durable by then.

With --failed, only what did not succeed runs again; jobs that succeeded are taken
over, with their logs. The same --key gives the same run for 24 hours.

With --wait, go on until the run has ended, and end with its verdict.`,
		Args: exactlyOne("a run"),
		RunE: func(_ *cobra.Command, args []string) error { return a.retry(args[0], o) },
	}
	cmd.Flags().BoolVar(&o.failed, "failed", false, "run only what did not succeed")
	cmd.Flags().StringVar(&o.key, "key", "", "idempotency `key`")
	cmd.Flags().BoolVarP(&o.wait, "wait", "w", false, "follow to the end; the exit code is the verdict")
	return cmd
}

func (a *app) retry(arg string, o retryOptions) error {
	client, t, err := a.target(arg)
	if err != nil {
		return err
	}
	defer client.Close()
	if t.jobKey != "" {
		return usageError("a run is tried again as a whole: name it without a job (--failed leaves out what succeeded)")
	}
	key := o.key
	if key == "" { // with it, the request may be repeated when its answer was lost
		key = "cli-" + rand.Text()
	}
	res, err := client.Retry(a.stops.orderly, &messages.RetryRunRequest{
		RunId: t.runID, FailedOnly: o.failed, IdempotencyKey: key,
	})
	if err != nil {
		return err
	}
	if err := a.printRetried(res, t.runID); err != nil || !o.wait {
		return err
	}
	return a.await(client, []*messages.SubmittedRun{res.GetRun()})
}

func (a *app) printRetried(res *messages.RetryRunResponse, before string) error {
	if a.output == outputJSON {
		line, err := protoJSON(res)
		if err != nil {
			return err
		}
		return printLine(a.out, line)
	}
	a.printRun(res.GetRun())
	if n := res.GetReused(); n > 0 {
		fmt.Fprintf(a.err, "yardmaster: taken over from %s: %d of its jobs\n", before, n)
	}
	return nil
}
