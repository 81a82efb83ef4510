package expr

import "strings"

const (
	opening = "${{"
	closing = "}}"
)

// Piece is a part of a template: an expression, or the text between two.
type Piece struct {
	Offset, End int         // in bytes of the template, with ${{ and }}
	Text        string      // when it is no expression
	Expression  *Expression // nil for a text
}

// Template is a text with expressions in it.
type Template struct {
	text   string
	pieces []Piece
}

// ParseTemplate reads a text with any number of ${{ }} in it. The error, if any, is
// a Faults, with a fault for each expression that cannot be read.
//
// The length of an expression is limited, but not that of the text around it.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	var faults Faults
	for at := 0; at < len(text); {
		open := strings.Index(text[at:], opening)
		if open < 0 {
			t.addText(at, len(text))
			break
		}
		open += at
		t.addText(at, open)
		end, fault := t.addExpression(open)
		if fault != nil && len(faults) < MaxFaults {
			faults = append(faults, *fault)
		}
		at = end
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return t, nil
}

func (t *Template) addText(from, to int) {
	if from < to {
		t.pieces = append(t.pieces, Piece{Offset: from, End: to, Text: t.text[from:to]})
	}
}

// addExpression reads the expression that begins at an offset, and returns where it
// ends.
func (t *Template) addExpression(open int) (end int, fault *Fault) {
	from := open + len(opening)
	length := lengthOf(t.text[from:])
	if length < 0 {
		return len(t.text), &Fault{
			Offset: open, End: from, Message: "the expression is not closed",
			Hint: "end it with }}, outside of quotes",
		}
	}
	end = from + length + len(closing)
	e, err := parse(t.text[from:from+length], from)
	if fault, ok := err.(Fault); ok { //nolint:errorlint // parse returns nothing else
		return end, &fault
	}
	t.pieces = append(t.pieces, Piece{Offset: open, End: end, Expression: e})
	return end, nil
}

// lengthOf returns how long the expression is that s begins with: up to a }} that
// stands in no quotes. A quote that is written twice closes a text and opens it again.
func lengthOf(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], closing):
			return i
		}
	}
	return -1
}

// Pieces returns the parts of the template, in the order of the text.
func (t *Template) Pieces() []Piece { return t.pieces }

// IsText reports whether there is no expression in the template.
func (t *Template) IsText() bool {
	return len(t.pieces) == 0 || len(t.pieces) == 1 && t.pieces[0].Expression == nil
}

// single returns the expression that the template is, if it is nothing else.
func (t *Template) single() *Expression {
	if len(t.pieces) != 1 {
		return nil
	}
	return t.pieces[0].Expression
}

// Evaluate returns the value of the template: that of its expression, if it is
// nothing else, and a string otherwise. The error, if any, is a Fault. What env
// allows it allows to all expressions together.
func (t *Template) Evaluate(env *Env) (Value, error) {
	m := machine{env: env, meter: newMeter(env.MaxBytes)}
	defer m.settle()
	if e := t.single(); e != nil {
		return e.root.eval(&m)
	}
	if t.IsText() {
		return StringOf(t.text), nil
	}
	var b strings.Builder
	for _, p := range t.pieces {
		text := p.Text
		if p.Expression != nil {
			v, err := p.Expression.root.eval(&m)
			if err != nil {
				return Value{}, err
			}
			text = v.Text()
		}
		if !m.make(len(text)) {
			return Value{}, Fault{
				Offset: p.Offset, End: p.End, Message: "the text becomes too large", cause: ErrLimit,
			}
		}
		b.WriteString(text)
	}
	return StringOf(b.String()), nil
}

// Check returns what Expression.Check does, for all expressions together.
func (t *Template) Check(scope *Scope) Faults {
	var faults Faults
	for _, p := range t.pieces {
		if p.Expression != nil && len(faults) < MaxFaults {
			faults = append(faults, p.Expression.Check(scope)...)
		}
	}
	return faults[:min(len(faults), MaxFaults)]
}

// References returns what Expression.References does, for all expressions together.
func (t *Template) References() (all []Reference) {
	for _, p := range t.pieces {
		if p.Expression != nil {
			all = append(all, p.Expression.References()...)
		}
	}
	return all
}
