package command

import (
	"bytes"
	"strings"
)

// Limits of a line that may be a command. One that is longer is none, unless it would
// hide something.
const (
	MaxLine  = 256 << 10
	maxBlank = 256 // in front of it
)

// Scanner finds the commands in the output of steps. Lines end with a line feed or a
// carriage return. It holds back the beginning of a line that may be a command, and
// shows every line but those that hide something.
type Scanner struct {
	handle   func(Command)
	line     []byte // the beginning of one that may be a command
	inside   bool   // of a line that is none
	dropping bool   // the rest of that line, too
	swallow  bool   // a line feed, as it belongs to a line that is not shown
	token    string // that has commands obeyed again; "" while they are
}

// NewScanner returns a Scanner that calls handle with each command.
func NewScanner(handle func(Command)) *Scanner { return &Scanner{handle: handle} }

// Pass reports whether a piece of output holds nothing of a command, and may be shown
// as it is. If not, it is for Append.
func (s *Scanner) Pass(src []byte) bool {
	if len(src) == 0 || len(s.line) > 0 || s.dropping || s.swallow || s.begins(src) {
		return len(src) == 0
	}
	tail := len(src) // where the last line begins, if all of it is blanks and colons
	for tail > 0 && (src[tail-1] == ':' || strings.IndexByte(blanks, src[tail-1]) >= 0) {
		tail--
	}
	begins := tail == 0 && !s.inside || tail > 0 && (src[tail-1] == '\n' || src[tail-1] == '\r')
	if begins && tail < len(src) && possible(src[tail:]) {
		return false
	}
	s.inside = !begins || tail < len(src)
	return true
}

// begins reports whether a line of src begins with ::.
func (s *Scanner) begins(src []byte) bool {
	for at := 0; ; at += len(mark) {
		next := bytes.Index(src[at:], []byte(mark))
		if next < 0 {
			return false
		}
		at += next
		n := at // the length of what is in front of it and of blanks
		for n > 0 && strings.IndexByte(blanks, src[n-1]) >= 0 {
			n--
		}
		if n == 0 && !s.inside || n > 0 && (src[n-1] == '\n' || src[n-1] == '\r') {
			return true
		}
	}
}

// possible reports whether a line that begins so may be a command.
func possible(line []byte) bool {
	rest := bytes.TrimLeft(line, blanks)
	return len(line)-len(rest) <= maxBlank &&
		(len(rest) == 0 || rest[0] == ':' && (len(rest) == 1 || rest[1] == ':'))
}

// Append appends to dst what of src is to be shown now.
func (s *Scanner) Append(dst, src []byte) []byte {
	for len(src) > 0 {
		if s.swallow {
			s.swallow = false
			if src[0] == '\n' {
				src = src[1:]
				continue
			}
		}
		end := endOf(src)
		if s.inside {
			n := min(end+1, len(src))
			if !s.dropping {
				dst = append(dst, src[:n]...)
			} else if end < len(src) {
				s.swallow = src[end] == '\r'
			}
			if end < len(src) {
				s.inside, s.dropping = false, false
			}
			src = src[n:]
			continue
		}
		dst = s.take(dst, src[:end])
		if src = src[end:]; len(src) > 0 && !s.inside {
			dst = s.complete(dst, src[0])
			src = src[1:]
		}
	}
	return dst
}

// endOf returns where the first line ends, without its end.
func endOf(src []byte) int {
	end := len(src)
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		end = i
	}
	if i := bytes.IndexByte(src[:end], '\r'); i >= 0 {
		end = i
	}
	return end
}

// take adds to a line that may be a command.
func (s *Scanner) take(dst, more []byte) []byte {
	s.line = append(s.line, more...)
	if possible(s.line) && len(s.line) <= MaxLine {
		return dst
	}
	s.inside = true
	if len(s.line) > MaxLine && s.token == "" && hides(s.line) {
		s.dropping = true
		s.handle(Command{Name: AddMask, Cut: true})
	} else {
		dst = append(dst, s.line...)
	}
	s.line = s.line[:0]
	return dst
}

func hides(line []byte) bool {
	name, _, _, _ := split(string(line[:min(len(line), maxBlank+64)]) + mark)
	return strings.EqualFold(name, AddMask)
}

// complete judges a line, now that its end has come.
func (s *Scanner) complete(dst []byte, end byte) []byte {
	if s.judge(string(s.line)) {
		dst = append(append(dst, s.line...), end)
	} else {
		s.swallow = end == '\r'
	}
	s.line = s.line[:0]
	return dst
}

// judge handles a line if it is a command, and reports whether to show it.
func (s *Scanner) judge(line string) bool {
	if s.token != "" {
		if name, _, _, ok := split(line); ok && strings.EqualFold(name, s.token) {
			s.token = ""
		}
		return true
	}
	c, ok := Parse(line)
	if !ok {
		return true
	}
	if c.Name == StopCommands && c.Data != "" && !known(strings.ToLower(c.Data)) {
		s.token = c.Data
		return true
	}
	s.handle(c)
	return c.Name != AddMask
}

// End appends to dst what was held back: a step has ended, and the next one begins
// with a line of its own, whose commands are obeyed.
func (s *Scanner) End(dst []byte) []byte {
	if len(s.line) > 0 && s.judge(string(s.line)) {
		dst = append(dst, s.line...)
	}
	*s = Scanner{handle: s.handle, line: s.line[:0]}
	return dst
}
