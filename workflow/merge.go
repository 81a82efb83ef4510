package workflow

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

const mergeTag = "!!merge"

// mergeKey is what ownKeys files << under; the key "<<" in quotes is an ordinary one.
const mergeKey = "\x00<<"

// mapping lowers the pairs of y into n. A merged pair stands where its << stands,
// unless the mapping itself has that key.
func (l *lowering) mapping(n *node, y *yaml.Node, depth int) {
	own := l.ownKeys(y)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Tag == mergeTag {
			if own[mergeKey] == k {
				l.merge(n, v, depth, own)
			}
			continue
		}
		key := follow(k)
		if key.Kind != yaml.ScalarNode || own[key.Value] != k {
			continue // reported by ownKeys
		}
		value := l.child(n, v, depth)
		name := l.child(n, k, depth)
		n.pairs = append(n.pairs, pair{name, value})
	}
}

// ownKeys returns the node of each key that y has itself.
func (l *lowering) ownKeys(y *yaml.Node) map[string]*yaml.Node {
	own := make(map[string]*yaml.Node, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		key, at := follow(k), pos{k.Line, k.Column}
		name := key.Value
		if k.Tag == mergeTag {
			name = mergeKey
		}
		switch first, twice := own[name]; {
		case key.Kind != yaml.ScalarNode:
			l.report(at, "a key must be a plain text", "")
		case key.Tag == "!!null":
			l.report(at, "a key is missing before the colon", "")
		case twice:
			l.report(at, "the key "+quote(key.Value)+" stands here twice",
				fmt.Sprintf("the first is in line %d", first.Line))
		default:
			own[name] = k
		}
	}
	return own
}

// merge adds to n the pairs of v, a mapping or a list of them, that it lacks.
func (l *lowering) merge(n *node, v *yaml.Node, depth int, own map[string]*yaml.Node) {
	from, at := l.node(v, depth), pos{v.Line, v.Column}
	l.charge(n, from, at)
	if l.full {
		return
	}
	sources := []*node{from}
	if from.kind == list {
		sources = from.items
	}
	merged := map[string]bool{}
	for _, s := range sources {
		if s.kind == broken {
			continue
		}
		if s.kind != mapping {
			l.report(at, "<< expects a mapping or a list of mappings, found "+s.is(), "")
			continue
		}
		for _, p := range s.pairs {
			if own[p.key.text] == nil && !merged[p.key.text] {
				merged[p.key.text] = true
				n.pairs = append(n.pairs, p)
			}
		}
	}
}

func follow(y *yaml.Node) *yaml.Node {
	if y.Kind == yaml.AliasNode {
		return y.Alias
	}
	return y
}
