//go:build linux

package exec_test

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"yardmaster/domain/resource"
	"yardmaster/provider/exec"
	"yardmaster/provider/providertest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		worker(os.Args)
		return
	}
	goleak.VerifyTestMain(m)
}

// worker is what is started in place of a worker: it notes its start and its
// signals in the file NOTES, and ends at SIGTERM, or once the file STAY is gone.
func worker(args []string) {
	note := func(what string) {
		f, err := os.OpenFile(os.Getenv("NOTES"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		fmt.Fprintln(f, what, args[3])
		f.Close()
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM)
	fmt.Fprintln(os.Stdout, "worker", args[3], "has", os.Getenv("YARDMASTER_TOKEN_FILE"), os.Getenv("MORE"))
	if os.Getenv("TWIN") != "" { // something that looks like a worker, and is its child
		twin := osexec.Command(os.Args[0], os.Args[1:]...)
		twin.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TWIN=") })
		if twin.Start() == nil {
			defer func() { _ = twin.Wait() }()
			defer func() { _ = twin.Process.Kill() }()
		}
	}
	note("start")
	late := time.After(time.Minute) // no test leaves it behind for long
	for {
		select {
		case <-signals:
			note("term")
			for stays(os.Getenv("STAY")) {
				select {
				case <-signals:
					note("term")
				case <-late:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
			return
		case <-late:
			return
		}
	}
}

func stays(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

// yard is a provider and what its workers note.
type yard struct {
	cfg   exec.Config
	notes string
	stay  string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	y := &yard{notes: filepath.Join(t.TempDir(), "notes"), stay: filepath.Join(t.TempDir(), "stay")}
	y.cfg = exec.Config{
		Program: program, Dir: filepath.Join(t.TempDir(), "workers"), Server: "nats://127.0.0.1:1",
		Args:    map[string][]string{"small": {"--grace", "1s"}},
		Environ: append(os.Environ(), "NOTES="+y.notes, "STAY="+y.stay, "MORE=more", "YARDMASTER_TOKEN_FILE=secret"),
	}
	return y
}

func (y *yard) provider(t *testing.T) *exec.Provider {
	t.Helper()
	p, err := exec.New(y.cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = os.Remove(y.stay)
		names, err := p.List(context.Background())
		require.NoError(t, err)
		for _, name := range names {
			require.NoError(t, p.Remove(context.Background(), name))
		}
	})
	return p
}

// noted returns how often workers of a name noted something. A worker that was
// started notes it when it is there.
func (y *yard) noted(t *testing.T, what, name string, least int) (n int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		text, err := os.ReadFile(y.notes)
		if err != nil && !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		n = 0
		for line := range strings.Lines(string(text)) {
			if line == what+" "+name+"\n" {
				n++
			}
		}
		if n >= least {
			return n
		}
	}
	return n
}

func TestTheExecProviderIsAProvider(t *testing.T) {
	t.Parallel()
	providertest.Suite(t, func(t *testing.T) providertest.Subject {
		y := newYard(t)
		return providertest.Subject{
			Provider: y.provider(t), Again: func() providertest.Provider { return y.provider(t) },
			Started: func(name string) int {
				_, err := os.Stat(filepath.Join(y.cfg.Dir, name))
				if os.IsNotExist(err) {
					return y.noted(t, "start", name, 0)
				}
				return y.noted(t, "start", name, 1)
			},
		}
	})
}

func launch(t *testing.T, p *exec.Provider, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, p.Launch(t.Context(), providertest.Class, name))
	}
}

func TestAWorkerThatDoesNotStopIsToldOnceAndNeverKilled(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.provider(t)
	require.NoError(t, os.WriteFile(y.stay, nil, 0o600))
	launch(t, p, "small-a")
	require.Equal(t, 1, y.noted(t, "start", "small-a", 1))
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := p.Remove(ctx, "small-a")
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "has been told to stop, and still runs")
	}
	require.Equal(t, 1, y.noted(t, "term", "small-a", 1))
	names, err := p.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"small-a"}, names)
	require.NoError(t, os.Remove(y.stay))
	require.NoError(t, p.Remove(t.Context(), "small-a"))
	require.Equal(t, 1, y.noted(t, "term", "small-a", 1))
}

func TestAWorkerHasItsOwnSessionLogAndEnvironment(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.provider(t)
	c := providertest.Class
	c.Pool, c.Resources = "trusted", resource.Amount{CPU: 1500, Memory: 1 << 30}
	require.NoError(t, p.Launch(t.Context(), c, "small-a"))
	require.Equal(t, 1, y.noted(t, "start", "small-a", 1))
	log, err := os.ReadFile(filepath.Join(y.cfg.Dir, "small-a", "worker.log"))
	require.NoError(t, err)
	assert.Equal(t, "worker small-a has  more\n", string(log), "what configures the server is not the worker's")
	pid, args := processOf(t, y.cfg.Dir)
	assert.Equal(t, []string{
		"worker", "--id", "small-a", "--work-dir", filepath.Join(y.cfg.Dir, "small-a", "work"), "--server",
		"nats://127.0.0.1:1", "--labels", "amd64,linux", "--slots", "2", "--pool", "trusted", "--cpu", "1.5",
		"--memory", "1073741824B", "--grace", "1s",
	}, args[1:])
	sid, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	assert.Equal(t, pid, sid)
	require.NoError(t, p.Remove(t.Context(), "small-a"))
	_, err = os.Stat(filepath.Join(y.cfg.Dir, "small-a"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// processOf returns the process whose command line names a directory.
func processOf(t *testing.T, dir string) (pid int, args []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), dir) {
			_, err := fmt.Sscanf(path, "/proc/%d/", &pid)
			require.NoError(t, err)
			return pid, strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		}
	}
	require.FailNow(t, "there is no such process")
	return 0, nil
}

func TestAWorkerThatEndsByItselfIsNotListedAndItsLogStaysForAWhile(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.provider(t)
	launch(t, p, "small-0")
	require.Equal(t, 1, y.noted(t, "start", "small-0", 1))
	pid, _ := processOf(t, y.cfg.Dir)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		names, err := p.List(t.Context())
		return err == nil && len(names) == 0
	}, 20*time.Second, 10*time.Millisecond)
	for i := range 30 { // of workers that died before
		require.NoError(t, os.MkdirAll(filepath.Join(y.cfg.Dir, fmt.Sprintf("old-%02d", i+10)), 0o700))
	}
	launch(t, p, "small-1")
	entries, err := os.ReadDir(y.cfg.Dir)
	require.NoError(t, err)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	assert.Len(t, names, 21)
	assert.True(t, slices.Contains(names, "small-1") && slices.Contains(names, "old-39"))
	assert.False(t, slices.Contains(names, "old-10") || slices.Contains(names, "small-0"))
}

func TestAWorkerIsListedFromItsFirstMoment(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.provider(t)
	for i := range 30 {
		name := fmt.Sprintf("small-%d", i)
		launch(t, p, name)
		names, err := p.List(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{name}, names)
		require.NoError(t, p.Remove(t.Context(), name))
	}
}

func TestAWorkerThatEndsAtOnceIsLaunchedAllTheSame(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.cfg.Program = "/bin/true"
	p := y.provider(t)
	for range 10 {
		launch(t, p, "small-a")
		require.Eventually(t, func() bool { return len(exec.Running(p)) == 0 }, 20*time.Second, time.Millisecond)
	}
}

func TestWhatAWorkerForksIsNotTakenForIt(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.cfg.Environ = append(y.cfg.Environ, "TWIN=yes")
	p := y.provider(t)
	launch(t, p, "small-a")
	require.Equal(t, 2, y.noted(t, "start", "small-a", 2))
	for range 20 {
		pids := exec.Running(p)
		require.Len(t, pids, 1)
		sid, err := unix.Getsid(pids["small-a"])
		require.NoError(t, err)
		require.Equal(t, sid, pids["small-a"], "the worker leads its session")
	}
	require.NoError(t, p.Remove(t.Context(), "small-a"))
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	_, err := exec.New(exec.Config{Program: "yardmaster", Dir: "workers"})
	require.ErrorContains(t, err, `the program "yardmaster" is not an absolute path`)
	require.ErrorContains(t, err, `the directory "workers" is not an absolute path`)
	require.ErrorContains(t, err, "no server to join")

	y := newYard(t)
	y.cfg.Program = filepath.Join(t.TempDir(), "none")
	require.ErrorContains(t, y.provider(t).Launch(t.Context(), providertest.Class, "small-a"), "exec: small-a not started")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	y.cfg.Dir = filepath.Join(file, "workers")
	_, err = exec.New(y.cfg)
	require.Error(t, err)
}
