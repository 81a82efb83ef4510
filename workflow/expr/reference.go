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
func (e *Expression) References() []Reference {
	var all []Reference
	walk(e.root, func(n node) bool {
		if r, ok := reference(n); ok {
			all = append(all, r)
		}
		return true
	})
	return longest(all)
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

// longest keeps of the references that begin at one place the first, which is the
// whole of which the others are parts.
func longest(all []Reference) []Reference {
	slices.SortStableFunc(all, func(a, b Reference) int { return a.Offset - b.Offset })
	return slices.CompactFunc(all, func(a, b Reference) bool { return a.Offset == b.Offset })
}
