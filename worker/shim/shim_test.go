//go:build linux

package shim_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/worker/shim"
)

func TestMain(m *testing.M) {
	if shim.Wanted(os.Args) {
		os.Exit(shim.Run())
	}
	goleak.VerifyTestMain(m)
}

// child is a shim of the test's.
type child struct {
	*testing.T
	cmd      *exec.Cmd
	commands io.WriteCloser
	encoder  *json.Encoder
	reports  *json.Decoder
	lines    *bufio.Scanner // what the steps write
}

// plant starts this program as a shim, that does not linger when it is built
// with the race detector.
func plant(t *testing.T) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], shim.Word)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "GOCOVERDIR="+coverDir(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	commands, err := cmd.StdinPipe()
	require.NoError(t, err)
	reports, err := cmd.StdoutPipe()
	require.NoError(t, err)
	output, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{
		T: t, cmd: cmd, commands: commands, encoder: json.NewEncoder(commands), reports: json.NewDecoder(reports),
		lines: bufio.NewScanner(output),
	}
	t.Cleanup(func() { _ = commands.Close() })
	return c
}

func (c *child) send(command shim.Command) { require.NoError(c, c.encoder.Encode(command)) }

// start begins a step that runs a script.
func (c *child) start(script string) {
	c.send(shim.Command{Start: &shim.Start{
		Path: []byte("/bin/sh"), Args: [][]byte{[]byte("sh"), []byte("-c"), []byte(script)},
		Env: [][]byte{[]byte("PATH=" + os.Getenv("PATH")), []byte("WHO=w\xff")}, Dir: []byte("/"),
	}})
}

func (c *child) report() (r shim.Report) {
	c.Helper()
	require.NoError(c, c.reports.Decode(&r))
	return r
}

func (c *child) line() string {
	c.Helper()
	require.True(c, c.lines.Scan(), "the steps write no more")
	return c.lines.Text()
}

// ends waits for the end of the shim.
func (c *child) ends() {
	c.Helper()
	for c.lines.Scan() { // until nobody can write any more
	}
	var r shim.Report
	require.ErrorIs(c, c.reports.Decode(&r), io.EOF)
	require.NoError(c, c.cmd.Wait())
}

func gone(pid string) bool {
	_, err := os.Stat(filepath.Join("/proc", pid))
	return os.IsNotExist(err)
}

func TestOnlyTheWordMakesAShim(t *testing.T) {
	t.Parallel()
	assert.True(t, shim.Wanted([]string{"yardmaster", shim.Word}))
	for _, args := range [][]string{nil, {shim.Word}, {"ym"}, {"ym", "run"}, {"ym", shim.Word, "x"}} {
		assert.False(t, shim.Wanted(args), args)
	}
}

func TestTheEndOfEachStepIsReported(t *testing.T) {
	t.Parallel()
	c := plant(t)
	c.start(`printf '%s at ' "$WHO"; pwd; exit 3`)
	assert.Equal(t, shim.Report{Code: 3}, c.report())
	assert.Equal(t, "w\xff at /", c.line())
	c.send(shim.Command{Start: &shim.Start{Path: []byte("/no/such"), Args: [][]byte{[]byte("x")}, Dir: []byte("/")}})
	assert.Equal(t, shim.Report{Errno: int(syscall.ENOENT)}, c.report())
	c.send(shim.Command{Start: &shim.Start{Path: []byte("/bin/\x00"), Dir: []byte("/")}})
	assert.Equal(t, shim.Report{Errno: int(syscall.EINVAL)}, c.report())
	c.start("kill -9 $$")
	assert.Equal(t, shim.Report{Signal: int(syscall.SIGKILL)}, c.report())
	c.start("true")
	assert.Equal(t, shim.Report{}, c.report())
	require.NoError(t, c.commands.Close())
	c.ends()
}

func TestAProgramThatIsStillOpenForWritingIsTriedAgain(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700))
	writer, err := os.OpenFile(program, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer writer.Close()
	c := plant(t)
	c.send(shim.Command{Start: &shim.Start{Path: []byte(program), Args: [][]byte{[]byte("x")}, Dir: []byte("/")}})
	assert.Equal(t, shim.Report{Errno: int(syscall.ETXTBSY)}, c.report(), "but not for ever")
	require.NoError(t, c.commands.Close())
	c.ends()
}

func TestAStepThatIsStoppedMayTidyUpAndTheNextOneRuns(t *testing.T) {
	t.Parallel()
	c := plant(t)
	c.start("exec 2>/dev/null; trap 'echo tidied; exit 4' TERM; echo ready; while :; do sleep 0.01; done")
	assert.Equal(t, "ready", c.line())
	c.send(shim.Command{StopStep: &shim.Stop{Grace: time.Hour}})
	assert.Equal(t, shim.Report{Code: 4}, c.report())
	assert.Equal(t, "tidied", c.line())

	c.start("trap '' TERM; echo ready; while :; do sleep 0.01; done")
	assert.Equal(t, "ready", c.line())
	c.send(shim.Command{StopStep: &shim.Stop{Grace: time.Millisecond}})
	assert.Equal(t, shim.Report{Signal: int(syscall.SIGKILL)}, c.report())
	c.send(shim.Command{StopStep: &shim.Stop{}}) // there is none
	c.start("exit 5")
	assert.Equal(t, shim.Report{Code: 5}, c.report())
	c.send(shim.Command{Stop: &shim.Stop{Grace: time.Hour}}) // nothing is left to wait for
	c.ends()
}

func TestAStopEndsAllThatIsLeftAndTheShim(t *testing.T) {
	t.Parallel()
	c := plant(t)
	c.start("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.01; done' & wait; sleep 600")
	hidden := c.line()
	c.send(shim.Command{Stop: &shim.Stop{Grace: time.Millisecond}})
	assert.Equal(t, shim.Report{Signal: int(syscall.SIGKILL)}, c.report())
	c.ends()
	assert.True(t, gone(hidden))
}

func TestTheEndOfTheCommandsKillsWhatHides(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *child){
		"closed":   func(c *child) { require.NoError(c, c.commands.Close()) },
		"nonsense": func(c *child) { _, err := io.WriteString(c.commands, "]\n"); require.NoError(c, err) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plant(t)
			c.start("setsid sh -c 'echo $$; trap \"\" TERM HUP; (sleep 600 & echo $!); sleep 600' & exit 0")
			assert.Equal(t, shim.Report{}, c.report())
			hidden := []string{c.line(), c.line()}
			for _, pid := range hidden {
				_, err := strconv.Atoi(strings.TrimSpace(pid))
				require.NoError(t, err)
				assert.False(t, gone(pid), "it outlives its step")
			}
			end(c)
			c.ends()
			for _, pid := range hidden {
				assert.True(t, gone(pid))
			}
		})
	}
}

func TestSignalsDoNotEndAShim(t *testing.T) {
	t.Parallel()
	c := plant(t)
	c.start("exit 1") // once it is reported, the shim listens for signals
	c.report()
	for _, s := range []syscall.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1,
	} {
		require.NoError(t, c.cmd.Process.Signal(s))
	}
	c.start("exit 2")
	assert.Equal(t, shim.Report{Code: 2}, c.report())
	require.NoError(t, c.commands.Close())
	c.ends()
}

// coverDir is where a shim that was built to measure coverage writes it.
func coverDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("YARDMASTER_SHIM_COVERAGE"); dir != "" { // make test gives one
		return dir
	}
	return t.TempDir()
}
