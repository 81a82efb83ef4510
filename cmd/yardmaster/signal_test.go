package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is this program in a process of its own, to which signals can be sent.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   io.ReadCloser
	lines *bufio.Scanner // of out
	err   bytes.Buffer
	tmp   string // for its temporary files
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, tmp: t.TempDir()}
	p.cmd = exec.Command(os.Args[0], append([]string{playProgram}, args...)...)
	p.cmd.Env = append(os.Environ(), "TMPDIR="+p.tmp, "GORACE=atexit_sleep_ms=0", "GOCOVERDIR="+t.TempDir())
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out, p.lines = out, bufio.NewScanner(out)
	p.cmd.Stderr = &p.err
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // gone is as good
	return p
}

// underNohup says that SIGHUP is ignored, also by what is started. It is asked before any
// test: a server that one runs in this process listens for the signal.
var underNohup = signal.Ignored(syscall.SIGHUP)

// awaitLine reads until a line holds text.
func (p *program) awaitLine(text string) {
	p.t.Helper()
	for found := false; !found; found = strings.Contains(p.lines.Text(), text) {
		require.True(p.t, p.lines.Scan(), "no line has %q", text)
	}
}

// exit waits for the end.
func (p *program) exit() int {
	_ = p.cmd.Wait() // the state says all
	return p.cmd.ProcessState.ExitCode()
}

// endless is a workflow that prints lines without end.
const endless = "jobs: {a: {steps: [{run: 'while :; do echo a line; sleep 0.01; done'}]}}"

func TestARunCleansUpWhenNobodyReadsItsOutput(t *testing.T) {
	t.Parallel()
	p := startProgram(t, "run", workflowFile(t, endless))
	p.awaitLine("a line")
	require.NoError(t, p.out.Close())
	assert.Equal(t, exitCancelled, p.exit(), p.err.String())
	left, err := os.ReadDir(p.tmp)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestARunCleansUpWhenItsTerminalGoes(t *testing.T) {
	t.Parallel()
	hangUp := syscall.SIGHUP
	if underNohup { // which the program obeys: then by another signal
		hangUp = syscall.SIGTERM
	}
	p := startProgram(t, "run", workflowFile(t, endless))
	p.awaitLine("a line")
	require.NoError(t, p.cmd.Process.Signal(hangUp))
	p.awaitLine("cancelled")
	if hangUp == syscall.SIGHUP {
		require.NoError(t, p.cmd.Process.Signal(hangUp)) // of the shell, when it goes too
	}
	p.awaitLine("CANCELLED in")
	assert.Equal(t, exitCancelled, p.exit(), p.err.String())
	left, err := os.ReadDir(p.tmp)
	require.NoError(t, err)
	assert.Empty(t, left)
}
