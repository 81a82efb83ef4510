package main

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"yardmaster/api"
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	// size returns the size of the terminal behind out; ok is false when there is none.
	size func() (width, height int, ok bool)
	// getenv reads the environment.
	getenv func(string) string
}

// app is one call of the program: what it was given, and what the global flags say.
type app struct {
	streams
	stops  stops
	launch launcher

	apiURL    string
	tokenFile string
	output    string
	noColor   bool
	logLevel  string
}

// execute runs one command line and returns the exit code.
func execute(s stops, args []string, io streams) int {
	return newApp(s, io, systemLauncher()).execute(args)
}

func newApp(s stops, io streams, l launcher) *app { return &app{streams: io, stops: s, launch: l} }

func (a *app) execute(args []string) int {
	root := a.root()
	root.SetArgs(args)
	return conclude(root.ExecuteContext(a.stops.orderly), a.err, a.apiURL)
}

const rootHelp = `Yardmaster runs workflows of jobs on many machines.

  yardmaster run ci.yml       run a workflow here and now, in this process
  yardmaster lint ci.yml      find every fault of a workflow file
  yardmaster graph ci.yml     show which job needs which
  yardmaster server           start a coordinator node
  yardmaster worker           start a worker that runs jobs for it
  yardmaster submit ci.yml    start a workflow on the server

A run is named by its ID, by any 4 or more characters its ID begins or ends
with if no other run's does, or by @ for the newest. RUN/JOB names a job.

Each global flag, each flag of server and worker, and --project of submit may be
set in the environment too: --token-file is YARDMASTER_TOKEN_FILE. A flag wins.

Exit codes: 0 success, 1 the workflow failed, or lint found faults, 2 wrong usage
or bad input, 3 the server could not be reached or could not answer, 130 cancelled.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "yardmaster",
		Short:             "Run workflows of jobs on many machines",
		Long:              rootHelp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	flags := root.PersistentFlags()
	flags.StringVar(&a.apiURL, "api", "http://127.0.0.1:8427", "`URL` of the server")
	flags.StringVar(&a.tokenFile, "token-file", "",
		"`file` with a token a line (NAME:TOKEN): the server admits them, a client gives the first")
	flags.StringVarP(&a.output, "output", "o", outputText, "what to print: text or json")
	flags.BoolVar(&a.noColor, "no-color", false, "print without colours (also NO_COLOR)")
	flags.StringVar(&a.logLevel, "log-level", "info", "least level logged: debug, info, warn or error")
	root.AddCommand(a.runCommand(), a.serverCommand(), a.workerCommand(), a.submitCommand(), a.listCommand(),
		a.showCommand(), a.logsCommand(), a.cancelCommand(), a.whyCommand(), a.workersCommand(), a.versionCommand())
	root.AddCommand(a.retryCommand(), a.scalingCommand(), a.loadTestCommand(), a.lintCommand(), a.graphCommand(),
		a.secretCommand())
	complete(root, "output", func(cmd *cobra.Command) []string { return outputs(cmd) })
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("%s (see `%s --help`)", err, cmd.CommandPath())
	})
	return root
}

// prepare reads the environment and checks the global flags.
func (a *app) prepare(cmd *cobra.Command) error {
	flags := []*pflag.FlagSet{cmd.InheritedFlags()}
	if cmd.Annotations[annotationEnv] != "" {
		flags = append(flags, cmd.LocalFlags())
	}
	marked := pflag.NewFlagSet("", pflag.ContinueOnError)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[annotationEnv] != nil {
			marked.AddFlag(f)
		}
	})
	for _, set := range append(flags, marked) {
		if err := a.fromEnvironment(set); err != nil {
			return err
		}
	}
	if err := checkText(cmd.Flags()); err != nil {
		return err
	}
	if possible := outputs(cmd); !slices.Contains(possible, a.output) {
		last := len(possible) - 1
		return usageError("--output is %q; it can be %s or %s", a.output, strings.Join(possible[:last], ", "), possible[last])
	}
	if _, err := a.level(); err != nil {
		return err
	}
	a.noColor = a.noColor || a.getenv("NO_COLOR") != ""
	return nil
}

// checkText refuses flags that no message can hold.
func checkText(set *pflag.FlagSet) (err error) {
	set.Visit(func(f *pflag.Flag) {
		if err == nil && !utf8.ValidString(f.Value.String()) {
			err = usageError("--%s is not valid UTF-8", f.Name)
		}
	})
	return err
}

// annotationEnv marks a command whose own flags may be set in the environment, and
// such flags of other commands.
const annotationEnv = "env"

// fromEnv marks a flag that may be set in the environment.
func fromEnv(flags *pflag.FlagSet, name string) {
	if err := flags.SetAnnotation(name, annotationEnv, []string{"yes"}); err != nil {
		panic(err) // there is no such flag: a defect
	}
}

func (a *app) fromEnvironment(set *pflag.FlagSet) (err error) {
	set.VisitAll(func(f *pflag.Flag) {
		name := "YARDMASTER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := a.getenv(name)
		if f.Changed || value == "" || f.Name == "help" || err != nil {
			return
		}
		if cannot := set.Set(f.Name, value); cannot != nil {
			err = usageError("%s: %s", name, cannot)
		}
	})
	return err
}

func (a *app) level() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return 0, usageError("--log-level is %q; it can be debug, info, warn or error", a.logLevel)
	}
	return level, nil
}

// logger writes to standard error, as JSON when the output is.
func (a *app) logger() *slog.Logger {
	level, _ := a.level() // checked in prepare
	opts := &slog.HandlerOptions{Level: level}
	if a.output == outputJSON {
		return slog.New(slog.NewJSONHandler(a.err, opts))
	}
	return slog.New(slog.NewTextHandler(a.err, opts))
}

// client returns a client of the server that the flags name. Close it.
func (a *app) client() (*api.Client, error) {
	token := ""
	if a.tokenFile != "" {
		first, err := api.FirstToken(a.tokenFile)
		if err != nil {
			return nil, &exitError{exitUsage, err.Error()}
		}
		token = first
	}
	c, err := api.NewClient(a.apiURL, token)
	if err != nil {
		return nil, &exitError{exitUsage, err.Error()}
	}
	c.OnWait = a.sayWaiting
	return c, nil
}

func systemStreams() streams {
	return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, size: terminalSize(os.Stdout), getenv: os.Getenv}
}
