package expr

import "strings"

// ParseCondition reads the value of an if: an expression, with ${{ }} around it or
// without. A blank one is success(). The error, if any, is a Fault or a Faults.
//
// White space around ${{ }} does not count: GitHub takes such a value for a text,
// which is true whatever the expression says.
func ParseCondition(text string) (*Expression, error) {
	trimmed := trim(text)
	offset := strings.Index(text, trimmed)
	if trimmed == "" {
		return &Expression{source: "success()", root: newSuccess(0)}, nil
	}
	if !strings.Contains(trimmed, opening) {
		return parse(trimmed, offset)
	}
	t, err := ParseTemplate(strings.TrimRightFunc(text, isSpace))
	if err != nil {
		return nil, err
	}
	if len(t.pieces) > 0 && t.pieces[0].Expression == nil && trim(t.pieces[0].Text) == "" {
		t.pieces = t.pieces[1:]
	}
	if e := t.single(); e != nil {
		return e, nil
	}
	return nil, Fault{
		Offset: offset, End: offset + len(trimmed),
		Message: "the condition is a text around ${{ }}, which is always true",
		Hint:    "put all of it into one ${{ }}, or leave them away",
	}
}

// CallsStatus reports whether the expression asks for the status of what came before.
func (e *Expression) CallsStatus() bool {
	return e.Calls("success", "failure", "always", "cancelled")
}

// WithSuccess returns the expression as a condition: success() && (expression),
// unless it asks for the status itself.
func (e *Expression) WithSuccess() *Expression {
	if e.CallsStatus() {
		return e
	}
	at := *e.root.at()
	at.depth++
	root := &logicNode{at, false, chain([]node{newSuccess(at.from)}, e.root, false)}
	return &Expression{source: "success() && (" + e.source + ")", root: root}
}

// newSuccess returns a call of success that stands nowhere in the text.
func newSuccess(offset int) *callNode {
	return &callNode{
		place: place{offset, offset, 1}, name: "success", nameEnds: offset, function: lookUp("success"),
	}
}
