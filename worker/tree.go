//go:build unix

package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"yardmaster/worker/proc"
	"yardmaster/worker/shim"
)

const (
	// patience is how long a shim may take beyond the grace before the worker
	// lends a hand. A job can stop its shim.
	patience = 5 * time.Second
	// killPause is the time between two rounds of that.
	killPause = 10 * time.Millisecond
	// unread is how many commands a shim may have before it: to start a step, to
	// stop that, and to stop everything.
	unread = 3
)

// tree is the processes of one attempt: the shim and what is below it.
type tree struct {
	cmd      *exec.Cmd
	began    uint64 // as a proc.Process has it
	commands io.WriteCloser
	queue    chan shim.Command // to be written to commands
	// reports has one report for each step that was started. It is closed when
	// the shim has ended.
	reports chan shim.Report
	gone    chan struct{} // closed after reports; then ended may be read
	ended   error         // how the shim ended
}

// plant starts the shim, whose steps will write to output. The caller closes its
// own end of that.
func plant(command, environ []string, dir string, output *os.File) (*tree, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // it is stopped in steps, not killed by a context
	cmd.Env, cmd.Dir, cmd.Stderr = environ, dir, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	commands, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("worker: shim: %w", err)
	}
	reports, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("worker: shim: %w", err)
	}
	began, err := shims.start(cmd)
	if err != nil {
		return nil, err
	}
	t := &tree{
		cmd: cmd, began: began, commands: commands, queue: make(chan shim.Command, unread),
		reports: make(chan shim.Report, 1), gone: make(chan struct{}),
	}
	go t.watch(reports)
	go t.write()
	return t, nil
}

// write hands commands over until the shim is gone or is to be. A shim that a job
// has stopped reads none, and a pipe does not hold every environment.
func (t *tree) write() {
	encoder := json.NewEncoder(t.commands)
	for {
		select {
		case c := <-t.queue:
			if encoder.Encode(c) != nil {
				return
			}
		case <-t.gone:
			return
		}
	}
}

func (t *tree) watch(r io.Reader) {
	dec := json.NewDecoder(r)
	for {
		var report shim.Report
		if dec.Decode(&report) != nil {
			break
		}
		t.reports <- report
	}
	t.ended = shims.wait(t.cmd)
	close(t.gone)
	close(t.reports)
}

// send asks the shim for something, and does not wait for it to hear. A shim that
// is gone shows in reports, one that does not listen by saying nothing.
func (t *tree) send(c shim.Command) {
	select {
	case t.queue <- c:
	default:
	}
}

// kill asks the shim to kill all that is left, and then to end. Commands that it
// has not heard are void.
func (t *tree) kill() { _ = t.commands.Close() }

// fell makes a shim that does not do as it is told go on, and kills what is below
// it meanwhile. It never kills the shim: to it fall the orphans, and it alone can
// tell that there are none. When it is dead they fell to us, and one of them may
// hold its reports open. It returns when the shim is gone.
func (t *tree) fell() {
	t.kill()
	for {
		_ = t.cmd.Process.Signal(syscall.SIGCONT) // gone is as good as woken
		proc.KillTree(t.cmd.Process.Pid)
		shims.killOnce(t.began)
		select {
		case <-t.gone:
			return
		case <-time.After(killPause):
		}
	}
}
