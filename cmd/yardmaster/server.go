package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) serverCommand() *cobra.Command {
	var cfg nodeConfig
	var profile cpuProfile
	var memory memProfile
	cmd := &cobra.Command{
		Use:         "server",
		Short:       "Start a coordinator node",
		Args:        cobra.NoArgs,
		Annotations: map[string]string{annotationEnv: "yes"},
		RunE: func(*cobra.Command, []string) error {
			cfg.TokenFile, cfg.Logger = a.tokenFile, a.logger()
			return profile.profiled(func() error {
				return memory.profiled(func() error { return a.serve(cfg) })
			})
		},
	}
	cfg.bind(cmd.Flags(), defaultDir(a.getenv, "server"), defaultName())
	profile.bind(cmd.Flags(), "the server, complete when it has stopped")
	memory.bind(cmd.Flags(), "the server")
	return cmd
}

func (a *app) serve(cfg nodeConfig) error {
	if err := configError(cfg.validate()); err != nil {
		return err
	}
	var asked <-chan struct{}
	if cfg.ProjectsFile != "" {
		asked = a.stops.hangups.use() // before the node is ready: to come too early must not stop it
	}
	n, err := a.launch.node(a.stops.orderly, cfg)
	if err != nil {
		return a.notStarted("server", err)
	}
	reader := &projectsReader{path: cfg.ProjectsFile, log: cfg.Logger, node: n, held: cfg.Projects}
	reading, stop := context.WithCancel(a.stops.orderly)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	beside.Go(func() { reader.run(reading, asked) })
	cfg.Logger.Info("server ready", slog.String("node_id", cfg.NodeID), slog.String("api", n.APIURL()))
	failure := a.untilStopped(n.Done())
	return errors.Join(failure, a.stopWithin(cfg.DrainTimeout, n.Stop))
}

func (a *app) workerCommand() *cobra.Command {
	var cfg workerConfig
	var profile cpuProfile
	var memory memProfile
	cmd := &cobra.Command{
		Use:         "worker",
		Short:       "Start a worker that runs jobs",
		Example:     "  yardmaster worker --server nats://127.0.0.1:4222 --labels linux,gpu --slots 8",
		Args:        cobra.NoArgs,
		Annotations: map[string]string{annotationEnv: "yes"},
		RunE: func(*cobra.Command, []string) error {
			cfg.Logger = a.logger()
			return profile.profiled(func() error {
				return memory.profiled(func() error { return a.work(cfg) })
			})
		},
	}
	cfg.bind(cmd.Flags(), defaultDir(a.getenv, "worker"), defaultName())
	profile.bind(cmd.Flags(), "the worker, complete when it has stopped")
	memory.bind(cmd.Flags(), "the worker")
	return cmd
}

func (a *app) work(cfg workerConfig) error {
	if err := configError(cfg.validate()); err != nil {
		return err
	}
	w, err := a.launch.worker(a.stops.orderly, cfg, nil)
	if err != nil {
		return a.notStarted("worker", err)
	}
	cfg.Logger.Info("worker ready", slog.String("worker_id", cfg.ID), slog.Int("slots", cfg.Slots))
	failure := a.untilStopped(w.Done())
	if failure == nil {
		cfg.Logger.Info("worker draining", slog.String("worker_id", cfg.ID))
		if err := a.stopWithin(cfg.DrainTimeout, w.Drain); err != nil && a.stops.immediate.Err() == nil {
			cfg.Logger.Warn("worker did not drain", slog.String("error", err.Error()))
		}
	}
	return errors.Join(failure, a.stopWorker(w))
}

// stopWorker stops a worker, with the attempts that it still has. It does so even
// when the user insists, and is quick about it: nobody else would kill and remove
// what is theirs.
func (a *app) stopWorker(w runningWorker) error {
	ctx, cancel := context.WithTimeout(a.stops.last, stopTimeout)
	defer cancel()
	return a.stopped(w.Stop(ctx))
}

// stopTimeout is how long a part may take to stop once it has nothing to do.
const stopTimeout = 30 * time.Second

// untilStopped waits for the user's wish to stop, or a failure.
func (a *app) untilStopped(failed <-chan error) error {
	select {
	case <-a.stops.orderly.Done():
		return nil
	case err := <-failed:
		if err == nil {
			return nil
		}
		return serverError("%s", err)
	}
}

// stopWithin stops something: within d, and at once when the user insists, who
// need not be told then what was left undone.
func (a *app) stopWithin(d time.Duration, stop func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(a.stops.immediate, d)
	defer cancel()
	return a.stopped(stop(ctx))
}

func (a *app) stopped(err error) error {
	switch {
	case a.stops.immediate.Err() != nil:
		return &exitError{code: exitCancelled}
	case err != nil:
		return serverError("stop: %s", err)
	}
	return nil
}

func (a *app) notStarted(what string, err error) error {
	if a.stops.orderly.Err() != nil {
		return &exitError{code: exitCancelled}
	}
	return serverError("the %s did not start: %s", what, err)
}
