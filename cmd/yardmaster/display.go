package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"yardmaster/messages"
)

// display shows a run while it goes on. One goroutine calls it.
type display interface {
	// changed shows what became of the board.
	changed(b *board, all []news, raw *messages.WatchRunsResponse)
	// logged shows a part of the log of a job.
	logged(b *board, job int, res *messages.ReadLogResponse)
	// tick is called now and then, for what changes by itself.
	tick(b *board)
	// closed shows the end.
	closed(b *board, run *messages.Run)
}

// logs writes the logs of several jobs to one place.
type logs struct {
	w        io.Writer
	style    style
	terminal bool
	alone    bool // one job only: no prefix
	jobs     map[int]*logText
}

func newLogs(w io.Writer, st style, terminal bool) *logs {
	return &logs{w: w, style: st, terminal: terminal, jobs: make(map[int]*logText)}
}

func (l *logs) logged(b *board, job int, res *messages.ReadLogResponse) {
	text := l.jobs[job]
	if text == nil {
		text = newLogText(l.prefix(b, job), l.style, l.terminal, true, b.stepName(job))
		l.jobs[job] = text
	}
	for _, part := range res.GetParts() {
		text.write(l.w, part)
	}
	if res.GetEnd() != nil {
		text.flush(l.w)
		delete(l.jobs, job) // the next attempt begins anew
	}
}

// prefix is what stands before the lines of a job: nothing when it is alone.
func (l *logs) prefix(b *board, job int) string {
	if l.alone || len(b.jobs) <= 1 {
		return ""
	}
	return l.style.paint(sgrDim, cleanLine(b.jobs[job].key)+" |") + " "
}

// plainDisplay prints a line for each change: for pipes, files and CI logs.
type plainDisplay struct {
	*logs
	quiet bool // logs only
}

func (d *plainDisplay) changed(b *board, all []news, _ *messages.WatchRunsResponse) {
	if d.quiet {
		return
	}
	for _, n := range all {
		fmt.Fprintf(d.w, "%s %s %s\n", n.at.Local().Format(time.TimeOnly), cleanLine(b.jobs[n.job].key), n.text)
	}
}

func (*plainDisplay) tick(*board) {}

func (d *plainDisplay) closed(b *board, _ *messages.Run) {
	if !d.quiet {
		fmt.Fprintln(d.w, b.verdictLine(d.style))
	}
}

// liveDisplay keeps a view of the jobs at the lower end of a terminal; logs
// scroll by above it.
type liveDisplay struct {
	*logs
	screen screen
	above  *bytes.Buffer
	size   func() (width, height int, ok bool)
	now    func() time.Time
}

func newLiveDisplay(a *app) *liveDisplay {
	above := new(bytes.Buffer)
	return &liveDisplay{
		logs: newLogs(above, a.style(), true), screen: screen{w: a.out}, above: above, size: a.size, now: time.Now,
	}
}

func (d *liveDisplay) changed(b *board, _ []news, _ *messages.WatchRunsResponse) { d.redraw(b) }

func (d *liveDisplay) logged(b *board, job int, res *messages.ReadLogResponse) {
	d.logs.logged(b, job, res)
	if d.above.Len() > 0 {
		d.redraw(b)
	}
}

func (d *liveDisplay) tick(b *board) { d.redraw(b) }

func (d *liveDisplay) redraw(b *board) {
	width, height := d.bounds()
	d.screen.draw(d.above.Bytes(), b.render(frame{width: width, height: height, now: d.now(), style: d.style}), width)
	d.above.Reset()
}

func (d *liveDisplay) bounds() (width, height int) {
	width, height, ok := d.size()
	if !ok {
		return 80, 24
	}
	return width, height
}

// closed leaves a summary of all jobs behind.
func (d *liveDisplay) closed(b *board, _ *messages.Run) {
	width, _ := d.bounds()
	all := frame{width: width, height: len(b.jobs) + liveHead + liveMargin, now: d.now(), style: d.style}
	lines := append(b.render(all)[liveHead:], b.verdictLine(d.style))
	d.screen.draw(d.above.Bytes(), lines, width)
}

// jsonDisplay prints one JSON object a line: each answer of the watch, each part
// of a log, and the run at its end.
type jsonDisplay struct{ w io.Writer }

// logLine is a part of a job's log in JSON.
type logLine struct {
	RunID    string          `json:"run_id"`
	JobIndex int             `json:"job_index"`
	JobKey   string          `json:"job_key"`
	Log      json.RawMessage `json:"log"`
}

func (d *jsonDisplay) changed(_ *board, _ []news, raw *messages.WatchRunsResponse) {
	if len(raw.GetChanges()) > 0 {
		if line, err := protoJSON(raw); err == nil {
			_ = printLine(d.w, line)
		}
	}
}

func (d *jsonDisplay) logged(b *board, job int, res *messages.ReadLogResponse) {
	if line, err := protoJSON(res); err == nil {
		_ = printLine(d.w, logLine{RunID: b.runID, JobIndex: job, JobKey: b.jobs[job].key, Log: line})
	}
}

func (*jsonDisplay) tick(*board) {}

func (d *jsonDisplay) closed(_ *board, run *messages.Run) {
	if line, err := protoJSON(run); err == nil {
		_ = printLine(d.w, line)
	}
}

// display returns the one that fits where the output goes.
func (a *app) display() display {
	_, _, terminal := a.size()
	switch {
	case a.output == outputJSON:
		return &jsonDisplay{w: a.out}
	case terminal && a.getenv("TERM") != "dumb":
		return newLiveDisplay(a)
	}
	return &plainDisplay{logs: newLogs(a.out, a.style(), terminal)}
}
