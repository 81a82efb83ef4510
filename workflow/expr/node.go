package expr

// node is an operation of an expression.
type node interface {
	// eval returns its value.
	eval(m *machine) (Value, error)
	// at returns where it stands.
	at() *place
}

// place is where a node stands, and how deep the operations below it go.
type place struct{ from, to, depth int }

func (p *place) at() *place { return p }

// literalNode is a value that is written out.
type literalNode struct {
	place
	value Value
}

// contextNode is the name of a context.
type contextNode struct {
	place
	name  string // as written
	lower string
}

// indexNode is a property or an item of something.
type indexNode struct {
	place
	of  node
	key node // nil is *
}

// callNode is a call of a function.
type callNode struct {
	place
	name     string // as written
	nameEnds int
	function *function // nil is unknown
	args     []node
}

// notNode is !x.
type notNode struct {
	place
	of node
}

// compareNode is one of == != < <= > >=.
type compareNode struct {
	place
	op          tokenKind
	left, right node
}

// logicNode is a chain of && or of ||.
type logicNode struct {
	place
	or   bool
	args []node
}

// children returns the nodes right below n.
func children(n node) []node {
	switch n := n.(type) {
	case *indexNode:
		if n.key == nil {
			return []node{n.of}
		}
		return []node{n.of, n.key}
	case *callNode:
		return n.args
	case *notNode:
		return []node{n.of}
	case *compareNode:
		return []node{n.left, n.right}
	case *logicNode:
		return n.args
	}
	return nil
}

// walk calls visit for n and all below it, until it returns false.
func walk(n node, visit func(node) bool) bool {
	if !visit(n) {
		return false
	}
	for _, child := range children(n) {
		if !walk(child, visit) {
			return false
		}
	}
	return true
}
