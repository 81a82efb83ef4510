package expr

import "strings"

// Expression is an expression that was parsed.
type Expression struct {
	source string
	root   node
}

// Parse reads an expression, without ${{ }} around it. The error, if any, is a Fault.
//
// Names are not checked, but the number of arguments of each known function is, and
// the form of a format that is written out.
func Parse(text string) (*Expression, error) { return parse(text, 0) }

// parse reads the expression that stands at an offset of a larger text.
func parse(text string, offset int) (*Expression, error) {
	p := parser{lexer: lexer{src: text}}
	root := p.parse()
	if p.fault != nil {
		p.fault.Offset += offset
		p.fault.End += offset
		return nil, *p.fault
	}
	if offset != 0 {
		walk(root, func(n node) bool {
			n.at().from += offset
			n.at().to += offset
			if call, ok := n.(*callNode); ok {
				call.nameEnds += offset
			}
			return true
		})
	}
	return &Expression{source: text, root: root}, nil
}

// Source returns the text of the expression.
func (e *Expression) Source() string { return e.source }

// Offset returns where the expression begins in the text that was parsed, in bytes.
func (e *Expression) Offset() int { return e.root.at().from }

// Calls reports whether the expression calls one of the functions, wherever in it.
func (e *Expression) Calls(names ...string) bool {
	return !walk(e.root, func(n node) bool {
		call, ok := n.(*callNode)
		if !ok {
			return true
		}
		for _, name := range names {
			if strings.EqualFold(call.name, name) {
				return false
			}
		}
		return true
	})
}

// Literal returns the value of an expression that is nothing but one.
func (e *Expression) Literal() (Value, bool) {
	if n, ok := e.root.(*literalNode); ok {
		return n.value, true
	}
	return Value{}, false
}
