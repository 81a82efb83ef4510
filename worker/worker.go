//go:build unix

// Package worker runs the steps of an attempt as real processes.
//
// # What it promises
//
//   - Each attempt has a fresh workspace, gone when Execute returns.
//   - When Execute returns, no process of the attempt is left, however it tried to
//     hide; when the worker is killed, its processes die within a moment too.
//   - The chunks handed to the observer are the bytes the steps wrote, in order,
//     up to a cap that is marked where it cuts, and Result.Log describes them. What is
//     to be hidden is not in them, nor in anything else that leaves the worker.
//   - Steps run on the conditions, see the variables and files, and are obeyed in the
//     commands that GitHub's runner has.
//   - A step inherits nothing of the worker's environment that was not allowed.
//   - No value of a variable appears in a reason, an error or a log record.
//
// The part about processes holds in full on Linux. Other systems cannot adopt
// orphans, so there only the process groups of the steps are killed.
package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"yardmaster/domain/attempt"
	"yardmaster/worker/proc"
	"yardmaster/worker/shim"
)

// Defaults and limits of a Config.
const (
	DefaultGrace  = 10 * time.Second
	DefaultTidyUp = attempt.TidyUp
	DefaultLogCap = 64 << 20
)

// toolCache is the name of the directory for tools in WorkDir, among the workspaces.
const toolCache = ".tools"

// ErrWorkDirBusy means that another worker uses the directory.
var ErrWorkDirBusy = errors.New("worker: work directory is used by another worker")

// Config is how an Executor is made. Only WorkDir is required.
type Config struct {
	// WorkDir holds the workspaces. It is created if need be, and belongs to one
	// Executor at a time.
	WorkDir string
	// Grace is the time between SIGTERM and SIGKILL; 0 means DefaultGrace.
	Grace time.Duration
	// TidyUp is the time that steps have in all which run although the attempt is
	// stopped; 0 means DefaultTidyUp.
	TidyUp time.Duration
	// LogCap is how many bytes of output an attempt may log; 0 means
	// DefaultLogCap. What comes after is counted and dropped.
	LogCap int64
	// ShimCommand starts this program such that it calls shim.Run; empty means
	// this program with the argument shim.Word.
	ShimCommand []string
	// ActionCommand starts this program such that it calls action.Run; empty means as
	// ShimCommand does, with action.Word for shim.Word at its end.
	ActionCommand []string
	// Name is what steps know the worker by; "" means the name of the machine.
	Name string
	// ToolCache is where tools may be kept for later attempts; "" means a directory in
	// WorkDir.
	ToolCache string
	// Environ is what steps may inherit from, as KEY=value; nil means the
	// environment of this process.
	Environ []string
	// Env names the variables they inherit besides PATH, HOME, LANG and TZ.
	Env []string
	// KeepWorkspaces leaves workspaces where they are, for looking into a failure.
	KeepWorkspaces bool
	// Logger hears of what goes wrong beside the attempts; nil means nobody does.
	Logger *slog.Logger
}

// Executor runs attempts as processes. It may run many at once.
type Executor struct {
	cfg       Config
	inherited []variable
	lock      *os.File
}

// New returns an Executor for a directory, after it has killed the processes and
// removed the workspaces that an earlier life left there. It returns
// ErrWorkDirBusy, or an error that names what the directory lacks.
//
// On Linux it makes this process the one to which the orphans of its shims fall.
// A child that this process starts in a session of its own, by other means, may
// be taken for such an orphan and killed.
func New(cfg Config) (*Executor, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.WorkDir, 0o755); err != nil {
		return nil, fmt.Errorf("worker: work directory: %w", err)
	}
	if cfg.WorkDir, err = filepath.EvalSymlinks(cfg.WorkDir); err != nil {
		return nil, fmt.Errorf("worker: work directory: %w", err)
	}
	if err := proc.Adopt(); err != nil {
		return nil, fmt.Errorf("worker: adopt orphans: %w", err)
	}
	lock, err := lockDir(cfg.WorkDir)
	if err != nil {
		return nil, err
	}
	if cfg.ToolCache == "" {
		cfg.ToolCache = filepath.Join(cfg.WorkDir, toolCache)
	}
	if err := os.MkdirAll(cfg.ToolCache, 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("worker: directory for tools: %w", err), lock.Close())
	}
	e := &Executor{cfg: cfg, inherited: inherit(cfg), lock: lock}
	if err := e.clearLeftovers(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

// ToolCache is where tools are kept for later attempts.
func (e *Executor) ToolCache() string { return e.cfg.ToolCache }

// Close gives up the directory. No Execute may run or follow.
func (e *Executor) Close() error { return e.lock.Close() }

func (c Config) complete() (Config, error) {
	var faults []error
	if strings.TrimSpace(c.WorkDir) == "" {
		faults = append(faults, errors.New("worker: no work directory"))
	}
	if c.Grace < 0 || c.LogCap < 0 || c.TidyUp < 0 {
		faults = append(faults, errors.New("worker: grace, time to tidy up and log cap must not be negative"))
	}
	if len(faults) > 0 {
		return c, errors.Join(faults...)
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	if c.LogCap == 0 {
		c.LogCap = DefaultLogCap
	}
	if c.TidyUp == 0 {
		c.TidyUp = DefaultTidyUp
	}
	if c.Name == "" {
		c.Name, _ = os.Hostname() // a worker may be without
	}
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.WorkDir, err = filepath.Abs(c.WorkDir); err != nil {
		return c, fmt.Errorf("worker: work directory: %w", err)
	}
	if len(c.ShimCommand) == 0 {
		c.ShimCommand, err = ownShim()
	}
	if len(c.ActionCommand) == 0 {
		c.ActionCommand = actionCommand(c.ShimCommand)
	}
	return c, err
}

// ownShim is this very program, even when its file has been replaced since.
func ownShim() ([]string, error) {
	if runtime.GOOS == "linux" {
		return []string{"/proc/self/exe", shim.Word}, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("worker: own program: %w", err)
	}
	return []string{path, shim.Word}, nil
}

// lockDir also shows whether the directory may be written to. The kernel gives
// up the lock when this process dies.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("worker: work directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // the lock is what was wanted of it
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrWorkDirBusy, dir)
		}
		return nil, fmt.Errorf("worker: lock %s: %w", dir, err)
	}
	return f, nil
}
