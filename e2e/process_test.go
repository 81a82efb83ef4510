//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is one run of the program.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	out  output
	err  output
	done chan struct{} // closed when it has ended
	code int           // once done; -1 when a signal ended it
}

// output is what a process has written, and tells when a text appears in it.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	waits []wait
}

type wait struct {
	text string
	from int
	seen chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buf.Write(p)
	o.tell()
	return n, err
}

func (o *output) tell() {
	kept := o.waits[:0]
	for _, w := range o.waits {
		if strings.Contains(string(o.buf.Bytes()[w.from:]), w.text) {
			close(w.seen)
		} else {
			kept = append(kept, w)
		}
	}
	o.waits = kept
}

// seen is closed once text stands in the output.
func (o *output) seen(text string) <-chan struct{} { return o.seenFrom(text, 0) }

// seenFrom is closed once text stands in the output behind its first from bytes.
func (o *output) seenFrom(text string, from int) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := wait{text, from, make(chan struct{})}
	o.waits = append(o.waits, w)
	o.tell()
	return w.seen
}

func (o *output) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Len()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start starts the program. It is killed when the test ends, or this process.
func start(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	p := prepare(t, name, env, args...)
	p.begin()
	return p
}

// prepare is start, up to the start itself.
func prepare(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, done: make(chan struct{})}
	p.cmd = exec.Command(os.Getenv(programVariable), args...) //nolint:gosec // the program that is tested
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GORACE=halt_on_error=0"}, env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p
}

// begin starts what was prepared.
func (p *process) begin() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Start())
	go func() { // ends with the process
		defer close(p.done)
		_ = p.cmd.Wait() // the state says all
		p.code = p.cmd.ProcessState.ExitCode()
	}()
	p.t.Cleanup(func() {
		p.signal(syscall.SIGCONT)
		p.kill()
		if strings.Contains(p.err.String(), "WARNING: DATA RACE") {
			p.t.Errorf("%s has a data race:\n%s", p.name, p.err.String())
		} else if p.t.Failed() {
			p.t.Logf("%s said:\n%s%s", p.name, tail(p.out.String()), tail(p.err.String()))
		}
	})
}

// tail returns the end of a long text.
func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "[...]" + s[len(s)-most:]
	}
	return s
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// kill ends it as a power cut would, and returns when it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// exit waits for its end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.code
	case <-time.After(patience):
		p.signal(syscall.SIGQUIT)
		<-p.done
		require.FailNow(p.t, p.name+" does not end", p.err.String())
		return 0
	}
}

// says waits for a text in its standard error.
func (p *process) says(text string) {
	p.t.Helper()
	p.saysAfter(text, 0)
}

// saysAfter waits for a text behind the first from bytes of its standard error.
func (p *process) saysAfter(text string, from int) {
	p.t.Helper()
	seen := p.err.seenFrom(text, from)
	select {
	case <-seen:
		return
	case <-p.done:
	case <-time.After(patience):
	}
	select {
	case <-seen:
	default:
		require.FailNow(p.t, p.name+" did not say "+text, p.err.String())
	}
}

// yardmaster runs the program to its end.
func yardmaster(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := start(t, "yardmaster "+strings.Join(args, " "), env, args...)
	p.exit()
	return p
}

// bounded returns a context that ends with the test, or its patience.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition outside the product: a file, a process.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	late := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			require.FailNow(t, "not within "+within.String()+": "+what)
		}
	}
}
