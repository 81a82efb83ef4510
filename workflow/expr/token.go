package expr

// tokenKind is what sort of word of an expression a token is.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokBad
	tokLiteral // null, true, false, a number or a string
	tokName
	tokOpen
	tokClose
	tokOpenIndex
	tokCloseIndex
	tokComma
	tokDot
	tokStar
	tokNot
	tokEqual
	tokNotEqual
	tokLess
	tokLessEqual
	tokGreater
	tokGreaterEqual
	tokAnd
	tokOr
)

// token is a word of an expression.
type token struct {
	kind     tokenKind
	from, to int    // in bytes of the source
	value    Value  // of a literal
	hint     string // of a bad one
}

// levels of precedence, from the loosest.
const (
	levelOr = iota
	levelAnd
	levelEqual
	levelOrder
	levelUnary
)

// level returns how tightly a binary operator binds, and -1 for all else.
func (k tokenKind) level() int {
	switch k {
	case tokOr:
		return levelOr
	case tokAnd:
		return levelAnd
	case tokEqual, tokNotEqual:
		return levelEqual
	case tokLess, tokLessEqual, tokGreater, tokGreaterEqual:
		return levelOrder
	case tokEnd, tokBad, tokLiteral, tokName, tokOpen, tokClose, tokOpenIndex, tokCloseIndex, tokComma, tokDot,
		tokStar, tokNot:
	}
	return -1
}

// derefers reports whether a point behind the token begins the name of a property,
// rather than a number.
func (k tokenKind) derefers() bool {
	return k == tokName || k == tokClose || k == tokCloseIndex || k == tokStar
}
