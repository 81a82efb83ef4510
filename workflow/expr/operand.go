package expr

import (
	"fmt"
	"strings"
)

// postfix reads an operand and the properties that are taken of it. A literal has none.
func (p *parser) postfix() node {
	n, indexable := p.operand()
	opened := 0
	for indexable && (p.tok.kind == tokDot || p.tok.kind == tokOpenIndex) && p.deepen() {
		opened++
		n = p.index(n)
	}
	p.depth -= opened
	return n
}

func (p *parser) index(of node) node {
	var key node
	switch open := p.take(); {
	case p.tok.kind == tokStar:
		p.take()
		if open.kind == tokOpenIndex {
			p.expect(tokCloseIndex)
		}
	case open.kind == tokOpenIndex:
		p.depth-- // what is in brackets is not yet below them
		key = p.expression()
		p.depth++
		p.expect(tokCloseIndex)
	case p.tok.kind == tokName:
		name := p.take()
		key = &literalNode{place{name.from, name.to, 1}, StringOf(p.src[name.from:name.to])}
	default:
		return p.unexpected()
	}
	at := p.over(of)
	if key != nil {
		at = p.over(of, key)
	}
	return p.grown(&indexNode{at, of, key})
}

// operand reads what operators stand between, and reports whether it may have
// properties.
func (p *parser) operand() (n node, indexable bool) {
	switch p.tok.kind { //nolint:exhaustive // the rest cannot begin an operand
	case tokLiteral:
		t := p.take()
		return &literalNode{place{t.from, t.to, 1}, t.value}, false
	case tokName:
		return p.named(), true
	case tokOpen:
		p.take()
		n := p.expression()
		p.expect(tokClose)
		return n, true
	}
	return p.unexpected(), false
}

// named reads a call or the name of a context.
func (p *parser) named() node {
	t := p.take()
	name := p.src[t.from:t.to]
	if p.tok.kind != tokOpen {
		return &contextNode{place{t.from, t.to, 1}, name, strings.ToLower(name)}
	}
	p.take()
	args := p.arguments()
	n := &callNode{p.over(args...), name, t.to, lookUp(name), args}
	n.from = t.from
	if p.fault == nil {
		p.checkCall(n)
	}
	return p.grown(n)
}

func (p *parser) arguments() (args []node) {
	if p.accept(tokClose) {
		return nil
	}
	args = append(args, p.expression())
	for p.accept(tokComma) {
		args = append(args, p.expression())
	}
	p.expect(tokClose)
	return args
}

// checkCall checks what can be known of a call: how many arguments it has, and
// whether a format fits them.
func (p *parser) checkCall(n *callNode) {
	if n.function == nil {
		return
	}
	if want := n.function.wants(len(n.args)); want != "" {
		p.failAt(n.from, n.to, fmt.Sprintf("%s takes %s, not %d", n.function.name, want, len(n.args)), "", nil)
		return
	}
	if text, ok := literalFormat(n); ok {
		if problem := scanFormat(text, func(formatPart) bool { return true }, len(n.args)-1); problem != "" {
			at := n.args[0].at()
			p.failAt(at.from, at.to, "format: "+problem, formatHint, nil)
		}
	}
}
