package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"yardmaster/api"
	"yardmaster/domain/plan"
	"yardmaster/messages"
	"yardmaster/worker/capability"
	"yardmaster/workflow"
)

// runOptions are the flags of yardmaster run.
type runOptions struct {
	dataDir string
	slots   int
	keep    bool
	verbose bool
	labels  []string
	secrets []string
	trigger triggerOptions
}

const (
	localDrain = 5 * time.Second // for the node of a run to stop
	localLease = 20 * time.Second
	localQueue = 200_000
	localKept  = 100
	privateDir = 0o700
)

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a workflow here and now, in this process",
		Long: `Run a workflow with a coordinator node and a worker inside this process, show its
output, and end with its verdict. Ctrl-C cancels it; a second Ctrl-C kills it.`,
		Args: exactlyOne("the workflow file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.runLocal(args[0], o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dataDir, "data-dir", "", "`directory` for the journal and the workspaces (default temporary)")
	flags.IntVar(&o.slots, "slots", runtime.NumCPU(), "jobs at once")
	flags.BoolVar(&o.keep, "keep", false, "keep the temporary directory, with the workspaces")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "log what the parts do")
	flags.StringSliceVar(&o.labels, "labels", nil,
		"capabilities beside those of the machine (default those the jobs demand)")
	flags.StringArrayVar(&o.secrets, "secret", nil,
		"`NAME` of a secret whose value is in the environment variable of that name, or asked for (may be repeated)")
	o.trigger.bind(flags)
	return cmd
}

// stdinName is what standard input is called where a file's name is wanted.
const stdinName = "stdin.yml"

// readWorkflow reads a workflow file, or standard input for "-". It gives up when
// the user does: what is no ordinary file may never end, or never begin.
func (a *app) readWorkflow(path string) (name string, src []byte, err error) {
	name = stdinName
	if path != "-" {
		name = strings.ToValidUTF8(filepath.Base(path), "\uFFFD") // a path may be any bytes, a message may not
	}
	type content struct {
		src []byte
		err error
	}
	done := make(chan content, 1)
	go func() { // ends with the file
		src, err := a.readFile(path)
		done <- content{src, err}
	}()
	select {
	case c := <-done:
		src, err = c.src, c.err
	case <-a.stops.orderly.Done():
		return "", nil, &exitError{code: exitCancelled}
	}
	switch {
	case err != nil:
		return "", nil, usageError("%s", err)
	case len(src) > workflow.MaxFileBytes:
		return "", nil, usageError("%s has more than %d bytes", name, workflow.MaxFileBytes)
	}
	return name, src, nil
}

// readFile reads no more of a file than shows that it is too long.
func (a *app) readFile(path string) ([]byte, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, workflow.MaxFileBytes+1))
}

// parseWorkflow returns the plan of a file, or its faults, ready to be shown. With sketch
// it is only to be looked at.
func parseWorkflow(name string, src []byte, t *messages.Trigger, sketch bool) (*plan.Workflow, error) {
	var faults workflow.Faults
	beside := api.Beside(t)
	beside.Sketch = sketch
	wf, err := workflow.Parse(name, src, beside)
	if errors.As(err, &faults) {
		return nil, &faultyFile{faults: faults, src: src}
	}
	return wf, err
}

// localLabels returns the labels of the one worker of a run, beside those of its
// machine. When the user named none it stands in for whatever the jobs demand, and
// says so; else a job that demands another would wait for ever, so the run is
// refused.
func (a *app) localLabels(wf *plan.Workflow, given []string) ([]string, error) {
	labels, found := slices.Clone(given), capability.Machine().Labels
	for i := range wf.Jobs {
		for _, want := range wf.Jobs[i].RunsOn {
			same := func(l string) bool { return strings.EqualFold(l, want) }
			if slices.ContainsFunc(labels, same) || slices.ContainsFunc(found, same) {
				continue
			}
			if isProgram(want) { // as jobs demand that check out
				labels = append(labels, want)
				continue
			}
			if len(given) > 0 {
				return nil, usageError("job %s runs on %q, which --labels does not have", wf.Jobs[i].Key, want)
			}
			fmt.Fprintf(a.err, "yardmaster: this machine stands in for %q\n", clean(want))
			labels = append(labels, want)
		}
	}
	return labels, nil
}

// isProgram reports whether a label is the name of a program of this machine.
func isProgram(label string) bool {
	_, err := exec.LookPath(label)
	return err == nil && !strings.Contains(label, "/")
}

func (a *app) runLocal(path string, o runOptions) (err error) {
	defer a.stopUnheard()()
	name, src, err := a.readWorkflow(path)
	if err != nil {
		return err
	}
	o.trigger.here = true
	trigger, err := a.trigger(path, &o.trigger)
	if err != nil {
		return err
	}
	wf, err := parseWorkflow(name, src, trigger, false)
	if err != nil {
		return err
	}
	if o.labels, err = a.localLabels(wf, o.labels); err != nil {
		return err
	}
	secrets, err := a.localSecrets(path, o)
	if err != nil {
		return err
	}
	dir, remove, err := runDirectory(o)
	if err != nil {
		return err
	}
	defer func() {
		if cannot := remove(); cannot != nil {
			fmt.Fprintf(a.err, "yardmaster: %s\n", clean(cannot.Error()))
		}
	}()
	logger := slog.New(slog.DiscardHandler)
	if o.verbose {
		logger = a.logger()
	}
	local := a.localNode(dir, logger)
	if len(secrets) > 0 {
		local.secretsKey = randomKey()
	}
	w := a.localWorker(dir, logger, o)
	if err := configError(errors.Join(local.validate(), w.validate())); err != nil {
		return err
	}
	request := &messages.SubmitRunsRequest{FileName: name, Workflow: src, Trigger: trigger}
	return a.runWith(local, w, secrets, request)
}

func (a *app) localNode(dir string, logger *slog.Logger) nodeConfig {
	return nodeConfig{
		DataDir: filepath.Join(dir, "server"), NodeID: "local", Listen: "127.0.0.1:0", NATSListen: "127.0.0.1:0",
		Partitions: 1, QueueLimit: localQueue, KeepRuns: localKept, Lease: localLease, DrainTimeout: localDrain,
		Local: true, Logger: logger,
	}
}

func (a *app) localWorker(dir string, logger *slog.Logger, o runOptions) workerConfig {
	return workerConfig{
		Server: "nats://in-process", ID: "local", WorkDir: filepath.Join(dir, "worker"), Labels: o.labels, Slots: o.slots,
		Grace: 10 * time.Second, DrainTimeout: localDrain, LogCap: defaultLogCap,
		KeepWorkspaces: o.keep || o.dataDir != "", Logger: logger,
	}
}

// runDirectory returns where a run keeps its data, and what removes it.
func runDirectory(o runOptions) (dir string, remove func() error, err error) {
	if o.dataDir != "" {
		if err := os.MkdirAll(o.dataDir, privateDir); err != nil {
			return "", nil, usageError("%s", err)
		}
		return o.dataDir, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "yardmaster-run-")
	if err != nil {
		return "", nil, usageError("%s", err)
	}
	if o.keep {
		return dir, func() error { return fmt.Errorf("data kept in %s", dir) }, nil
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// runWith starts the parts, runs the workflow and stops the parts again. It does
// not use the orderly stop as a context: that one cancels the run.
func (a *app) runWith(local nodeConfig, w workerConfig, secrets []*messages.SetSecretRequest,
	req *messages.SubmitRunsRequest,
) (err error) {
	ctx := a.stops.immediate
	n, err := a.launch.node(ctx, local)
	if err != nil {
		return a.notStarted("server", err)
	}
	defer func() { err = errors.Join(err, a.stopLocal(n.Stop)) }()
	worker, err := a.launch.worker(ctx, w, n)
	if err != nil {
		return a.notStarted("worker", err)
	}
	defer func() { err = errors.Join(err, a.stopLocal(worker.Stop)) }()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	stopWatching := make(chan struct{})
	defer close(stopWatching)
	go func() {
		select {
		case cause := <-n.Done():
			fail(serverError("the server failed: %v", cause))
		case cause := <-worker.Done():
			fail(serverError("the worker failed: %v", cause))
		case <-stopWatching:
		}
	}()
	err = a.runOn(ctx, n.APIURL(), secrets, req)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// stopLocal stops a part of a local run. That it could not be stopped in good
// order is no news to somebody who has the verdict, or who insisted.
func (a *app) stopLocal(stop func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(a.stops.last, localDrain)
	defer cancel()
	if err := stop(ctx); err != nil && a.stops.immediate.Err() == nil {
		fmt.Fprintf(a.err, "yardmaster: stop: %s\n", clean(err.Error()))
	}
	return nil
}

func (a *app) runOn(ctx context.Context, url string, secrets []*messages.SetSecretRequest,
	req *messages.SubmitRunsRequest,
) error {
	client, err := api.NewClient(url, "")
	if err != nil {
		return serverError("%s", err)
	}
	defer client.Close()
	for _, s := range secrets {
		if _, err := client.SetSecret(ctx, s); err != nil {
			return err
		}
	}
	runs, err := client.Submit(ctx, req)
	if err != nil {
		return fileFaults(err, req.GetWorkflow())
	}
	id := runs[0].GetRunId()
	f := a.newFollower(client, id)
	f.logs = true
	f.interrupted = a.stops.orderly.Done()
	f.onInterrupt = func(ctx context.Context) error {
		return client.Cancel(ctx, &messages.CancelRunRequest{RunId: id, Reason: "interrupted"})
	}
	run, err := f.follow(ctx)
	if err != nil {
		return err
	}
	return verdictError(run)
}

// newFollower follows a run on the display that fits.
func (a *app) newFollower(client *api.Client, id string) *follower {
	return &follower{
		client: client, runID: id, show: a.display(), only: allJobs,
		complain: func(s string) { fmt.Fprintf(a.err, "yardmaster: %s\n", clean(s)) },
	}
}

// verdictError ends the program as the run ended.
func verdictError(run *messages.Run) error {
	if code := verdict(run.GetState()); code != exitSuccess {
		return &exitError{code: code}
	}
	return nil
}

// exactlyOne demands one argument and says what it is.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError("%s takes %s (see `%s --help`)", cmd.Name(), what, cmd.CommandPath())
		}
		return nil
	}
}
