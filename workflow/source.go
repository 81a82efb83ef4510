package workflow

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// pos is a place in a file.
type pos struct{ line, col int }

func withoutBOM(src []byte) []byte { return bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")) }

// admit reports whether src is worth giving to the YAML parser: short enough,
// text, and not so dense that reading it would be an attack.
func (d *decoder) admit(src []byte) bool {
	start := pos{1, 1}
	if len(src) > MaxFileBytes {
		d.reportLimit(start, fmt.Sprintf("the file has %d bytes, more than %d", len(src), MaxFileBytes),
			"split it, or move long scripts into files of the repository")
		return false
	}
	if len(bytes.TrimSpace(src)) == 0 {
		d.report(start, "the file is empty", d.emptyHint)
		return false
	}
	marks := 0
	for i := 0; i < len(src); {
		c := src[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
				d.report(posAt(src, i), fmt.Sprintf("the control character 0x%02x is not allowed", c), "remove it")
				return false
			}
			if isMark(src, i) {
				marks++
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			d.report(posAt(src, i), "the file is not valid UTF-8", "save it as UTF-8")
			return false
		}
		if !admissible(r) {
			d.report(posAt(src, i), fmt.Sprintf("the character U+%04X is not allowed", r), "remove it")
			return false
		}
		i += n
	}
	if marks > MaxMarks {
		d.reportLimit(start, fmt.Sprintf("the file holds too many values: %d marks such as , : and [, more than %d",
			marks, MaxMarks), "split it, or move long data into files of the repository")
		return false
	}
	return true
}

// isMark reports whether a value could begin after the ASCII character at i. Each
// value of a YAML file has at least one mark of its own before it.
func isMark(src []byte, i int) bool {
	switch src[i] {
	case '\n', ',', ':', '[', '{':
		return true
	case '-', '?':
		return i+1 < len(src) && (src[i+1] == ' ' || src[i+1] == '\t')
	case '\r':
		return i+1 == len(src) || src[i+1] != '\n'
	}
	return false
}

// admissible reports whether YAML and every editor agree on what r is: no C1
// controls, no line breaks beyond CR and LF, no marks of byte order.
func admissible(r rune) bool {
	switch {
	case r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
		return false
	}
	return true
}

// posAt returns the place of the byte at offset.
func posAt(src []byte, offset int) pos {
	line, start := 1, 0
	for i := 0; i < offset; i++ {
		if src[i] == '\n' || src[i] == '\r' && (i+1 >= len(src) || src[i+1] != '\n') {
			line, start = line+1, i+1
		}
	}
	return pos{line, utf8.RuneCount(src[start:offset]) + 1}
}

// lineStarts returns the offset of each line of src.
func lineStarts(src []byte) []int {
	starts := []int{0}
	for i := range src {
		if src[i] == '\n' || src[i] == '\r' && (i+1 >= len(src) || src[i+1] != '\n') {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// sourceLine returns line number n (from 1), without its end.
func sourceLine(src []byte, n int) (string, bool) {
	for ; n > 1; n-- {
		_, rest, ok := cutLine(src)
		if !ok {
			return "", false
		}
		src = rest
	}
	line, _, _ := cutLine(src)
	return string(line), n == 1
}

// cutLine splits src behind its first line. It reports whether the line has an end.
func cutLine(src []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexAny(src, "\r\n")
	if i < 0 {
		return src, nil, false
	}
	if bytes.HasPrefix(src[i:], []byte("\r\n")) {
		return src[:i], src[i+2:], true
	}
	return src[:i], src[i+1:], true
}
