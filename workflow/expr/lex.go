package expr

import (
	"math"
	"strings"
	"unicode/utf8"
)

// lexer cuts a source into tokens.
type lexer struct {
	src  string
	next int       // offset of what was not read yet
	last tokenKind // of the token before
}

// read returns the next token. Behind the end, and behind what it cannot read, it
// returns that again.
func (l *lexer) read() token {
	if l.last == tokBad {
		return token{kind: tokBad, from: l.next, to: l.next}
	}
	l.skipSpace()
	t := token{from: l.next}
	if l.next < len(l.src) {
		l.scan(&t)
	}
	t.to = l.next
	l.last = t.kind
	return t
}

func (l *lexer) skipSpace() {
	for l.next < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.next:])
		if !isSpace(r) {
			return
		}
		l.next += n
	}
}

// signs are the tokens that are always the same, the longer ones first.
var signs = [...]struct {
	text string
	kind tokenKind
}{
	{"==", tokEqual},
	{"!=", tokNotEqual},
	{"<=", tokLessEqual},
	{">=", tokGreaterEqual},
	{"&&", tokAnd},
	{"||", tokOr},
	{"<", tokLess},
	{">", tokGreater},
	{"!", tokNot},
	{"(", tokOpen},
	{")", tokClose},
	{"[", tokOpenIndex},
	{"]", tokCloseIndex},
	{",", tokComma},
	{"*", tokStar},
}

func (l *lexer) scan(t *token) {
	switch c := l.src[l.next]; {
	case c == '\'':
		l.scanString(t)
	case c == '.' && l.last.derefers():
		t.kind = tokDot
		l.next++
	case c == '.', c == '-', c == '+', isDigit(c):
		l.scanNumber(t)
	case isNameStart(c):
		l.scanName(t)
	default:
		l.scanSign(t)
	}
}

func (l *lexer) scanSign(t *token) {
	for _, sign := range &signs {
		if strings.HasPrefix(l.src[l.next:], sign.text) {
			t.kind = sign.kind
			l.next += len(sign.text)
			return
		}
	}
	_, n := utf8.DecodeRuneInString(l.src[l.next:])
	l.next += n
	l.skipWord(false)
	l.refuse(t)
}

// refuse makes a token bad, with a hint when the mistake is a usual one.
func (l *lexer) refuse(t *token) {
	t.kind = tokBad
	switch l.src[t.from] {
	case '"', '`':
		t.hint = "a text stands in single quotes"
	case '=':
		t.hint = "equality is =="
	case '&':
		t.hint = "and is &&"
	case '|':
		t.hint = "or is ||"
	case '$':
		t.hint = "the expression is already within ${{ }}"
	case '\'':
		t.hint = "close the quote; a quote within a text is written twice"
	}
}

// scanString reads a text in single quotes, in which two quotes stand for one.
func (l *lexer) scanString(t *token) {
	start, doubled := l.next+1, false
	for i := start; i < len(l.src); i++ {
		if l.src[i] != '\'' {
			continue
		}
		if i+1 < len(l.src) && l.src[i+1] == '\'' {
			doubled = true
			i++
			continue
		}
		text := l.src[start:i]
		if doubled {
			text = strings.ReplaceAll(text, "''", "'")
		}
		t.kind, t.value = tokLiteral, StringOf(text)
		l.next = i + 1
		return
	}
	l.next = len(l.src)
	l.refuse(t)
}

func (l *lexer) scanNumber(t *token) {
	l.next++
	l.skipWord(true)
	f := parseNumber(l.src[t.from:l.next])
	t.kind, t.value = tokLiteral, NumberOf(f)
	if math.IsNaN(f) {
		l.refuse(t)
	}
}

// scanName reads the name of a context, a property or a function, or a literal that
// looks like one. Behind a point it is always a property.
func (l *lexer) scanName(t *token) {
	l.skipWord(false)
	word := l.src[t.from:l.next]
	if !isName(word) {
		l.refuse(t)
		return
	}
	t.kind = tokName
	if l.last == tokDot {
		return
	}
	if v, ok := literal(word); ok {
		t.kind, t.value = tokLiteral, v
	}
}

// literal returns the value of a word that stands for one. Case matters.
func literal(word string) (Value, bool) {
	switch word {
	case "null":
		return Value{}, true
	case "true":
		return BoolOf(true), true
	case "false":
		return BoolOf(false), true
	case "NaN":
		return NumberOf(math.NaN()), true
	case "Infinity":
		return NumberOf(math.Inf(1)), true
	}
	return Value{}, false
}

// skipWord goes on to where a word ends: at white space and at any sign but * and
// quotes, and at points unless they are wanted.
func (l *lexer) skipWord(points bool) {
	for l.next < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.next:])
		if isSpace(r) || strings.ContainsRune("([)],!><=&|", r) || r == '.' && !points {
			return
		}
		l.next += n
	}
}

func isNameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isNameRune(r rune) bool {
	return r < utf8.RuneSelf && (isNameStart(byte(r)) || isDigit(byte(r)) || r == '-')
}

// isName reports whether s may stand behind a point.
func isName(s string) bool {
	if s == "" || !isNameStart(s[0]) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !isNameRune(r) }) < 0
}
