package main

import (
	"bytes"
	"io"
	"strconv"
)

// screen keeps a few lines at the lower end of a terminal up to date, and lets
// text scroll by above them. It moves within its own lines only.
type screen struct {
	w     io.Writer
	drawn []int // columns of each line that stands there
	buf   bytes.Buffer
}

// draw replaces the lines, on a terminal of the given width. Above goes what
// shall scroll by; it ends with a line end, or is empty.
func (s *screen) draw(above []byte, lines []string, width int) {
	s.buf.Reset()
	if rows := s.rows(width); rows > 0 {
		s.buf.WriteString("\x1b[" + strconv.Itoa(rows) + "A")
	}
	s.buf.WriteString("\r\x1b[J")
	s.buf.Write(above)
	s.drawn = s.drawn[:0]
	for _, line := range lines {
		s.buf.WriteString(line)
		s.buf.WriteByte('\n')
		s.drawn = append(s.drawn, plainColumns(line))
	}
	_, _ = s.w.Write(s.buf.Bytes())
}

// rows returns how many rows the lines fill now: a terminal that has become
// narrower has wrapped them.
func (s *screen) rows(width int) (n int) {
	for _, c := range s.drawn {
		n += max(1, (c+width-1)/max(1, width))
	}
	return n
}

// plainColumns returns the columns of a line of ours, without its colours.
func plainColumns(line string) int {
	safe := sanitizer{}
	return columns(string(safe.appendTo(nil, []byte(line))))
}
