package expr

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is what an expression may use where it stands.
type Scope struct {
	// Contexts that there are, with their shapes.
	Contexts []Property
	// Functions that there are beside those that are everywhere: success, failure,
	// always, cancelled, hashFiles.
	Functions []string
	// NoArguments forbids the names of jobs in success() and failure(), which only
	// the condition of a job may have.
	NoArguments bool
}

// contexts are all that GitHub has, wherever they are available.
var contexts = []string{
	"github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs",
}

// Check returns all that can be known to be wrong with the expression at its place,
// in the order of the text: names that do not exist or are not available there, and
// properties that a shape does not have. At most MaxFaults are returned.
func (e *Expression) Check(scope *Scope) Faults {
	c := checker{scope: scope}
	c.shape(e.root)
	return c.faults.sorted()
}

// checker finds the shape of each node, and what is wrong with it.
type checker struct {
	scope  *Scope
	faults Faults
}

func (c *checker) report(from, to int, hint, format string, args ...any) {
	if !c.full() {
		c.faults = append(c.faults, Fault{Offset: from, End: to, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
}

// full reports that no more faults are kept, so that none need be made well.
func (c *checker) full() bool { return len(c.faults) >= MaxFaults }

func (c *checker) shape(n node) *Shape {
	switch n := n.(type) {
	case *literalNode:
		return literalShape(n.value)
	case *contextNode:
		return c.context(n)
	case *indexNode:
		return c.index(n)
	case *callNode:
		return c.call(n)
	case *logicNode:
		result := c.shape(n.args[0])
		for _, arg := range n.args[1:] {
			result = common(result, c.shape(arg))
		}
		return result
	}
	for _, child := range children(n) { // of ! and of comparisons
		c.shape(child)
	}
	return Flag()
}

func literalShape(v Value) *Shape {
	switch v.kind {
	case Boolean:
		return Flag()
	case Number:
		return Numeric()
	case String:
		return Text()
	case Null, Array, Object:
	}
	return nil
}

func (c *checker) context(n *contextNode) *Shape {
	for _, p := range c.scope.Contexts {
		if strings.EqualFold(p.Name, n.name) {
			return p.Shape
		}
	}
	var names []string
	for _, p := range c.scope.Contexts {
		names = append(names, p.Name)
	}
	switch {
	case c.full():
	case slices.Contains(contexts, n.lower):
		c.report(n.from, n.to, "there are "+enumerate(names), "the context %s is not available here", quote(n.name))
	case lookUp(n.name) != nil:
		c.report(n.from, n.to, "call it: "+n.name+"()", "%s is a function", quote(n.name))
	default:
		c.report(n.from, n.to, suggest(n.name, names, "there are "), "unknown context %s", quote(n.name))
	}
	return nil
}

func (c *checker) call(n *callNode) *Shape {
	shapes := make([]*Shape, len(n.args))
	for i, arg := range n.args {
		shapes[i] = c.shape(arg)
	}
	c.callable(n)
	switch {
	case n.function == nil:
		return nil
	case n.function.name == "case":
		result := shapes[len(shapes)-1]
		for i := 1; i < len(shapes); i += 2 {
			result = common(result, shapes[i])
		}
		return result
	}
	return n.function.shape
}

// callable checks that a function is there.
func (c *checker) callable(n *callNode) {
	here := func(name string) bool { return strings.EqualFold(name, n.name) }
	switch {
	case c.full():
	case n.function == nil:
		c.report(n.from, n.nameEnds, suggest(n.name, c.callables(), "there are "), "unknown function %s", quote(n.name))
	case !n.function.supplied:
	case !slices.ContainsFunc(c.scope.Functions, here):
		c.report(n.from, n.nameEnds, "there are "+enumerate(c.callables()),
			"the function %s is not available here", n.function.name)
	case c.scope.NoArguments && len(n.args) > 0 && n.function.name != "hashFiles":
		c.report(n.from, n.to, "only the condition of a job may name jobs", "%s takes no arguments here", n.function.name)
	}
}

// callables returns the names of all functions that are there.
func (c *checker) callables() []string {
	names := slices.Clone(c.scope.Functions)
	for _, f := range functions {
		if !f.supplied {
			names = append(names, f.name)
		}
	}
	return names
}
