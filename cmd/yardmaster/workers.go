package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"yardmaster/api"
	"yardmaster/messages"
)

const workersHelp = `List the workers that the server knows, look at one, and say what it may get.

A worker is named by its ID, or by the beginning of it if no other worker's ID
begins so. What is said of a worker holds until somebody says otherwise, whoever
restarts.`

func (a *app) workersCommand() *cobra.Command {
	list := func(*cobra.Command, []string) error { return a.workers() }
	cmd := &cobra.Command{
		Use: "workers", Short: "List workers, look at one, hold one back, label one", Long: workersHelp,
		Args: cobra.NoArgs, RunE: list,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Aliases: []string{"ls"}, Short: "List the workers that the server knows",
			Args: cobra.NoArgs, RunE: list,
		},
		a.workerShowCommand(), a.workerDrainCommand(), a.workerResumeCommand(), a.workerLabelCommand(),
	)
	return cmd
}

func (a *app) workerShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show WORKER",
		Short:             "Show a worker with what it has, what it runs and what happened to it",
		Long:              "Show a worker, also one that is gone, as long as it is remembered.",
		Args:              exactlyOne("a worker"),
		ValidArgsFunction: a.completeWorker,
		RunE:              func(_ *cobra.Command, args []string) error { return a.showWorker(args[0]) },
	}
}

func (a *app) workerDrainCommand() *cobra.Command {
	var reason string
	var wait bool
	cmd := &cobra.Command{
		Use:   "drain WORKER",
		Short: "Have a worker end what it runs and take nothing new",
		Long: `Have a worker end what it runs and take nothing new, until it is resumed, also when
it or the server is started again. Jobs that wait go to other workers.`,
		Args:              exactlyOne("a worker"),
		ValidArgsFunction: a.completeWorker,
		RunE:              func(_ *cobra.Command, args []string) error { return a.drainWorker(args[0], reason, wait) },
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for those who look at the worker later")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the worker runs nothing any more")
	return cmd
}

func (a *app) workerResumeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:               "resume WORKER",
		Short:             "Let a worker that was drained take jobs again",
		Args:              exactlyOne("a worker"),
		ValidArgsFunction: a.completeWorker,
		RunE: func(_ *cobra.Command, args []string) error {
			held := false
			return a.changeWorker(args[0], &messages.ChangeWorkerRequest{HeldBack: &held, Reason: reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for those who look at the worker later")
	return cmd
}

func (a *app) workerLabelCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:               "label WORKER LABEL... [LABEL-...]",
		Short:             "Add labels to a worker, and remove those that end with a -",
		Example:           "  yardmaster workers label build-7 gpu cuda=12 big-",
		ValidArgsFunction: a.completeWorker,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError("label takes a worker and labels (see `%s --help`)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			req := &messages.ChangeWorkerRequest{Reason: reason}
			for _, l := range args[1:] {
				if name, remove := strings.CutSuffix(l, "-"); remove {
					req.RemoveLabels = append(req.RemoveLabels, name)
				} else {
					req.AddLabels = append(req.AddLabels, l)
				}
			}
			return a.changeWorker(args[0], req)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for those who look at the worker later")
	return cmd
}

// completeIn bounds the completion of a worker's name in a shell.
const completeIn = 2 * time.Second

// completeWorker completes the first argument.
func (a *app) completeWorker(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || a.fromEnvironment(cmd.InheritedFlags()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(a.stops.orderly, completeIn)
	defer cancel()
	workers, err := client.Workers(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, w := range workers {
		if strings.HasPrefix(w.GetWorkerId(), begun) {
			names = append(names, w.GetWorkerId())
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// findWorker returns the ID that name means. A name that no worker of the list has
// may be that of one that is gone: the server knows.
func findWorker(ctx context.Context, client *api.Client, name string) (string, error) {
	workers, err := client.Workers(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, w := range workers {
		switch id := w.GetWorkerId(); {
		case id == name:
			return id, nil
		case name != "" && strings.HasPrefix(id, name):
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		return name, nil
	}
	return onlyOne(name, found)
}

// changeWorker changes a worker and says how it stands then.
func (a *app) changeWorker(name string, req *messages.ChangeWorkerRequest) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := changeWorker(a.stops.orderly, client, name, req)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.ChangeWorkerResponse{Worker: w})
	}
	labels := "without labels"
	if len(w.GetLabels()) > 0 {
		labels = "with the labels " + cleanLine(strings.Join(w.GetLabels(), ", "))
	}
	fmt.Fprintf(a.out, "%s is %s, %s\n", w.GetWorkerId(), workerState(w.GetState()), labels)
	return nil
}

func changeWorker(ctx context.Context, client *api.Client, name string, req *messages.ChangeWorkerRequest,
) (*messages.Worker, error) {
	id, err := findWorker(ctx, client, name)
	if err != nil {
		return nil, err
	}
	req.WorkerId = id
	return client.ChangeWorker(ctx, req)
}

// drainPause is the time between two looks at a worker that is waited for.
const drainPause = 300 * time.Millisecond

// drainWorker holds a worker back, and waits until it runs nothing if asked to.
func (a *app) drainWorker(name, reason string, wait bool) error {
	held := true
	req := &messages.ChangeWorkerRequest{HeldBack: &held, Reason: reason}
	if !wait {
		return a.changeWorker(name, req)
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := changeWorker(a.stops.orderly, client, name, req)
	if err != nil {
		return err
	}
	if w, err = a.untilDrained(client, w); err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.ChangeWorkerResponse{Worker: w})
	}
	fmt.Fprintf(a.out, "%s runs nothing any more\n", w.GetWorkerId())
	return nil
}

// untilDrained waits until a worker was seen twice running nothing: an assignment
// may have been under way at the first look. A server that does not answer is asked
// again: the worker is held back whoever restarts.
func (a *app) untilDrained(client *api.Client, w *messages.Worker) (*messages.Worker, error) {
	id, idle, said, away := w.GetWorkerId(), 0, []string(nil), false
	for {
		switch jobs := w.GetJobs(); {
		case !w.GetHeldBack():
			return nil, &exitError{exitFailed, fmt.Sprintf("somebody lets %s take jobs again", id)}
		case len(jobs) > 0:
			if idle = 0; a.output == outputText && !slices.Equal(jobs, said) {
				fmt.Fprintf(a.out, "%s still runs %s\n", id, cleanLine(strings.Join(jobs, ", ")))
			}
			said = jobs
		case !away:
			if idle++; idle > 1 {
				return w, nil
			}
		}
		select {
		case <-time.After(drainPause):
		case <-a.stops.orderly.Done():
			fmt.Fprintf(a.err, "yardmaster: %s stays held back: yardmaster workers resume %s ends that\n", id, id)
			return nil, context.Canceled
		}
		answer, err := client.Worker(a.stops.orderly, id)
		switch {
		case err == nil:
			w, away = answer.GetWorker(), false
		case !unanswered(err) && a.stops.orderly.Err() == nil:
			return nil, err
		case !away:
			away = true
			fmt.Fprintf(a.err, "yardmaster: the server does not answer: waiting\n")
		}
	}
}
