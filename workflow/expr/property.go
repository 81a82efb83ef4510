package expr

// index returns the shape of a property or an item.
func (c *checker) index(n *indexNode) *Shape {
	of := c.shape(n.of)
	if n.key == nil {
		return starred(of)
	}
	key, constant := n.key.(*literalNode)
	if !constant {
		c.shape(n.key)
	}
	switch {
	case of == nil:
		return nil
	case !constant:
		return dynamic(of)
	case of.filtered:
		return &Shape{kind: shapeList, rest: c.property(n, of.rest, key), filtered: true}
	}
	return c.property(n, of, key)
}

// starred returns the shape of what .* gives.
func starred(of *Shape) *Shape {
	var items *Shape
	switch {
	case of != nil && of.filtered && of.rest != nil:
		items = of.rest.each()
	case of != nil && !of.filtered:
		items = of.each()
	}
	return &Shape{kind: shapeList, rest: items, filtered: true}
}

// dynamic returns the shape of what stands under a key that only a run knows.
func dynamic(of *Shape) *Shape {
	if !of.filtered {
		return of.each()
	}
	if of.rest == nil {
		return of
	}
	return &Shape{kind: shapeList, rest: of.rest.each(), filtered: true}
}

// property returns the shape of a property, and reports it if there is none.
func (c *checker) property(n *indexNode, of *Shape, key *literalNode) *Shape {
	if of == nil || c.full() {
		return nil
	}
	name := key.value.Text()
	switch of.kind {
	case shapeScalar:
		c.report(key.from, key.to, "", "%s is %s, which has no property %s", owner(n.of), of.name, quote(name))
		return nil
	case shapeList:
		if _, ok := position(key.value); !ok {
			c.report(key.from, key.to, "an item is [0]; of all items it is .*."+name,
				"%s is a list, which has no property %s", owner(n.of), quote(name))
		}
		return of.rest
	case shapeObject:
	}
	field, ok := of.property(name)
	if !ok {
		c.report(key.from, key.to, suggest(name, of.names, "there are "),
			"%s has no %s%s", owner(n.of), of.nounBefore(), quote(name))
	}
	return field
}

func (s *Shape) nounBefore() string {
	if s.noun == "" {
		return ""
	}
	return s.noun + " "
}

// owner returns how the text names what a property is taken of.
func owner(n node) string {
	switch n := n.(type) {
	case *contextNode:
		return n.name
	case *indexNode:
		if n.key == nil {
			return owner(n.of) + ".*"
		}
		if key, ok := n.key.(*literalNode); ok && isName(key.value.Text()) {
			return owner(n.of) + "." + key.value.Text()
		}
		return owner(n.of) + "[...]"
	case *callNode:
		return n.name + "(...)"
	}
	return "the value"
}
