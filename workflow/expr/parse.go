package expr

import (
	"fmt"
	"unicode/utf16"
)

// parser makes a tree of tokens, by recursive descent. After a fault it sees nothing
// but the end, so that each loop ends and no caller need ask.
type parser struct {
	lexer
	tok   token
	end   int // of the token before
	depth int // of what is open: GitHub's editor counts this, its runner the tree
	fault *Fault
}

func (p *parser) parse() node {
	if tooLong(p.src) {
		return p.failAt(0, len(p.src), fmt.Sprintf("the expression is longer than %d characters", MaxLength),
			"move parts of it into outputs or env", ErrLimit)
	}
	p.tok = p.read()
	if p.tok.kind == tokEnd {
		return p.fail("an expression was expected", "")
	}
	n := p.expression()
	if p.tok.kind != tokEnd {
		return p.unexpected()
	}
	return n
}

// tooLong reports whether s has more than MaxLength units of UTF-16.
func tooLong(s string) bool {
	if len(s) <= MaxLength {
		return false
	}
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
		if n > MaxLength {
			return true
		}
	}
	return false
}

// take goes on to the next token, and returns the one before.
func (p *parser) take() token {
	t := p.tok
	p.end = t.to
	if p.fault == nil {
		p.tok = p.read()
	}
	return t
}

// accept takes the token if it is of a kind.
func (p *parser) accept(k tokenKind) bool {
	if p.tok.kind != k {
		return false
	}
	p.take()
	return true
}

// expect takes a token that must be of a kind.
func (p *parser) expect(k tokenKind) {
	if !p.accept(k) {
		p.unexpected()
	}
}

func (p *parser) expression() node {
	if !p.deepen() {
		return nothing
	}
	n := p.binary(levelOr)
	p.depth--
	return n
}

// binary reads operators that bind at least as tightly as level, from left to right.
func (p *parser) binary(level int) node {
	if level == levelUnary {
		return p.unary()
	}
	left := p.binary(level + 1)
	if level <= levelAnd {
		return p.logic(left, level)
	}
	for p.tok.kind.level() == level {
		op := p.take().kind
		right := p.binary(level + 1)
		left = p.grown(&compareNode{p.over(left, right), op, left, right})
	}
	return left
}

// logic reads the rest of a chain of && or ||. It is one node however long it is.
func (p *parser) logic(left node, level int) node {
	if p.tok.kind.level() != level || !p.deepen() {
		return left
	}
	or := level == levelOr
	args := chain(nil, left, or)
	for p.tok.kind.level() == level {
		p.take()
		args = chain(args, p.binary(level+1), or)
	}
	p.depth--
	return p.grown(&logicNode{p.over(args...), or, args})
}

// chain appends an operand, or its own operands if it is a chain of the same kind.
func chain(args []node, n node, or bool) []node {
	if inner, ok := n.(*logicNode); ok && inner.or == or {
		return append(args, inner.args...)
	}
	return append(args, n)
}

func (p *parser) unary() node {
	from := p.tok.from
	if p.tok.kind != tokNot {
		return p.postfix()
	}
	if !p.deepen() {
		return nothing
	}
	p.take()
	of := p.unary()
	p.depth--
	at := p.over(of)
	at.from = from
	return p.grown(&notNode{at, of})
}

// over returns the place from the first of the nodes to the last token.
func (p *parser) over(nodes ...node) place {
	at := place{to: p.end, depth: 1}
	for i, n := range nodes {
		if i == 0 {
			at.from = n.at().from
		}
		at.depth = max(at.depth, n.at().depth+1)
	}
	return at
}

// grown returns n, unless the tree has become too deep.
func (p *parser) grown(n node) node {
	if at := n.at(); at.depth > MaxDepth {
		return p.tooDeep(at.from, at.to)
	}
	return n
}

// deepen opens one more level, if there may be one.
func (p *parser) deepen() bool {
	p.depth++
	if p.depth > MaxDepth {
		p.tooDeep(p.tok.from, p.tok.to)
	}
	return p.fault == nil
}
