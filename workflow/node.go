package workflow

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

type kind uint8

const (
	scalar kind = iota
	list
	mapping
	broken // something that has been refused already; readers pass it over
)

// node is a value of a file: aliases followed, merges done, keys unique. Nodes are
// shared where a file uses an alias, and never changed once they are made.
type node struct {
	pos
	kind   kind
	style  yaml.Style // of a scalar: how it is quoted
	tag    string     // of a scalar: !!str, !!int, !!float, !!bool, !!null, ...
	text   string     // of a scalar, as written
	items  []*node
	pairs  []pair
	size   int  // nodes, this one included and shared ones counted each time
	height int  // 1 for a scalar
	open   bool // it, or what it holds, has an expression
	made   bool // an expression gave it
}

type pair struct{ key, value *node }

// is names what a node is, for "found ...".
func (n *node) is() string {
	switch {
	case n.kind == list:
		return "a list"
	case n.kind == mapping:
		return "a mapping"
	}
	switch n.tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	}
	return "a string"
}

// key returns the node of a key of the mapping n, or nil.
func (n *node) key(name string) *node {
	for _, p := range n.pairs {
		if p.key.text == name {
			return p.key
		}
	}
	return nil
}

// value returns the value of a key of the mapping n, or nil.
func (n *node) value(name string) *node {
	for _, p := range n.pairs {
		if p.key.text == name {
			return p.value
		}
	}
	return nil
}

// null reports whether n has no value at all; a null that is written out counts
// as one too.
func (n *node) null() bool { return n.kind == scalar && n.tag == "!!null" }

// lowering makes nodes of what the YAML parser returned.
type lowering struct {
	*reporter
	anchored map[*yaml.Node]*node // finished; nil while being made
	full     bool                 // the budget is spent
}

// lower returns the tree of doc, or nil when there is too much of it.
func (d *decoder) lower(doc *yaml.Node) *node {
	l := &lowering{reporter: &d.reporter, anchored: map[*yaml.Node]*node{}}
	n := l.node(doc, 1)
	if l.full {
		return nil
	}
	return n
}

// node lowers y, at the given depth from 1.
func (l *lowering) node(y *yaml.Node, depth int) *node {
	at := pos{y.Line, y.Column}
	if l.full {
		return brokenAt(at)
	}
	if depth > MaxDepth {
		l.reportLimit(at, fmt.Sprintf("lists and mappings are more than %d deep", MaxDepth), "")
		return brokenAt(at)
	}
	if y.Style&yaml.TaggedStyle != 0 {
		l.report(at, "YAML tags such as "+quote(y.Tag)+" are not supported",
			"remove the tag; a text that begins with ! needs quotes, or ${{ }} around it")
		return brokenAt(at)
	}
	if y.Kind == yaml.AliasNode {
		return l.alias(y, depth)
	}
	if y.Anchor != "" {
		l.anchored[y] = nil
	}
	n := &node{pos: at, size: 1, height: 1}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = mapping
		l.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = list
		for _, c := range y.Content {
			n.items = append(n.items, l.child(n, c, depth))
		}
	default:
		n.tag, n.text, n.style = y.Tag, y.Value, y.Style
		n.open = strings.Contains(n.text, opening)
	}
	if y.Anchor != "" {
		l.anchored[y] = n
	}
	return n
}

// alias returns the node that y stands for.
func (l *lowering) alias(y *yaml.Node, depth int) *node {
	at := pos{y.Line, y.Column}
	n, begun := l.anchored[y.Alias]
	switch {
	case n == nil && begun:
		l.report(at, "the alias "+quote("*"+y.Value)+" stands inside its own anchor", "")
		return brokenAt(at)
	case n == nil:
		return brokenAt(at) // its anchor has been refused
	case depth+n.height-1 > MaxDepth:
		l.reportLimit(at, fmt.Sprintf("lists and mappings are more than %d deep", MaxDepth), "")
		return brokenAt(at)
	}
	return n
}

func brokenAt(at pos) *node { return &node{pos: at, kind: broken, size: 1, height: 1} }

// child lowers c within n and charges it to the budget.
func (l *lowering) child(n *node, c *yaml.Node, depth int) *node {
	v := l.node(c, depth+1)
	l.charge(n, v, pos{c.Line, c.Column})
	return v
}

// charge adds the size of v to n, and reports when there is too much.
func (l *lowering) charge(n, v *node, at pos) {
	n.size += v.size
	n.open = n.open || v.open
	n.height = max(n.height, v.height+1)
	if n.size > MaxNodes && !l.full {
		l.full = true
		l.reportLimit(at, fmt.Sprintf("the file holds more than %d values with its aliases written out", MaxNodes),
			"use fewer aliases")
	}
}
