package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"yardmaster/api"
	"yardmaster/loadtest"
)

// loadTest is what the flags of all scenarios say.
type loadTest struct {
	timeout    time.Duration
	serverPID  int
	cpuProfile cpuProfile
	spawn      bool
	fleet      loadtest.SpawnConfig
}

// loadTestCommand is hidden from the help of every day: it is for those who work
// on Yardmaster or size a machine for it.
func (a *app) loadTestCommand() *cobra.Command {
	var l loadTest
	cmd := &cobra.Command{
		Use:    "loadtest SCENARIO",
		Hidden: true,
		Short:  "Measure a server under load",
		Long: `Measure a server under load: the one that --api names, or with --spawn one that is
started for the purpose, with its workers, and stopped afterwards. The jobs use the
executor noop, which starts nothing; those of pool, and some of soak, are real.

Exits with 1 when anything was lost, started twice, or did not end as SUCCESS.`,
		Example: "  yardmaster loadtest burst --spawn --jobs 100000",
		Args:    cobra.NoArgs,
	}
	flags := cmd.PersistentFlags()
	flags.DurationVar(&l.timeout, "timeout", 5*time.Minute, "for the whole scenario")
	flags.IntVar(&l.serverPID, "server-pid", 0, "`process` of the server, for its memory; --spawn knows it")
	l.cpuProfile.bind(flags, "the load test itself")
	flags.BoolVar(&l.spawn, "spawn", false, "start a server and workers of its own, and stop them at the end")
	flags.IntVar(&l.fleet.Workers, "workers", 1, "worker `processes` to spawn")
	flags.IntVar(&l.fleet.Slots, "slots", 2000, "`attempts` at once on each spawned worker")
	flags.IntVar(&l.fleet.KeepRuns, "keep-runs", 10_000, "ended `runs` that the spawned server keeps")
	flags.StringVar(&l.fleet.Dir, "spawn-dir", "", "`directory` in which the spawned processes keep their data")
	flags.StringArrayVar(&l.fleet.ServerArgs, "server-arg", nil, "one more `flag` of the spawned server")
	flags.StringArrayVar(&l.fleet.WorkerArgs, "worker-arg", nil, "one more `flag` of the spawned workers")
	flags.StringVar(&l.fleet.MemProfiles, "memprofiles", "",
		"`directory` for profiles of the memory of the spawned processes; soak has them made after its warm-up, too")
	cmd.AddCommand(a.burstCommand(&l), a.steadyCommand(&l), a.queuedCommand(&l), a.mailboxCommand(&l), a.poolCommand(&l))
	cmd.AddCommand(a.soakCommand(&l), a.floodCommand(&l))
	return cmd
}

func (a *app) burstCommand(l *loadTest) *cobra.Command {
	var s loadtest.Burst
	cmd := a.scenarioCommand(s, func(ctx context.Context) error {
		l.fleet.QueueLimit = max(200_000, 2*s.Jobs)
		return a.loadTest(ctx, l, func(string, string) loadtest.Scenario { return s })
	})
	flags := cmd.Flags()
	flags.IntVar(&s.Jobs, "jobs", 100_000, "runs of one job to submit")
	flags.IntVar(&s.Batch, "batch", 100, "`runs` a call")
	flags.IntVar(&s.Clients, "clients", 8, "`calls` at once")
	flags.BoolVar(&s.Keys, "keys", true, "give every submission an idempotency key")
	return cmd
}

func (a *app) steadyCommand(l *loadTest) *cobra.Command {
	var s loadtest.Steady
	cmd := a.scenarioCommand(s, func(ctx context.Context) error {
		l.fleet.QueueLimit = 200_000
		return a.loadTest(ctx, l, func(string, string) loadtest.Scenario { return s })
	})
	flags := cmd.Flags()
	flags.Float64Var(&s.Rate, "rate", 500, "`submissions` a second")
	flags.DurationVar(&s.Duration, "duration", 30*time.Second, "how long to submit")
	flags.DurationVar(&s.Warmup, "warmup", 3*time.Second, "what is left out of the latencies, from the start")
	flags.IntVar(&s.Clients, "clients", 64, "`calls` at once, at most")
	flags.BoolVar(&s.Keys, "keys", true, "give every submission an idempotency key")
	return cmd
}

// queuedTimeout is for queueing and for the collections of garbage, which take their
// time, unless --timeout says otherwise.
const queuedTimeout = 20 * time.Minute

func (a *app) queuedCommand(l *loadTest) *cobra.Command {
	var s loadtest.Queued
	var cmd *cobra.Command
	cmd = a.scenarioCommand(s, func(ctx context.Context) error {
		l.fleet.QueueLimit = max(200_000, 2*s.Jobs)
		if !cmd.Flags().Changed("timeout") {
			l.timeout = queuedTimeout
		}
		return a.loadTest(ctx, l, func(apiURL, token string) loadtest.Scenario {
			s.Metrics, s.Join = loadtest.Metrics(apiURL, token), joinIdle()
			return s
		})
	})
	flags := cmd.Flags()
	flags.IntVar(&s.Jobs, "jobs", 100_000, "runs of one job to queue")
	flags.IntVar(&s.Batch, "batch", 100, "`runs` a call")
	flags.IntVar(&s.Clients, "clients", 8, "`calls` at once")
	flags.IntVar(&s.Idle, "idle", 0, "`workers` that are connected and get no job; about 3 MiB each in the load test")
	flags.DurationVar(&s.Settle, "settle", 270*time.Second, "how long to wait for collections of garbage")
	return cmd
}

// poolTimeout is for all sizes and mixes together, unless --timeout says otherwise.
const poolTimeout = 20 * time.Minute

func (a *app) poolCommand(l *loadTest) *cobra.Command {
	var s loadtest.Pool
	var cmd *cobra.Command
	cmd = a.scenarioCommand(s, func(ctx context.Context) error {
		l.fleet.QueueLimit, l.fleet.Workers = 200_000, 0
		if !cmd.Flags().Changed("timeout") {
			l.timeout = poolTimeout
		}
		return a.loadTest(ctx, l, func(string, string) loadtest.Scenario { return s })
	})
	cores := runtime.NumCPU()
	sizes := []int{1, cores, 2 * cores, 4 * cores, 8 * cores}
	flags := cmd.Flags()
	flags.IntVar(&s.Jobs, "jobs", 128, "`jobs` of each mix")
	flags.DurationVar(&s.Compute, "compute", 200*time.Millisecond, "processor's `time` of a job that computes")
	flags.DurationVar(&s.Wait, "wait", 500*time.Millisecond, "`time` of a job that waits")
	flags.IntSliceVar(&s.Sizes, "sizes", slices.Compact(sizes), "fixed `slots` to compare with")
	flags.IntVar(&s.Most, "most", 32*cores, "most `slots` of the worker that sizes them by itself")
	return cmd
}

// What a server keeps during a soak is full long before its warm-up is over.
const (
	soakKeep  = 1000
	soakAfter = 5 * time.Minute // for what is under way when it ends, and more
)

func (a *app) soakCommand(l *loadTest) *cobra.Command {
	var s loadtest.Soak
	var cmd *cobra.Command
	cmd = a.scenarioCommand(s, func(ctx context.Context) error {
		flags := cmd.Flags()
		l.fleet.QueueLimit = 200_000
		if !flags.Changed("keep-runs") {
			l.fleet.KeepRuns = soakKeep
		}
		if !flags.Changed("timeout") {
			l.timeout = s.Duration + soakAfter
		}
		if !flags.Changed("warmup") {
			s.Warmup = s.Duration / 4
		}
		l.fleet.ServerArgs = append([]string{
			"--key-life=1m", "--snapshot-after=5000", "--journal-retention=10s", "--lease=5s",
		}, l.fleet.ServerArgs...)
		return a.loadTest(ctx, l, func(string, string) loadtest.Scenario { return s })
	})
	flags := cmd.Flags()
	flags.Float64Var(&s.Rate, "rate", 50, "`runs` submitted a second")
	flags.DurationVar(&s.Duration, "duration", time.Hour, "how long to submit")
	flags.DurationVar(&s.Warmup, "warmup", 0, "what is left out of the slopes, from the start (default a quarter)")
	flags.DurationVar(&s.Every, "every", 10*time.Second, "`time` between two looks")
	flags.IntVar(&s.Comers, "comers", 2, "`workers` that come and go")
	flags.DurationVar(&s.Stay, "stay", 30*time.Second, "how long they stay, and stay away")
	flags.IntVar(&s.Clients, "clients", 500, "`runs` under way at once, at most")
	flags.Float64Var(&s.Bound, "bound", 0.05, "`share` of the mean by which something may grow in an hour")
	return cmd
}

func (a *app) floodCommand(l *loadTest) *cobra.Command {
	var s loadtest.Flood
	mostRSS := 1024
	cmd := a.scenarioCommand(s, func(ctx context.Context) error {
		l.fleet.QueueLimit = 200_000
		s.MostRSS = int64(mostRSS) << 20
		return a.loadTest(ctx, l, func(apiURL, token string) loadtest.Scenario {
			s.Dial = func() (*api.Client, error) { return api.NewClient(apiURL, token) }
			return s
		})
	})
	flags := cmd.Flags()
	flags.IntVar(&s.Jobs, "jobs", 100_000, "`runs` of one job in a burst, a call each")
	flags.IntVar(&s.Bursts, "bursts", 2, "how many `bursts`")
	flags.IntVar(&s.Clients, "clients", 256, "`calls` of the flood at once")
	flags.Float64Var(&s.Rate, "rate", 10, "`runs` a second of the project that does not flood")
	flags.DurationVar(&s.Quiet, "quiet", 30*time.Second, "how long that project is alone first")
	flags.IntVar(&mostRSS, "most-rss", mostRSS, "`MiB` that the server may have resident")
	return cmd
}

func (a *app) mailboxCommand(l *loadTest) *cobra.Command {
	var s loadtest.Mailbox
	cmd := a.scenarioCommand(s, func(ctx context.Context) error {
		return a.measure(ctx, l, s, loadtest.Target{})
	})
	cmd.Flags().IntVar(&s.Messages, "messages", 2_000_000, "messages a round")
	cmd.Flags().IntVar(&s.Rounds, "rounds", 5, "rounds of each kind")
	return cmd
}

func (a *app) scenarioCommand(s loadtest.Scenario, run func(ctx context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: s.Name(), Short: s.Question(), Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return run(a.stops.orderly) },
	}
}

// loadTest measures the server that the flags name, or one spawned for it.
func (a *app) loadTest(
	ctx context.Context, l *loadTest, scenario func(apiURL, token string) loadtest.Scenario,
) (err error) {
	if err := scenario("", "").Validate(); err != nil {
		return usageError("%s", err)
	}
	if !l.spawn {
		client, err := a.client()
		if err != nil {
			return err
		}
		defer client.Close()
		token := ""
		if a.tokenFile != "" {
			if token, err = api.FirstToken(a.tokenFile); err != nil {
				return err
			}
		}
		target := loadtest.Target{Client: client, ServerPID: l.serverPID}
		return a.measure(ctx, l, scenario(a.apiURL, token), target)
	}
	if l.fleet.Program, err = os.Executable(); err != nil {
		return err
	}
	fleet, err := loadtest.Spawn(ctx, l.fleet)
	if err != nil {
		return serverError("%s", err)
	}
	defer func() { err = errors.Join(err, fleet.Stop(a.stops.immediate)) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with ctx
		select {
		case <-ctx.Done():
		case failure := <-fleet.Failed():
			cancel(serverError("%s", failure))
		}
	}()
	err = a.measure(ctx, l, scenario(fleet.APIURL(), ""), fleet.Target())
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// measure runs a scenario and prints its report.
func (a *app) measure(ctx context.Context, l *loadTest, s loadtest.Scenario, target loadtest.Target) error {
	if err := s.Validate(); err != nil { // again: the scenarios within this process come here only
		return usageError("%s", err)
	}
	stop, err := l.cpuProfile.start()
	if err != nil {
		return err
	}
	terminal, ok := a.err.(*os.File)
	build := readBuildInfo()
	report, err := loadtest.Run(ctx, s, target, loadtest.Settings{
		Timeout: l.timeout, Build: loadtest.Build{Version: build.Version, Commit: build.Commit, Modified: build.Modified},
		Progress: loadtest.NewProgress(a.err, ok && term.IsTerminal(int(terminal.Fd()))),
	})
	err = errors.Join(err, stop())
	if report != nil && (err == nil || report.Counts != nil) {
		if a.output == outputJSON {
			err = errors.Join(err, printRaw(a.out, report))
		} else {
			fmt.Fprint(a.out, report.Text())
		}
	}
	if err == nil && len(report.Faults) > 0 {
		return &exitError{exitFailed, strings.Join(report.Faults, "\n")}
	}
	return err
}
