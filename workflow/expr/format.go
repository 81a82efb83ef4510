package expr

import (
	"fmt"
	"strconv"
	"strings"
)

const formatHint = "{0} stands for the first value behind the text; a brace itself is written twice"

// formatPart is a piece of a format: a text, or the number of an argument.
type formatPart struct {
	text string
	arg  int // -1 for a text
}

// scanFormat calls add for each piece of a format, until it returns false. It
// returns what is wrong with the format, if it is read so far. Problems do not quote
// it: it may come from a value.
func scanFormat(s string, add func(formatPart) bool, args int) (problem string) {
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			add(formatPart{s, -1})
			return ""
		}
		if i+1 < len(s) && s[i+1] == s[i] { // a brace that is written twice
			if !add(formatPart{s[:i+1], -1}) {
				return ""
			}
			s = s[i+2:]
			continue
		}
		digits, rest := cutDigits(s[i+1:])
		number, err := strconv.ParseUint(digits, 10, 8)
		switch {
		case s[i] == '}':
			return "a } closes nothing"
		case err != nil || !strings.HasPrefix(rest, "}"):
			return "a { is not followed by the number of a value and a }"
		case int(number) >= args:
			return fmt.Sprintf("it uses {%d}, but has %s", number, values(args))
		case !add(formatPart{s[:i], -1}) || !add(formatPart{"", int(number)}):
			return ""
		}
		s = rest[1:]
	}
	return ""
}

func values(n int) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

// literalFormat returns the format of a call of format that has it written out.
func literalFormat(n *callNode) (string, bool) {
	if n.function.name != "format" {
		return "", false
	}
	text, ok := n.args[0].(*literalNode)
	if !ok {
		return "", false
	}
	return text.value.Text(), true
}

// callFormat writes values into a text. A value that the text does not use is not
// evaluated.
func callFormat(m *machine, n *callNode) (Value, error) {
	text, err := n.args[0].eval(m)
	if err != nil {
		return Value{}, err
	}
	if !m.look(1 + len(text.str)) {
		return tooLarge(n)
	}
	f := formatter{m: m, n: n}
	problem := scanFormat(text.Text(), f.add, len(n.args)-1)
	switch {
	case f.err != nil:
		return Value{}, f.err
	case problem != "":
		return fail(n.args[0], nil, "format: %s", problem)
	}
	return StringOf(f.out.String()), nil
}

// formatter collects the pieces of a format.
type formatter struct {
	m     *machine
	n     *callNode
	known []*string // the texts of arguments, as far as they were needed
	out   strings.Builder
	err   error
}

func (f *formatter) add(part formatPart) bool {
	text := part.text
	if part.arg >= 0 {
		text, f.err = f.argument(part.arg)
	}
	if f.err == nil && !f.m.make(len(text)) {
		_, f.err = tooLarge(f.n)
	}
	if f.err != nil {
		return false
	}
	f.out.WriteString(text)
	return true
}

// argument returns the text of an argument, which is evaluated once.
func (f *formatter) argument(i int) (string, error) {
	if f.known == nil {
		f.known = make([]*string, len(f.n.args)-1)
	}
	if f.known[i] == nil {
		v, err := f.n.args[i+1].eval(f.m)
		if err != nil {
			return "", err
		}
		text := v.Text()
		f.known[i] = &text
	}
	return *f.known[i], nil
}
