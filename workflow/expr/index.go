package expr

import "math"

// eval returns a property or an item, or null where there is none. Of what .* gave
// it returns those of each item that has one.
func (n *indexNode) eval(m *machine) (Value, error) {
	of, err := n.of.eval(m)
	if err != nil {
		return Value{}, err
	}
	if n.key == nil {
		return n.evalStar(m, of)
	}
	key, err := n.key.eval(m)
	if err != nil {
		return Value{}, err
	}
	if !m.look(1 + len(key.str)) {
		return tooLarge(n)
	}
	if of.kind == Array && of.list.filtered {
		return n.evalEach(m, of, key)
	}
	v, _ := element(of, key)
	return v, nil
}

// element returns what stands under a key of v: a field of an object, or an item of
// an array.
func element(v, key Value) (Value, bool) {
	switch v.kind {
	case Object:
		if key.IsPrimitive() {
			return v.list.get(key.Text())
		}
	case Array:
		if i, ok := position(key); ok && i < v.Len() {
			return v.list.items[i], true
		}
	case Null, Boolean, Number, String:
	}
	return Value{}, false
}

// position returns a key as the place of an item.
func position(key Value) (int, bool) {
	f := key.Float()
	if !(f >= 0 && f <= math.MaxInt32) { // NaN is neither
		return 0, false
	}
	return int(f), true
}

// evalStar returns all items or fields of v: of those of what .* gave, and else of
// v itself.
func (n *indexNode) evalStar(m *machine, v Value) (Value, error) {
	sources := []Value{v}
	if v.kind == Array && v.list.filtered {
		sources = v.list.items
	}
	count := 0
	for _, s := range sources {
		count += s.Len()
	}
	if !m.look(valueBytes*len(sources)) || !m.make(valueBytes*(1+count)) {
		return tooLarge(n)
	}
	items := make([]Value, 0, count)
	for _, s := range sources {
		if s.list != nil {
			items = append(items, s.list.items...)
		}
	}
	return filtered(items), nil
}

// evalEach returns what stands under a key of each item that has it.
func (n *indexNode) evalEach(m *machine, v, key Value) (Value, error) {
	if !m.look(valueBytes*v.Len()+len(key.str)*v.Len()) || !m.make(valueBytes*(1+v.Len())) {
		return tooLarge(n)
	}
	var items []Value
	for _, item := range v.list.items {
		if found, ok := element(item, key); ok {
			items = append(items, found)
		}
	}
	return filtered(items), nil
}

func filtered(items []Value) Value {
	return Value{kind: Array, list: &list{items: items, filtered: true}}
}
