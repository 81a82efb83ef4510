package expr

import "slices"

// Reference is a use of a context in an expression.
type Reference struct {
	Context string   // in lower case
	Path    []string // the properties that are taken of it, with * for all
	Dynamic bool     // the path goes on with a key that only a run knows
	Offset  int      // in bytes, from the start of the text that was parsed
	End     int      // behind the last byte of the path
}

// References returns what contexts the expression uses, in the order of the text:
// secrets.TOKEN and needs.build.outputs.tag, for instance. In a[b.c] they are both
// a, which is dynamic, and b.c.
func (e *Expression) References() (all []Reference) {
	collect(e.root, &all)
	return all
}

// collect adds the references in n to a list. Of a path it does not look at the parts,
// but at the keys in it.
func collect(n node, to *[]Reference) {
	r, ok := reference(n)
	if !ok {
		for _, child := range children(n) {
			collect(child, to)
		}
		return
	}
	at := len(*to)
	*to = append(*to, r)
	for {
		path, ok := n.(*indexNode)
		if !ok {
			break
		}
		if path.key != nil {
			collect(path.key, to)
		}
		n = path.of
	}
	slices.SortStableFunc((*to)[at:], func(a, b Reference) int { return a.Offset - b.Offset })
}

// reference returns the use of a context that n is, if it is one.
func reference(n node) (Reference, bool) {
	at := n.at()
	r := Reference{Offset: at.from, End: at.to}
	for {
		switch is := n.(type) {
		case *contextNode:
			r.Context = is.lower
			slices.Reverse(r.Path)
			return r, true
		case *indexNode:
			key, constant := is.key.(*literalNode)
			switch {
			case is.key == nil:
				r.Path = append(r.Path, "*")
			case constant:
				r.Path = append(r.Path, key.value.Text())
			default:
				r.Path, r.Dynamic = nil, true
				r.End = is.of.at().to
			}
			n = is.of
		default:
			return Reference{}, false
		}
	}
}
