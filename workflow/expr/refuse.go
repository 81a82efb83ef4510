package expr

import (
	"fmt"
	"strings"
)

// tooDeep reports that operations go too deep.
func (p *parser) tooDeep(from, to int) node {
	return p.failAt(from, to, fmt.Sprintf("the expression is more than %d deep", MaxDepth),
		"compute parts of it in outputs or env", ErrLimit)
}

// nothing stands for what could not be read.
var nothing node = &literalNode{place: place{depth: 1}}

// unexpected reports the token, which is not what it should be.
func (p *parser) unexpected() node {
	text := p.src[p.tok.from:p.tok.to]
	switch {
	case p.tok.kind == tokEnd:
		return p.fail("the expression ends too early", "")
	case p.tok.kind != tokBad:
		return p.fail("unexpected "+quote(text), wordHint(text))
	case text[0] == '\'':
		return p.fail("the text is not closed", p.tok.hint)
	}
	return p.fail("unexpected "+quote(text), p.tok.hint)
}

// wordHint says what is meant by the operators of other languages.
func wordHint(word string) string {
	switch strings.ToLower(word) {
	case "and":
		return "and is &&"
	case "or":
		return "or is ||"
	case "is", "eq":
		return "equality is =="
	}
	return ""
}

func (p *parser) fail(message, hint string) node {
	return p.failAt(p.tok.from, p.tok.to, message, hint, nil)
}

// failAt keeps the first fault, and makes the rest of the source invisible.
func (p *parser) failAt(from, to int, message, hint string, cause error) node {
	if p.fault == nil {
		p.fault = &Fault{Offset: from, End: to, Message: message, Hint: hint, cause: cause}
		p.tok = token{kind: tokEnd, from: len(p.src), to: len(p.src)}
	}
	return nothing
}
