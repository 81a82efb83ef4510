package expr

import (
	"fmt"
	"strconv"
	"strings"
)

// callFromJSON reads JSON. What is wrong with it is told without quoting it.
func callFromJSON(m *machine, n *callNode) (Value, error) {
	v, err := n.args[0].eval(m)
	if err != nil {
		return Value{}, err
	}
	if !m.look(1 + len(v.str)) {
		return tooLarge(n)
	}
	r := jsonReader{meter: &m.meter, src: v.Text()}
	got, err := r.document()
	switch {
	case r.spent:
		return tooLarge(n)
	case err != nil:
		return fail(n, nil, "fromJSON: %s", err)
	}
	return got, nil
}

// ParseJSON reads a JSON text, as fromJSON does. Of fields with the same key the
// last counts, and of keys that differ in case the first. maxBytes bounds the memory
// of the result; 0 is DefaultMaxBytes, and beyond it the error is ErrLimit.
func ParseJSON(text string, maxBytes int) (Value, error) {
	m := newMeter(maxBytes)
	r := jsonReader{meter: &m, src: text}
	v, err := r.document()
	switch {
	case r.spent:
		return Value{}, ErrLimit
	case err != nil:
		return Value{}, fmt.Errorf("expr: %w", err)
	}
	return v, nil
}

// jsonReader reads JSON, strictly.
type jsonReader struct {
	*meter
	src   string
	next  int
	spent bool // the meter is
}

func (r *jsonReader) document() (Value, error) {
	if r.space(); r.next == len(r.src) {
		return Value{}, fmt.Errorf("the text is empty")
	}
	v, err := r.value(0)
	if err != nil {
		return Value{}, err
	}
	if r.space(); r.next < len(r.src) {
		return Value{}, r.wrong("the end")
	}
	return v, nil
}

// wrong says where the JSON is not what it should be.
func (r *jsonReader) wrong(expected string) error {
	return fmt.Errorf("the text is not JSON: at byte %d, %s was expected", r.next, expected)
}

// pay reports whether n more bytes may be made.
func (r *jsonReader) pay(n int) error {
	if !r.make(n) {
		r.spent = true
		return ErrLimit
	}
	return nil
}

func (r *jsonReader) space() {
	r.next = len(r.src) - len(strings.TrimLeft(r.src[r.next:], " \t\r\n"))
}

// accept goes on behind c, and the white space after it, if c is next.
func (r *jsonReader) accept(c byte) bool {
	if r.next == len(r.src) || r.src[r.next] != c {
		return false
	}
	r.next++
	r.space()
	return true
}

func (r *jsonReader) value(depth int) (Value, error) {
	if err := r.pay(valueBytes); err != nil {
		return Value{}, err
	}
	switch {
	case r.accept('['):
		return r.array(depth + 1)
	case r.accept('{'):
		return r.object(depth + 1)
	case r.next < len(r.src) && r.src[r.next] == '"':
		s, err := r.text()
		return StringOf(s), err
	}
	return r.scalar()
}

// errJSONDepth is what is wrong with JSON that is too deep.
var errJSONDepth = fmt.Errorf("the text is more than %d deep", MaxJSONDepth)

func (r *jsonReader) array(depth int) (Value, error) {
	if depth > MaxJSONDepth {
		return Value{}, errJSONDepth
	}
	if r.accept(']') {
		return ArrayOf(), nil
	}
	var items []Value
	for {
		v, err := r.value(depth)
		if err != nil {
			return Value{}, err
		}
		items = append(items, v)
		r.space()
		switch {
		case r.accept(']'):
			return ArrayOf(items...), nil
		case !r.accept(','):
			return Value{}, r.wrong(", or ]")
		}
	}
}

func (r *jsonReader) object(depth int) (Value, error) {
	if depth > MaxJSONDepth {
		return Value{}, errJSONDepth
	}
	b := newObject(0)
	if r.accept('}') {
		return b.value(), nil
	}
	for {
		key, err := r.key()
		if err != nil {
			return Value{}, err
		}
		v, err := r.value(depth)
		if err != nil {
			return Value{}, err
		}
		b.add(key, v, true)
		r.space()
		switch {
		case r.accept('}'):
			return b.value(), nil
		case !r.accept(','):
			return Value{}, r.wrong(", or }")
		}
	}
}

func (r *jsonReader) key() (string, error) {
	if r.next == len(r.src) || r.src[r.next] != '"' {
		return "", r.wrong("a key in double quotes")
	}
	key, err := r.text()
	if err != nil {
		return "", err
	}
	if r.space(); !r.accept(':') {
		return "", r.wrong("a colon")
	}
	return key, r.pay(2*valueBytes + len(key)) // with its place in the index
}

// scalar reads a number, or one of the three words.
func (r *jsonReader) scalar() (Value, error) {
	start := r.next
	for r.next < len(r.src) && strings.IndexByte(" \t\r\n,]}", r.src[r.next]) < 0 {
		r.next++
	}
	word := r.src[start:r.next]
	if isJSONNumber(word) {
		f, _ := strconv.ParseFloat(word, 64)
		return NumberOf(f), nil
	}
	if v, ok := literal(word); ok && v.kind != Number {
		return v, nil
	}
	r.next = start
	return Value{}, r.wrong("a value")
}

// isJSONNumber reports whether s is a number without a plus, without zeros in front,
// and with digits on both sides of its point.
func isJSONNumber(s string) bool {
	if !isDecimal(s) || s[0] == '+' {
		return false
	}
	whole, rest := cutDigits(strings.TrimPrefix(s, "-"))
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	return !strings.HasPrefix(rest, ".") || len(rest) > 1 && isDigit(rest[1])
}
