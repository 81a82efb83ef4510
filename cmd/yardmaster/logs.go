package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"yardmaster/api"
	"yardmaster/messages"
)

// logsOptions are the flags of yardmaster logs.
type logsOptions struct {
	follow  bool
	attempt uint32
}

func (a *app) logsCommand() *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs RUN[/JOB]",
		Short: "Print the log of a job, or of all jobs of a run",
		Long: `Print the log of a job, or of all jobs of a run one after the other. What is
missing from a log is said on standard error.`,
		Args: exactlyOne("a run, or RUN/JOB"),
		RunE: func(_ *cobra.Command, args []string) error { return a.printLogs(args[0], o) },
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on until the job, or the run, has ended")
	cmd.Flags().Uint32Var(&o.attempt, "attempt", 0, "`number` of the attempt (default the newest)")
	return cmd
}

func (a *app) printLogs(arg string, o logsOptions) error {
	client, t, err := a.target(arg)
	if err != nil {
		return err
	}
	defer client.Close()
	run, err := client.Run(a.stops.orderly, t.runID)
	if err != nil {
		return err
	}
	only := allJobs
	if t.jobKey != "" {
		job, err := findJob(run, t.jobKey)
		if err != nil {
			return err
		}
		only = int(job.GetIndex())
		o.follow = o.follow && !takenOver(job) // there is nothing left to follow
	}
	if o.follow && o.attempt == 0 {
		return a.followLogs(client, run.GetRunId(), only)
	}
	return a.readLogs(client, run, only, o)
}

// followLogs prints all logs as they are written. What became of the run is not
// its matter: it succeeds.
func (a *app) followLogs(client *api.Client, runID string, only int) error {
	f := a.newFollower(client, runID)
	f.logs, f.only = true, only
	f.show = a.logDisplay(only != allJobs)
	_, err := f.follow(a.stops.orderly)
	return err
}

// jsonLogs shows logs and nothing else.
type jsonLogs struct{ jsonDisplay }

func (*jsonLogs) changed(*board, []news, *messages.WatchRunsResponse) {}

func (*jsonLogs) closed(*board, *messages.Run) {}

// readLogs prints the logs that there are, in the order of the plan.
func (a *app) readLogs(client *api.Client, run *messages.Run, only int, o logsOptions) error {
	var b board
	b.load(run)
	show := a.logDisplay(only != allJobs)
	for i, job := range run.GetJobs() {
		if only != allJobs && only != i {
			continue
		}
		attempt := o.attempt
		if attempt == 0 {
			attempt = newest(job).GetNumber()
		}
		if takenOver(job) {
			fmt.Fprintf(a.err, "yardmaster: %s was %s: this is its log there\n", cleanLine(job.GetKey()),
				cleanLine(job.GetReason()))
		} else if attempt == 0 {
			if only != allJobs {
				fmt.Fprintf(a.err, "yardmaster: %s has not started\n", cleanLine(job.GetKey()))
			}
			continue
		}
		last := newest(job).GetNumber()
		if o.attempt > last && only == allJobs && !takenOver(job) {
			continue
		}
		if o.attempt > last && !o.follow && !takenOver(job) { // one to follow may still come
			return noAttempt(job.GetKey(), o.attempt, last)
		}
		err := a.readLog(a.stops.orderly, client, &b, i, show, &messages.ReadLogRequest{
			RunId: run.GetRunId(), JobIndex: uint32(i), Attempt: attempt, Follow: o.follow,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// noAttempt is the error of whoever asks for an attempt beyond the last.
func noAttempt(key string, wanted, last uint32) error {
	if last == 0 {
		return usageError("%s has no attempt %d: it has not started", key, wanted)
	}
	return usageError("%s has no attempt %d: its newest is %d", key, wanted, last)
}

// logDisplay shows logs; those of one job go without a prefix.
func (a *app) logDisplay(alone bool) display {
	if a.output == outputJSON {
		return &jsonLogs{jsonDisplay{w: a.out}}
	}
	_, _, terminal := a.size()
	return &plainDisplay{logs: &logs{
		w: a.out, style: a.style(), terminal: terminal, alone: alone, jobs: make(map[int]*logText),
	}, quiet: true}
}

func (a *app) readLog(
	ctx context.Context, client *api.Client, b *board, job int, show display, req *messages.ReadLogRequest,
) error {
	ended := false
	err := client.ReadLog(ctx, req, func(res *messages.ReadLogResponse) error {
		show.logged(b, job, res)
		if res.GetEnd() != nil {
			ended = true
			if why := incomplete(res.GetEnd()); why != "" {
				fmt.Fprintf(a.err, "yardmaster: log of %s, attempt %d: %s\n",
					cleanLine(b.jobs[job].key), req.GetAttempt(), why)
			}
		}
		return nil
	})
	if err == nil && !ended {
		fmt.Fprintf(a.err, "yardmaster: log of %s, attempt %d: not complete: its end is missing\n",
			cleanLine(b.jobs[job].key), req.GetAttempt())
	}
	return err
}
