package workflow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"yardmaster/workflow/expr"
)

// Limits of the expressions of a file together.
const (
	// maxChecked is how many bytes of expressions are read, those that aliases repeat
	// counted each time.
	maxChecked = 384 << 10
	// maxFaulty is how many faults expressions may have; those behind are not looked at,
	// because good advice on each takes time.
	maxFaulty = 2 * MaxFaults
	maxSpent  = 4 << 20   // made and read by what is evaluated at submission
	maxMade   = 512 << 10 // made by one evaluation at submission
	maxValues = 20_000    // values that expressions give
)

// expressions are what a decoder knows of those in its file.
type expressions struct {
	templates map[*node]*template // those that were read
	checked   int                 // bytes
	spent     int                 // bytes
	values    int
	faulty    int  // faults found
	exhausted bool // a limit was reached, and reported
}

// template is a text with expressions.
type template struct {
	*expr.Template     // nil for one with faults
	length         int // of its expressions, in bytes
}

// template reads a text that may have expressions, and returns it as it is written.
// It reports whether nothing is wrong with it.
func (d *decoder) template(n *node, p place, s *surroundings) (string, bool) {
	if !d.expect(n, scalar, "a string") || !d.withoutNUL(n) {
		return "", false
	}
	return n.text, !n.open || d.check(n, p, s)
}

// checkTree checks all texts of a part of the file.
func (d *decoder) checkTree(n *node, p place, s *surroundings) bool {
	if !n.open {
		return true
	}
	if n.kind == scalar {
		return d.withoutNUL(n) && d.check(n, p, s)
	}
	good := true
	for _, item := range n.items {
		good = d.checkTree(item, p, s) && good
	}
	for _, pair := range n.pairs {
		if pair.key.open {
			good = d.plain(pair.key) && good
		}
		good = d.checkTree(pair.value, p, s) && good
	}
	return good
}

// check reports what is wrong with the expressions in a text.
func (d *decoder) check(n *node, p place, s *surroundings) bool {
	if d.faulty > maxFaulty || d.checked > maxChecked {
		return false
	}
	t := d.templates[n]
	if t == nil {
		t = &template{length: lengthOf(n.text)}
	}
	if !d.afford(n, &d.checked, t.length, maxChecked) || !d.parsed(n, t) {
		return false
	}
	faults := joined(t.Check(s.scope(p)), refused(t.References, p, s))
	d.reportFaults(n, faults)
	return len(faults) == 0
}

// lengthOf returns how many bytes of a text are expressions.
func lengthOf(text string) (n int) {
	for {
		_, rest, ok := strings.Cut(text, opening)
		if !ok {
			return n
		}
		end, quoted := 0, false
		for ; end < len(rest) && (quoted || !strings.HasPrefix(rest[end:], "}}")); end++ {
			quoted = quoted != (rest[end] == '\'')
		}
		n += end
		text = rest[end:]
	}
}

// refused returns the faults that a place finds in the uses of contexts.
func refused(uses func() []expr.Reference, p place, s *surroundings) (faults expr.Faults) {
	if !p.submitted() && p < inOutputs {
		return nil // where it has nothing to say
	}
	for _, r := range uses() {
		if len(faults) == expr.MaxFaults {
			break
		}
		if message, hint := p.refuse(&r, s); message != "" {
			faults = append(faults, expr.Fault{Offset: r.Offset, End: r.End, Message: message, Hint: hint})
		}
	}
	return faults
}

// joined returns all faults, of two at one place that of the second list.
func joined(faults, better expr.Faults) expr.Faults {
	for _, b := range better {
		faults = slices.DeleteFunc(faults, func(f expr.Fault) bool { return f.Offset == b.Offset })
	}
	return append(faults, better...)
}

// parsed reads the expressions of a text, once, and reports whether that can be done.
func (d *decoder) parsed(n *node, t *template) bool {
	if d.templates == nil {
		d.templates = map[*node]*template{}
	}
	if d.templates[n] == nil {
		var err error
		t.Template, err = expr.ParseTemplate(n.text)
		d.templates[n] = t
		d.reportError(n, err)
	}
	return t.Template != nil
}

// afford counts n against a limit of the file, and reports that it is exceeded.
func (d *decoder) afford(at *node, used *int, n, limit int) bool {
	*used += n
	if *used <= limit {
		return true
	}
	if !d.exhausted {
		d.exhausted = true
		d.reportLimit(at.pos, "the expressions of this file are too much work", "use fewer or shorter ones")
	}
	return false
}

// reportError reports an error of the package expr in the scalar n.
func (d *decoder) reportError(n *node, err error) {
	var (
		one expr.Fault
		all expr.Faults
	)
	switch {
	case errors.As(err, &all):
		d.reportFaults(n, all)
	case errors.As(err, &one):
		d.reportFaults(n, expr.Faults{one})
	case err != nil:
		d.reportAs(RuleExpression, n.pos, err.Error(), "")
	}
}

func (d *decoder) reportFaults(n *node, faults expr.Faults) {
	if len(faults) == 0 {
		return
	}
	d.faulty += len(faults)
	offsets := make([]int, len(faults))
	for i, f := range faults {
		offsets[i] = f.Offset
	}
	for i, at := range d.places(n, offsets) {
		d.reportAs(RuleExpression, at, faults[i].Message, faults[i].Hint)
	}
}

// resolve returns n with the values of its expressions in their place; they must have
// been checked. It reports what goes wrong, and whether nothing does.
func (d *decoder) resolve(n *node, values map[string]expr.Value) (*node, bool) {
	switch {
	case !n.open:
		return n, true
	case n.kind == scalar:
		return d.evaluate(n, values)
	}
	good := true
	made := *n
	made.open = false
	made.items, made.pairs = make([]*node, len(n.items)), make([]pair, len(n.pairs))
	resolve := func(n *node) *node {
		v, ok := d.resolve(n, values)
		good = good && ok
		return v
	}
	for i, item := range n.items {
		made.items[i] = resolve(item)
	}
	for i, p := range n.pairs {
		made.pairs[i] = pair{p.key, resolve(p.value)}
	}
	return &made, good
}

// evaluate returns the value of a text as a node.
func (d *decoder) evaluate(n *node, values map[string]expr.Value) (*node, bool) {
	t := d.templates[n]
	if t == nil || t.Template == nil || !d.afford(n, &d.spent, len(n.text), maxSpent) {
		return brokenAt(n.pos), false
	}
	v, err := t.Evaluate(&expr.Env{Contexts: values, MaxBytes: maxMade, Spent: &d.spent})
	if err != nil {
		d.reportError(n, err)
		return brokenAt(n.pos), false
	}
	if !d.afford(n, &d.spent, 0, maxSpent) {
		return brokenAt(n.pos), false
	}
	made := d.nodeOf(v, n, 1)
	return made, made.kind != broken
}

// nodeOf returns the value of an expression at a depth as a node in the place of n.
func (d *decoder) nodeOf(v expr.Value, n *node, depth int) *node {
	made := &node{pos: n.pos, made: true, size: 1, height: 1, tag: "!!str", text: v.Text()}
	if !d.afford(n, &d.values, 1, maxValues) {
		return brokenAt(n.pos)
	}
	if depth > MaxDepth {
		d.reportLimit(n.pos, fmt.Sprintf("the expression gives lists and objects that are more than %d deep", MaxDepth), "")
		return brokenAt(n.pos)
	}
	switch v.Kind() {
	case expr.Null:
		made.tag = "!!null"
	case expr.Boolean:
		made.tag = "!!bool"
	case expr.Number:
		made.tag = "!!float"
		if _, err := strconv.Atoi(made.text); err == nil {
			made.tag = "!!int"
		}
	case expr.String:
	case expr.Array:
		made.kind, made.text = list, ""
		for _, item := range v.All() {
			made.items = append(made.items, d.nodeOf(item, n, depth+1))
		}
	case expr.Object:
		made.kind, made.text = mapping, ""
		for key, item := range v.All() {
			name := &node{pos: n.pos, made: true, size: 1, height: 1, tag: "!!str", text: key}
			made.pairs = append(made.pairs, pair{name, d.nodeOf(item, n, depth+1)})
		}
	}
	return made
}

// condition reads an if, and returns its expression; "" is success(). It reports whether
// the expression asks how things stand.
func (d *decoder) condition(n *node, p place, s *surroundings) (source string, asksStatus bool) {
	if n.null() || n.kind == scalar && strings.TrimSpace(n.text) == "" {
		return "", false
	}
	if !d.expect(n, scalar, "an expression") || !d.withoutNUL(n) {
		return "", false
	}
	if d.faulty > maxFaulty || d.checked > maxChecked || !d.afford(n, &d.checked, len(n.text), maxChecked) {
		return "", false
	}
	e, err := expr.ParseCondition(n.text)
	if err != nil {
		d.reportError(n, err)
		return "", false
	}
	faults := joined(e.Check(s.scope(p)), refused(e.References, p, s))
	for i, f := range faults {
		if strings.HasSuffix(f.Message, "takes no arguments here") {
			faults[i].Hint = "the result of one job is needs.ID.result"
		}
	}
	d.reportFaults(n, faults)
	return strings.TrimSpace(e.Source()), e.CallsStatus()
}
