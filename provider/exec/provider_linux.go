package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"yardmaster/domain/scale"
)

// pollMillis is how often a removal looks whether its time is over.
const pollMillis = 100

// Provider runs workers on this machine. It may be used from many goroutines.
type Provider struct {
	cfg Config

	mu        sync.Mutex
	children  map[int]chan struct{} // of this process, by PID; closed when reaped
	signalled map[string]int        // PID of each worker that has had its SIGTERM
}

// New returns a provider. It starts nothing.
func New(cfg Config) (*Provider, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return &Provider{cfg: cfg, children: map[int]chan struct{}{}, signalled: map[string]int{}}, nil
}

// Launch starts a worker, unless it runs.
func (p *Provider) Launch(ctx context.Context, c scale.Class, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("exec: %s not started: %w", name, err)
	}
	running := p.running()
	if _, runs := running[name]; runs {
		return nil
	}
	if err := p.cfg.prune(slices.Collect(maps.Keys(running))); err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	if err := p.start(ctx, c, name); err != nil {
		return fmt.Errorf("exec: %s not started: %w", name, err)
	}
	return nil
}

func (p *Provider) start(ctx context.Context, c scale.Class, name string) error {
	dir := filepath.Join(p.cfg.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "worker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// Not CommandContext: the worker outlives whoever asks for it.
	cmd := exec.Command(p.cfg.Program, p.cfg.arguments(c, name)...) //nolint:gosec,noctx // this very program
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, p.cfg.environment(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // signals to the server's terminal are not for it
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	p.children[cmd.Process.Pid] = done
	go func() { // ends with the worker
		_ = cmd.Wait() // how it ended, its log says
		close(done)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.children[cmd.Process.Pid] == done { // and not yet another's, of the same PID
			delete(p.children, cmd.Process.Pid)
		}
	}()
	p.awaitSeen(ctx, cmd.Process.Pid, done)
	return nil
}

// awaitSeen returns when a worker that was started can be found by its command line,
// or has ended: for some microseconds, on a busy machine some milliseconds, the kernel
// shows an empty one, and the worker would be started a second time, or left running.
func (p *Provider) awaitSeen(ctx context.Context, pid int, done <-chan struct{}) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		if _, is := p.workerAt(pid); is {
			return
		}
		select {
		case <-look.C:
		case <-done:
			return
		case <-ctx.Done(): // it runs all the same
			return
		}
	}
}

// List returns the names of the workers that run.
func (p *Provider) List(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return slices.Sorted(maps.Keys(p.running())), nil
}

// running returns the PIDs of the workers in the directory, by their names.
func (p *Provider) running() map[string]int {
	all := map[string]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // fails for bad patterns only
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		name, is := p.workerAt(pid)
		if !is {
			continue
		}
		// What a worker has just forked looks like it for a moment, and is younger.
		if other, twice := all[name]; !twice || startOf(pid) < startOf(other) {
			all[name] = pid
		}
	}
	return all
}

// startOf returns when a process began, in ticks of the kernel's clock; what is gone
// began last.
func startOf(pid int) uint64 {
	const field = 19 // behind the name, which may hold blanks
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return math.MaxUint64
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= field {
		return math.MaxUint64
	}
	ticks, err := strconv.ParseUint(fields[field], 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	return ticks
}

// workerAt returns the name of the worker with a PID, if it is one of ours that has
// not ended.
func (p *Provider) workerAt(pid int) (string, bool) {
	proc := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(proc + "/cmdline") // empty once it has ended
	if err != nil {
		return "", false
	}
	name, is := p.cfg.nameOf(strings.Split(string(text), "\x00"))
	if !is {
		return "", false
	}
	var st unix.Stat_t
	return name, unix.Stat(proc, &st) == nil && int(st.Uid) == os.Getuid()
}

// Remove stops a worker with SIGTERM, of which each worker gets one only, since a
// second would have it drop what it runs. It returns when the worker has ended.
func (p *Provider) Remove(ctx context.Context, name string) error {
	if err := p.remove(ctx, name); err != nil {
		return fmt.Errorf("exec: %s not stopped: %w", name, err)
	}
	if err := os.RemoveAll(filepath.Join(p.cfg.Dir, name)); err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	return nil
}

func (p *Provider) remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	pid, runs := p.running()[name]
	if !runs {
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Now that the PID cannot become another process's: is it still the worker?
	if is, _ := p.workerAt(pid); is != name {
		return nil
	}
	if err := p.terminate(fd, pid, name); err != nil {
		return err
	}
	if err := awaitEnd(ctx, fd); err != nil {
		return err
	}
	return p.reaped(ctx, pid, name)
}

func (p *Provider) terminate(fd, pid int, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signalled[name] == pid {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	p.signalled[name] = pid
	return nil
}

// awaitEnd returns when a process has ended, or ctx has.
func awaitEnd(ctx context.Context, fd int) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, pollMillis)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("it has been told to stop, and still runs: %w", ctx.Err())
		}
	}
}

// reaped returns when nothing is left of a worker that has ended.
func (p *Provider) reaped(ctx context.Context, pid int, name string) error {
	p.mu.Lock()
	done := p.children[pid]
	delete(p.signalled, name)
	p.mu.Unlock()
	if done == nil { // another server's child
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
