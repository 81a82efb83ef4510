package expr

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// callToJSON writes a value as JSON.
func callToJSON(m *machine, n *callNode) (Value, error) {
	v, err := n.args[0].eval(m)
	if err != nil {
		return Value{}, err
	}
	w := jsonWriter{meter: &m.meter}
	if !w.value(v, 0) {
		return tooLarge(n)
	}
	return StringOf(string(w.out)), nil
}

// FormatJSON returns v as JSON as toJSON does: over several lines, two blanks a
// level. The error is ErrLimit, when that takes more than maxBytes; 0 is
// DefaultMaxBytes.
func FormatJSON(v Value, maxBytes int) (string, error) {
	m := newMeter(maxBytes)
	w := jsonWriter{meter: &m}
	if !w.value(v, 0) {
		return "", ErrLimit
	}
	return string(w.out), nil
}

// jsonWriter writes JSON. Its methods report false when it may write no more; that
// bounds their recursion too, for each level costs two blanks a line.
type jsonWriter struct {
	*meter
	out []byte
}

func (w *jsonWriter) write(s string) bool {
	if !w.make(len(s)) {
		return false
	}
	w.out = append(w.out, s...)
	return true
}

func (w *jsonWriter) value(v Value, depth int) bool {
	switch v.kind {
	case Null:
		return w.write("null")
	case Number:
		if math.IsNaN(v.num) || math.IsInf(v.num, 0) {
			return w.write("null")
		}
		return w.write(v.Text())
	case String:
		return w.text(v.str)
	case Array:
		return w.list(v, depth, '[', ']')
	case Object:
		return w.list(v, depth, '{', '}')
	case Boolean:
	}
	return w.write(v.Text())
}

func (w *jsonWriter) list(v Value, depth int, open, shut byte) bool {
	w.out = append(w.out, open)
	for i, item := range v.list.items {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if !w.line(depth + 1) {
			return false
		}
		if v.kind == Object && !(w.text(v.list.keys[i]) && w.write(": ")) {
			return false
		}
		if !w.value(item, depth+1) {
			return false
		}
	}
	if v.Len() > 0 && !w.line(depth) {
		return false
	}
	w.out = append(w.out, shut)
	return w.make(2)
}

// line begins a line.
func (w *jsonWriter) line(depth int) bool {
	if !w.make(2 + 2*depth) {
		return false
	}
	w.out = append(w.out, '\n')
	for range depth {
		w.out = append(w.out, "  "...)
	}
	return true
}

// text writes s in quotes. Beside what must be escaped it escapes the line breaks
// that only Unicode knows; bytes that are not UTF-8 become U+FFFD.
func (w *jsonWriter) text(s string) bool {
	if !w.make(len(s) + 2) {
		return false
	}
	w.out = append(w.out, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.out = append(w.out, '\\', byte(r))
		case r < ' ':
			w.control(byte(r))
		case r == 0x85 || r == 0x2028 || r == 0x2029:
			w.escape(r)
		case r < utf8.RuneSelf:
			w.out = append(w.out, s[i])
		default:
			w.out = utf8.AppendRune(w.out, r)
		}
	}
	w.out = append(w.out, '"')
	return w.make(0)
}

// control writes a control character.
func (w *jsonWriter) control(c byte) {
	switch c {
	case '\b':
		w.out = append(w.out, `\b`...)
	case '\t':
		w.out = append(w.out, `\t`...)
	case '\n':
		w.out = append(w.out, `\n`...)
	case '\f':
		w.out = append(w.out, `\f`...)
	case '\r':
		w.out = append(w.out, `\r`...)
	default:
		w.escape(rune(c))
	}
}

// escape writes \u and four digits, which count although they were one byte.
func (w *jsonWriter) escape(r rune) {
	const digits = 4
	hex := strconv.FormatInt(int64(r), 16)
	w.out = append(w.out, `\u0000`[:2+digits-len(hex)]...)
	w.out = append(w.out, hex...)
	w.made -= 1 + digits
}
