package expr

import "strings"

// two evaluates the arguments of a function that has two, and pays for looking at them.
func (n *callNode) two(m *machine) (a, b Value, err error) {
	if a, err = n.args[0].eval(m); err != nil {
		return a, b, err
	}
	if b, err = n.args[1].eval(m); err != nil {
		return a, b, err
	}
	if !m.look(1 + len(a.str) + len(b.str)) {
		_, err = tooLarge(n)
	}
	return a, b, err
}

// callContains looks for an item of an array, or for a part of a text.
func callContains(m *machine, n *callNode) (Value, error) {
	a, b, err := n.two(m)
	switch {
	case err != nil:
		return Value{}, err
	case a.kind == Array:
		return containsItem(m, n, a, b)
	case !a.IsPrimitive() || !b.IsPrimitive():
		return BoolOf(false), nil
	case !m.make(len(a.str) + len(b.str)): // their folded forms
		return tooLarge(n)
	}
	return BoolOf(containsFold(a.Text(), b.Text())), nil
}

func containsItem(m *machine, n *callNode, array, v Value) (Value, error) {
	for _, item := range array.list.items {
		if !m.look(valueBytes + len(item.str) + len(v.str)) {
			return tooLarge(n)
		}
		if Equal(v, item) {
			return BoolOf(true), nil
		}
	}
	return BoolOf(false), nil
}

func callStartsWith(m *machine, n *callNode) (Value, error) {
	a, b, err := n.two(m)
	if err != nil {
		return Value{}, err
	}
	return BoolOf(a.IsPrimitive() && b.IsPrimitive() && hasPrefixFold(a.Text(), b.Text())), nil
}

func callEndsWith(m *machine, n *callNode) (Value, error) {
	a, b, err := n.two(m)
	if err != nil {
		return Value{}, err
	}
	return BoolOf(a.IsPrimitive() && b.IsPrimitive() && hasSuffixFold(a.Text(), b.Text())), nil
}

// callJoin writes the items of an array one behind the other, with a comma or the
// given text between them.
func callJoin(m *machine, n *callNode) (Value, error) {
	of, err := n.args[0].eval(m)
	if err != nil {
		return Value{}, err
	}
	between := ","
	if len(n.args) > 1 {
		v, err := n.args[1].eval(m)
		if err != nil {
			return Value{}, err
		}
		if v.IsPrimitive() {
			between = v.Text()
		}
	}
	switch {
	case of.kind == Array:
		return join(m, n, of.list.items, between)
	case of.kind == Object:
		return StringOf(""), nil
	}
	return StringOf(of.Text()), nil
}

func join(m *machine, n *callNode, items []Value, between string) (Value, error) {
	var b strings.Builder
	for i, item := range items {
		text := item.Text()
		if !m.look(valueBytes) || !m.make(len(text)+len(between)) {
			return tooLarge(n)
		}
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(text)
	}
	return StringOf(b.String()), nil
}
