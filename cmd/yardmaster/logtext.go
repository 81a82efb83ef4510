package main

import (
	"bytes"
	"io"

	"yardmaster/messages"
)

// maxLine bounds a line of a job's output; a longer one is broken up.
const maxLine = 16 << 10

// logText turns the parts of a log into lines: each behind its prefix, the lines
// of a step below its header.
type logText struct {
	prefix   string // before each line; empty where one job is alone
	style    style
	safe     *sanitizer // nil lets everything pass, for pipes and files
	stepName func(step uint32) string
	headers  bool
	step     int64 // the one whose header was written; -1 before the first
	line     []byte
}

func newLogText(prefix string, st style, terminal bool, headers bool, stepName func(uint32) string) *logText {
	t := &logText{prefix: prefix, style: st, stepName: stepName, headers: headers, step: -1}
	if terminal {
		t.safe = &sanitizer{colors: st.color}
	}
	return t
}

// write writes the lines that a part completes.
func (t *logText) write(w io.Writer, part *messages.LogPart) {
	if part.GetNotice() {
		t.flush(w)
		for line := range bytes.Lines(part.GetData()) {
			// A notice behind output without a line end begins with one: flush gave it.
			if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
				t.emit(w, []byte(t.style.paint(sgrYellow, "yardmaster: "+cleanLine(string(line)))))
			}
		}
		return
	}
	if step := int64(part.GetStep()); step != t.step {
		t.flush(w)
		t.step = step
		if t.headers {
			t.emit(w, []byte(t.style.paint(sgrBold, t.style.arrow()+" "+cleanLine(t.stepName(part.GetStep())))))
		}
	}
	if t.safe != nil {
		t.line = t.safe.appendTo(t.line, part.GetData())
	} else {
		t.line = append(t.line, part.GetData()...)
	}
	t.complete(w)
}

// complete writes the lines that have ended.
func (t *logText) complete(w io.Writer) {
	rest := t.line
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 && len(rest) < maxLine {
			break
		}
		if end < 0 || end > maxLine {
			t.emit(w, rest[:maxLine])
			rest = rest[maxLine:]
			continue
		}
		t.emit(w, rest[:end])
		rest = rest[end+1:]
	}
	t.line = append(t.line[:0], rest...)
}

// flush writes a line that has not ended.
func (t *logText) flush(w io.Writer) {
	if len(t.line) > 0 {
		t.emit(w, t.line)
		t.line = t.line[:0]
	}
}

func (t *logText) emit(w io.Writer, line []byte) {
	out := make([]byte, 0, len(t.prefix)+len(line)+len(sgrReset)+1)
	out = append(append(out, t.prefix...), line...)
	if t.safe != nil && bytes.IndexByte(line, 0x1b) >= 0 {
		out = append(out, sgrReset...) // what one line paints must not reach the next
	}
	_, _ = w.Write(append(out, '\n'))
}
