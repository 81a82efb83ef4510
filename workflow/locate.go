package workflow

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// findWindow is how far from the beginning of its line a scalar may begin for a place
// in it to be told, in bytes, so that many faults in a large file stay cheap.
const findWindow = 64 << 10

// cursor walks along the text of a scalar, and along what stands for it in the file.
// Where the file folds lines, any white space stands for any other.
type cursor struct {
	src   []byte
	at    int // in src
	text  string
	next  int // in text
	style yaml.Style

	line    int
	counted int // offset in src up to which columns are counted
	col     int // of the byte at counted
}

// cursor returns one at the beginning of the scalar n, or nil when that is too far to
// look for.
func (d *decoder) cursor(n *node) *cursor {
	if d.lineStarts == nil {
		d.lineStarts = lineStarts(d.src)
	}
	if n.made || n.line < 1 || n.line > len(d.lineStarts) || n.col > findWindow {
		return nil
	}
	at := d.offsetOf(n.pos)
	c := &cursor{src: d.src, at: at, text: n.text, style: n.style, line: n.line, counted: at, col: n.col}
	c.begin()
	return c
}

// offsetOf returns where a place is in the source. Places of one line are found from
// each other.
func (d *decoder) offsetOf(p pos) int {
	from, at := pos{p.line, 1}, d.lineStarts[p.line-1]
	if last := d.located; last.line == p.line && last.col <= p.col {
		from, at = last.pos, last.at
	}
	at += byteOffset(d.src[at:], p.col-from.col)
	d.located = located{p, at}
	return at
}

// located is a place in the source, and its offset there.
type located struct {
	pos
	at int
}

// byteOffset returns where character number n of s begins.
func byteOffset(s []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRune(s[at:])
		at += size
	}
	return at
}

// find returns where the byte at an offset of the scalar's text stands in the file, or
// where the scalar begins.
func (d *decoder) find(n *node, offset int) pos { return d.places(n, []int{offset})[0] }

// begin passes over what stands before the text: an anchor, a quote, the head of a
// block.
func (c *cursor) begin() {
	if c.at < len(c.src) && c.src[c.at] == '&' {
		c.skip(bytes.IndexAny(c.src[c.at:], " \t\r\n"))
		c.blanks()
	}
	switch {
	case c.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.skip(bytes.IndexAny(c.src[c.at:], "\r\n"))
	case c.style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		c.skip(1)
	}
}

// to goes on to an offset in the text, not before the last one, and returns its place.
func (c *cursor) to(offset int) pos {
	for c.next < min(offset, len(c.text)) && c.at < len(c.src) {
		if isBlank(c.text[c.next]) {
			for c.next < len(c.text) && isBlank(c.text[c.next]) {
				c.next++
			}
			c.blanks()
			continue
		}
		c.blanks()
		inFile, inText := c.character()
		c.skip(inFile)
		c.next += inText
	}
	if c.next < len(c.text) && !isBlank(c.text[c.next]) {
		c.blanks()
	}
	at := min(c.at, len(c.src))
	c.col += utf8.RuneCount(c.src[c.counted:at])
	c.counted = at
	return pos{c.line, c.col}
}

// skip passes over n bytes of the file; -1 is all that is left.
func (c *cursor) skip(n int) {
	if n < 0 {
		n = len(c.src) - c.at
	}
	for end := min(c.at+n, len(c.src)); c.at < end; c.at++ {
		if ch := c.src[c.at]; ch == '\n' || ch == '\r' && (c.at+1 == len(c.src) || c.src[c.at+1] != '\n') {
			c.line++
			c.counted, c.col = c.at+1, 1
		}
	}
}

// blanks passes over white space, written out or escaped, and escaped ends of lines.
func (c *cursor) blanks() {
	for c.at < len(c.src) {
		if isBlank(c.src[c.at]) {
			c.skip(1)
			continue
		}
		if c.style&yaml.DoubleQuotedStyle == 0 || c.src[c.at] != '\\' {
			return
		}
		size, r := escape(c.src[c.at:])
		if r >= utf8.RuneSelf || !isBlank(byte(r)) {
			return
		}
		c.skip(size)
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// character returns how many bytes the character here has in the file, and in the text.
func (c *cursor) character() (inFile, inText int) {
	rest := c.src[c.at:]
	switch {
	case c.style&yaml.SingleQuotedStyle != 0 && bytes.HasPrefix(rest, []byte("''")):
		return len("''"), 1
	case c.style&yaml.DoubleQuotedStyle != 0 && rest[0] == '\\':
		size, r := escape(rest)
		return size, utf8.RuneLen(r)
	}
	return 1, 1
}

// escape reads the escape of a text in double quotes that s begins with.
func escape(s []byte) (size int, r rune) {
	const (
		plain, meant = "0abtnvfreN_LP", "\x00\a\b\t\n\v\f\r\x1b\u0085\u00a0\u2028\u2029"
		digits       = "xuU"
	)
	if len(s) == 1 {
		return 1, '\\'
	}
	if i := strings.IndexByte(plain, s[1]); i >= 0 {
		return len(`\n`), []rune(meant)[i]
	}
	if i := strings.IndexByte(digits, s[1]); i >= 0 {
		size = len(`\x`) + 2<<i
		n, err := strconv.ParseUint(string(s[2:min(size, len(s))]), 16, 31)
		if err == nil && utf8.ValidRune(rune(n)) {
			return size, rune(n)
		}
		return size, utf8.RuneError
	}
	return len(`\"`), rune(s[1]) // of itself, or of the end of a line
}

// places returns where offsets in the text of the scalar n stand in the file.
func (d *decoder) places(n *node, offsets []int) []pos {
	at := make([]pos, len(offsets))
	c := (*cursor)(nil)
	if !d.crowded() {
		c = d.cursor(n)
	}
	order := make([]int, len(offsets))
	for i := range order {
		order[i], at[i] = i, n.pos
	}
	if c == nil {
		return at
	}
	slices.SortStableFunc(order, func(a, b int) int { return offsets[a] - offsets[b] })
	for _, i := range order {
		at[i] = c.to(offsets[i])
	}
	return at
}
