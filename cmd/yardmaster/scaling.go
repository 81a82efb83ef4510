package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"yardmaster/actors"
	"yardmaster/messages"
	"yardmaster/provider/exec"
	"yardmaster/provider/scalefile"
	"yardmaster/provider/webhook"
)

// workersDir is where, in the data directory, the workers lie that provider exec
// starts.
const workersDir = "workers"

// loadScaling reads the file of classes, if there is one, and says everything that
// is wrong with it.
func (c *nodeConfig) loadScaling() error {
	if c.ScaleFile == "" {
		return check(!c.ScaleDryRun, "--scale-dry-run needs --scale-file")
	}
	src, err := os.ReadFile(c.ScaleFile)
	if err != nil {
		return fmt.Errorf("--scale-file: %w", err)
	}
	if c.scaling, err = scalefile.Read(c.ScaleFile, src); err != nil {
		return err
	}
	if c.scaling.Uses(scalefile.Webhook) {
		p, err := webhook.New(c.scaling.URL, c.scaling.KeyFile)
		if err != nil {
			return fmt.Errorf("%s: %w", c.ScaleFile, err)
		}
		p.Close()
	}
	return nil
}

// scaling returns what the actors need to start and stop workers.
func (n *node) scaling() (actors.Scaling, error) {
	file := n.cfg.scaling
	if file == nil {
		return actors.Scaling{}, nil
	}
	s := actors.Scaling{Classes: file.Classes, Providers: map[string]actors.Provider{}, DryRun: n.cfg.ScaleDryRun}
	if file.Uses(scalefile.Exec) {
		p, err := n.execProvider(file)
		if err != nil {
			return s, err
		}
		s.Providers[scalefile.Exec] = p
	}
	if file.Uses(scalefile.Webhook) {
		p, err := webhook.New(file.URL, file.KeyFile)
		if err != nil {
			return s, err
		}
		n.later(func(context.Context) error { p.Close(); return nil })
		s.Providers[scalefile.Webhook] = p
	}
	return s, nil
}

func (n *node) execProvider(file *scalefile.File) (*exec.Provider, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("provider exec: %w", err)
	}
	dir, err := filepath.Abs(filepath.Join(n.cfg.DataDir, workersDir))
	if err != nil {
		return nil, fmt.Errorf("provider exec: %w", err)
	}
	return exec.New(exec.Config{
		Program: program, Dir: dir, Server: n.server.URL(), Args: file.Args, Environ: os.Environ(),
	})
}

func (a *app) scalingCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "scaling",
		Short: "Say how many workers there should be of each class, and why",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.scaling() },
	}
}

func (a *app) scaling() error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	m, err := client.Scaling(a.stops.orderly)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, m)
	}
	a.printScaling(m)
	return nil
}

func (a *app) printScaling(m *messages.GetScalingResponse) {
	if len(m.GetClasses()) == 0 {
		fmt.Fprintln(a.out, "the server scales nothing: it has no --scale-file")
		return
	}
	if m.GetDryRun() {
		fmt.Fprintln(a.out, "a dry run: nothing is started or stopped")
	}
	rows := [][]string{{"CLASS", "DESIRED", "CONNECTED", "BOOTING", "LEAVING", "LIMITS", "WAITING"}}
	for _, c := range m.GetClasses() {
		rows = append(rows, []string{
			cleanLine(c.GetName()), number(c.GetDesired()), number(c.GetConnected()), number(c.GetBooting()),
			number(c.GetLeaving()), number(c.GetLeast()) + " to " + number(c.GetMost()), number(c.GetWaiting()),
		})
	}
	fmt.Fprint(a.out, table(rows))
	for _, c := range m.GetClasses() {
		fmt.Fprintf(a.out, "\n%s\n", cleanLine(c.GetName()))
		for _, why := range c.GetWhy() {
			fmt.Fprintf(a.out, "  - %s\n", cleanLine(why))
		}
	}
}

func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
