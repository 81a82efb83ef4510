package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	startWithin = 30 * time.Second // for a process to be ready
	stopWithin  = 10 * time.Second // before a process is killed
	maxLogLine  = 64 << 10         // of a process, beyond which it is not searched
	maxWorkers  = 1000
)

// SpawnConfig is what a Fleet is made of.
type SpawnConfig struct {
	Program    string   // the yardmaster binary
	Dir        string   // where a directory of its own is made; empty: the system's for temporary files
	Workers    int      // worker processes
	Slots      int      // of each worker
	QueueLimit int      // queued jobs that the server takes
	KeepRuns   int      // ended runs that the server keeps
	ServerArgs []string // more flags of yardmaster server
	WorkerArgs []string // more flags of yardmaster worker
	// MemProfiles is where server and workers write profiles of their memory; empty
	// means nowhere.
	MemProfiles string
}

// Fleet is a server and its workers, each a process of its own on this machine,
// on free ports of loopback, in a directory that goes when they are stopped.
type Fleet struct {
	cfg     SpawnConfig
	dir     string
	client  *api.Client
	server  *process
	workers []*process
	apiURL  string
	natsURL string
	failed  chan error
}

// Spawn starts a server and its workers and returns when all are ready.
func Spawn(ctx context.Context, cfg SpawnConfig) (*Fleet, error) {
	if err := check("workers", cfg.Workers, 0, maxWorkers); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(cfg.Dir, "yardmaster-loadtest-")
	if err != nil {
		return nil, err
	}
	f := &Fleet{cfg: cfg, dir: dir, failed: make(chan error, 1+cfg.Workers)}
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := f.start(starting); err != nil {
		return nil, errors.Join(err, f.Stop(ctx))
	}
	return f, nil
}

func (f *Fleet) start(ctx context.Context) (err error) {
	f.server, err = f.spawn("server", append([]string{
		"server", "--data-dir", f.DataDir(), "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
		"--queue-limit", strconv.Itoa(f.cfg.QueueLimit), "--keep-runs", strconv.Itoa(f.cfg.KeepRuns), "--output", "json",
	}, slices.Concat(f.memProfile("server"), f.cfg.ServerArgs)...))
	if err != nil {
		return err
	}
	line, err := f.server.await(ctx)
	if err != nil {
		return err
	}
	f.apiURL = line.API
	if f.client, err = api.NewClient(f.apiURL, ""); err != nil {
		return err
	}
	info, err := f.client.Info(ctx)
	if err != nil {
		return err
	}
	return f.startWorkers(ctx, info.GetNatsUrl())
}

func (f *Fleet) startWorkers(ctx context.Context, server string) error {
	f.natsURL = server
	for i := range f.cfg.Workers {
		p, err := f.spawnWorker(fmt.Sprintf("worker-%d", i+1), "--slots", strconv.Itoa(f.cfg.Slots))
		if err != nil {
			return err
		}
		f.workers = append(f.workers, p)
	}
	return f.awaitWorkers(ctx, f.cfg.Workers)
}

func (f *Fleet) spawnWorker(name string, args ...string) (*process, error) {
	return f.spawn(name, slices.Concat([]string{
		"worker", "--server", f.natsURL, "--id", name, "--work-dir", filepath.Join(f.dir, name), "--no-probe",
		"--metrics-listen", "127.0.0.1:0", "--output", "json",
	}, f.memProfile(name), args, f.cfg.WorkerArgs))
}

func (f *Fleet) memProfile(name string) []string {
	if f.cfg.MemProfiles == "" {
		return nil
	}
	return []string{"--memprofile", filepath.Join(f.cfg.MemProfiles, name)}
}

// profileMemory has the server and the workers that were there from the start write
// profiles, if they were told where.
func (f *Fleet) profileMemory() {
	if f.cfg.MemProfiles == "" {
		return
	}
	for _, p := range append([]*process{f.server}, f.workers...) {
		_ = p.cmd.Process.Signal(syscall.SIGUSR1) // an error means that it has ended
	}
}

// StartWorker starts one more worker, whose size args tell, and returns when the
// server has welcomed it. What it returns stops the worker.
func (f *Fleet) StartWorker(ctx context.Context, name string, args ...string,
) (stop func(context.Context) error, err error) {
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	p, err := f.spawnWorker(name, args...)
	if err != nil {
		return nil, err
	}
	stop = func(ctx context.Context) error {
		p.stop(ctx)
		return os.RemoveAll(filepath.Join(f.dir, name))
	}
	if err := f.await(starting, func() (bool, error) { return f.knows(starting, name) }); err != nil {
		return nil, errors.Join(err, stop(ctx))
	}
	return stop, nil
}

// awaitWorkers returns when the server knows so many workers.
func (f *Fleet) awaitWorkers(ctx context.Context, count int) error {
	return f.await(ctx, func() (bool, error) {
		info, err := f.client.Info(ctx)
		return int(info.GetWorkers()) >= count, err
	})
}

// knows reports whether the server knows a worker.
func (f *Fleet) knows(ctx context.Context, name string) (bool, error) {
	workers, err := f.client.Workers(ctx)
	return slices.ContainsFunc(workers, func(w *messages.Worker) bool { return w.GetWorkerId() == name }), err
}

// await returns when workers are there, or one of the fleet has failed.
func (f *Fleet) await(ctx context.Context, there func() (bool, error)) error {
	for {
		if ok, err := there(); err != nil || ok {
			return err
		}
		select {
		case err := <-f.failed:
			return err
		default:
		}
		if !sleep(ctx, shortest) {
			return fmt.Errorf("loadtest: not all workers are there after %s", startWithin)
		}
	}
}

// DataDir is where the server's journal lies.
func (f *Fleet) DataDir() string { return filepath.Join(f.dir, "server") }

// APIURL is where the server answers.
func (f *Fleet) APIURL() string { return f.apiURL }

// Failed gives the error of a process that ended by itself.
func (f *Fleet) Failed() <-chan error { return f.failed }

// Target returns the fleet as what is to be measured. It holds until Stop.
func (f *Fleet) Target() Target {
	t := Target{Client: f.client, ServerPID: f.server.pid(), DataDir: f.DataDir(), Alone: true, Fleet: f}
	for _, w := range f.workers {
		t.WorkerPIDs = append(t.WorkerPIDs, w.pid())
	}
	return t
}

// Stop stops all processes, by force when they take longer than 10 s each or when
// ctx is done, and removes their directory.
func (f *Fleet) Stop(ctx context.Context) error {
	var all sync.WaitGroup
	for _, w := range f.workers {
		all.Go(func() { w.stop(ctx) })
	}
	all.Wait()
	if f.server != nil {
		f.server.stop(ctx)
	}
	if f.client != nil {
		f.client.Close()
	}
	return os.RemoveAll(f.dir)
}

// process is one process of a fleet.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *readyLog
	ended chan struct{}
	stops sync.Once
	asked chan struct{} // closed when it was told to stop
}

func (f *Fleet) spawn(name string, args []string) (*process, error) {
	p := &process{
		name: name, log: newReadyLog(), ended: make(chan struct{}), asked: make(chan struct{}),
	}
	p.cmd = exec.Command(f.cfg.Program, args...) //nolint:noctx // stop ends it, and asks first
	p.cmd.Env = environment(os.Environ())
	p.cmd.Stderr = p.log
	p.cmd.WaitDelay = time.Second
	// A signal from the terminal is for the load test, which then stops the others.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("loadtest: start %s: %w", name, err)
	}
	go func() { // ends with the process
		err := p.cmd.Wait()
		close(p.ended)
		select {
		case <-p.asked:
		default:
			f.failed <- fmt.Errorf("loadtest: %s ended by itself: %w: %s", name, err, p.log.tail())
		}
	}()
	return p, nil
}

// environment leaves out what would change the flags of yardmaster.
func environment(all []string) (kept []string) {
	for _, v := range all {
		if !strings.HasPrefix(v, "YARDMASTER_") {
			kept = append(kept, v)
		}
	}
	return kept
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// await returns the line with which the process said that it is ready.
func (p *process) await(ctx context.Context) (readyLine, error) {
	select {
	case line := <-p.log.ready:
		return line, nil
	case <-p.ended:
		return readyLine{}, fmt.Errorf("loadtest: %s did not start: %s", p.name, p.log.tail())
	case <-ctx.Done():
		return readyLine{}, fmt.Errorf("loadtest: %s did not start: %w", p.name, ctx.Err())
	}
}

// stop asks the process to end, and kills it when it takes too long.
func (p *process) stop(ctx context.Context) {
	p.stops.Do(func() { close(p.asked) })
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-p.ended:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// readyLine is a line of the log of a process that is ready.
type readyLine struct {
	Message string `json:"msg"`
	API     string `json:"api"`
	URL     string `json:"url"`
}

// readyLog searches a log for the line that says that a server is ready, and
// keeps the newest line.
type readyLog struct {
	ready   chan readyLine
	metrics chan string // where a worker shows them

	mu      sync.Mutex
	partial []byte
	last    []byte
}

func newReadyLog() *readyLog {
	return &readyLog{ready: make(chan readyLine, 1), metrics: make(chan string, 1)}
}

// metricsURL returns where a worker shows its metrics.
func (l *readyLog) metricsURL(ctx context.Context) (string, error) {
	select {
	case url := <-l.metrics:
		l.metrics <- url // for the next who asks
		return url, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Write implements io.Writer.
func (l *readyLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, b...)
	for {
		line, rest, ok := bytes.Cut(l.partial, []byte("\n"))
		if !ok {
			break
		}
		l.last = bytes.Clone(line)
		l.line(line)
		l.partial = rest
	}
	if len(l.partial) > maxLogLine {
		l.partial = nil
	}
	return len(b), nil
}

func (l *readyLog) line(b []byte) {
	var line readyLine
	if json.Unmarshal(b, &line) != nil {
		return
	}
	switch line.Message {
	case "server ready":
		select {
		case l.ready <- line:
		default:
		}
	case "metrics served":
		select {
		case l.metrics <- line.URL:
		default:
		}
	}
}

func (l *readyLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.last)
}
