package expr

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a text in double quotes.
func (r *jsonReader) text() (string, error) {
	r.next++
	start := r.next
	for r.next < len(r.src) {
		switch c := r.src[r.next]; {
		case c == '"':
			s := strings.ToValidUTF8(r.src[start:r.next], "\ufffd")
			r.next++
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.wrong("no control character")
		}
		r.next++
	}
	return "", r.wrong("the end of a text")
}

// escaped reads the rest of a text with escapes in it.
func (r *jsonReader) escaped(start int) (string, error) {
	out := []byte(r.src[start:r.next])
	for r.next < len(r.src) {
		c := r.src[r.next]
		switch {
		case c == '"':
			r.next++
			return strings.ToValidUTF8(string(out), "\ufffd"), r.pay(len(out))
		case c < ' ':
			return "", r.wrong("no control character")
		case c != '\\':
			out = append(out, c)
			r.next++
			continue
		}
		ch, ok := r.escape()
		if !ok {
			return "", r.wrong("an escape")
		}
		out = utf8.AppendRune(out, ch)
	}
	return "", r.wrong("the end of a text")
}

// escape reads a backslash and what it escapes.
func (r *jsonReader) escape() (rune, bool) {
	if r.next+1 == len(r.src) {
		return 0, false
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(from, r.src[r.next+1]); i >= 0 {
		r.next += 2
		return rune(to[i]), true
	}
	first, ok := r.unit()
	if !ok {
		return 0, false
	}
	if utf16.IsSurrogate(first) {
		here := r.next
		if second, ok := r.unit(); ok {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				return pair, true
			}
		}
		r.next = here // it stands alone
		return utf8.RuneError, true
	}
	return first, true
}

// unit reads \u and four digits.
func (r *jsonReader) unit() (rune, bool) {
	const size = len(`\u0000`)
	if len(r.src)-r.next < size || r.src[r.next:r.next+2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(r.src[r.next+2:r.next+size], 16, 16)
	if err != nil {
		return 0, false
	}
	r.next += size
	return rune(n), true
}
