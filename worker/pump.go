//go:build unix

package worker

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/worker/mask"
)

const (
	// flushAfter is the longest that output waits for more to come.
	flushAfter = 75 * time.Millisecond
	// drainLimit is above the capacity a pipe can have without privilege.
	drainLimit = 2 << 20
	// pendingEvents is above how many can be untold at once: the begin of a step, what
	// it has said, two notices and its end, and the end of all.
	pendingEvents = 8
)

// event is something to tell in its place between the output.
type event struct {
	step   *attempt.Step // a step that begins, or has ended
	said   bool          // a step has ended: what it said is to be heard
	notice string        // a line for the log
	last   bool          // nothing follows, also no output
	ack    chan struct{} // closed when told
}

// pump moves the output of an attempt from the pipe to the observer. One
// goroutine runs it, so the observer's calls come one at a time; while one
// blocks, the pipe fills and the steps wait.
type pump struct {
	pipe   *os.File
	out    attempt.Observer
	limit  int64
	events chan event
	done   chan struct{} // closed at the end; then log may be read

	buf     []byte // MaxChunk bytes, n of them unsent
	n       int
	flushAt time.Time // zero when n is 0
	rearm   bool      // the pipe's deadline is not flushAt
	step    int
	taken   int64 // bytes of output that count against limit
	cut     bool
	midLine bool
	sum     hash.Hash
	log     job.LogSum
	hearing hearing
}

func newPump(pipe *os.File, out attempt.Observer, limit int64, masks *mask.Set) *pump {
	p := &pump{
		pipe: pipe, out: out, limit: limit,
		events: make(chan event, pendingEvents), done: make(chan struct{}),
		buf: make([]byte, attempt.MaxChunk), rearm: true, sum: sha256.New(),
	}
	p.hearing = newHearing(p, masks)
	return p
}

// tell hands over an event without waiting for it, and wakes the pump. The order
// matters: the pump sets its deadline before it looks for events.
func (p *pump) tell(e event) {
	p.events <- e
	_ = p.pipe.SetReadDeadline(time.Unix(1, 0)) // a pipe that is closed needs no waking
}

// run returns after the event that is the last.
func (p *pump) run() {
	defer close(p.done)
	for {
		if p.rearm {
			p.rearm = false
			_ = p.pipe.SetReadDeadline(p.flushAt) // without one, output waits for the step's end
		}
		select {
		case e := <-p.events:
			if p.handle(e) {
				return
			}
			continue
		default:
		}
		n, err := p.pipe.Read(p.buf[p.n:])
		p.add(n)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.rearm = true
		case err != nil: // nobody has the other end any more
			p.flush()
			if p.handle(<-p.events) {
				return
			}
		}
		if p.n > 0 && !time.Now().Before(p.flushAt) {
			p.flush()
		}
	}
}

func (p *pump) handle(e event) (last bool) {
	p.drain()
	if e.said || e.last {
		p.put(p.hearing.end(e.last))
	}
	p.flush()
	if e.notice != "" {
		p.notice(e.notice)
	}
	if e.step != nil {
		p.step = e.step.Index
		p.out.StepChanged(*e.step)
	}
	if e.last {
		p.sum.Sum(p.log.SHA256[:0])
	}
	if e.ack != nil {
		close(e.ack)
	}
	return e.last
}

// drain takes what is in the pipe now, so that all a step wrote before it ended
// comes before its end. It takes no more than a pipe can hold, because others may
// go on writing.
func (p *pump) drain() {
	raw, err := p.pipe.SyscallConn()
	if err != nil {
		return
	}
	for total := 0; total < drainLimit; {
		p.rearm = true
		_ = p.pipe.SetReadDeadline(time.Time{}) // else the wake-up would end the drain
		var n int
		var readErr error
		err := raw.Read(func(fd uintptr) bool {
			n, readErr = unix.Read(int(fd), p.buf[p.n:])
			return true
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(readErr, unix.EINTR):
			continue
		case err != nil || readErr != nil || n <= 0:
			return
		}
		p.add(n)
		total += n
	}
}

// add takes n bytes that were read behind the unsent ones. They stay where they are
// unless something is to be heard or hidden in them.
func (p *pump) add(n int) {
	if n <= 0 {
		return
	}
	if shown, changed := p.hearing.hear(p.buf[p.n : p.n+n]); changed {
		p.put(shown)
		return
	}
	p.keep(n)
}

// put takes output from elsewhere.
func (p *pump) put(output []byte) {
	for len(output) > 0 {
		n := copy(p.buf[p.n:], output)
		p.keep(n)
		output = output[n:]
	}
}

// keep takes n bytes behind the unsent ones as output.
func (p *pump) keep(n int) {
	keep := int(min(int64(n), p.limit-p.taken))
	if keep > 0 {
		if p.n == 0 {
			p.flushAt, p.rearm = time.Now().Add(flushAfter), true
		}
		p.n += keep
		p.taken += int64(keep)
	}
	if p.n == len(p.buf) {
		p.flush()
	}
	if keep == n {
		return
	}
	p.log.Dropped += uint64(n - keep)
	if !p.cut {
		p.cutLog(fmt.Sprintf("… log cut at %d bytes …", p.limit))
	}
}

// cutLog lets nothing more into the log but notices.
func (p *pump) cutLog(why string) {
	if !p.cut {
		p.cut, p.limit = true, p.taken
		p.flush()
		p.line(why)
	}
}

func (p *pump) flush() {
	if p.n == 0 {
		return
	}
	data := p.buf
	if p.n == len(p.buf) {
		p.buf = make([]byte, attempt.MaxChunk)
	} else {
		data = bytes.Clone(p.buf[:p.n])
	}
	p.n, p.flushAt, p.rearm = 0, time.Time{}, true
	p.midLine = data[len(data)-1] != '\n'
	p.send(attempt.Output, data)
}

func (p *pump) notice(line string) { p.line(p.hearing.masks.Hide(line)) }

// line sends a line of the worker's own.
func (p *pump) line(line string) {
	if p.midLine {
		line = "\n" + line
	}
	p.midLine = false
	p.send(attempt.Notice, []byte(line+"\n"))
}

func (p *pump) send(kind attempt.ChunkKind, data []byte) {
	p.log.Chunks++
	p.log.Bytes += uint64(len(data))
	_, _ = p.sum.Write(data) // a hash cannot fail
	p.out.Output(attempt.Chunk{Seq: p.log.Chunks, Step: p.step, Kind: kind, Time: time.Now(), Data: data})
}
