package graph

import (
	"fmt"
	"strings"
)

// DOT returns the graph in the language of Graphviz.
func (g *Graph) DOT(o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotQuote(g.Name))
	b.WriteString("  rankdir=LR;\n  node [shape=box, style=rounded];\n")
	for i := range g.Jobs {
		j := &g.Jobs[i]
		l := labelOf(j, o.Expand)
		fmt.Fprintf(&b, "  %s [label=%s];\n", dotQuote(j.ID), dotQuote(append([]string{l.name}, l.notes...)...))
	}
	for i := range g.Jobs {
		for _, need := range g.Jobs[i].Needs {
			fmt.Fprintf(&b, "  %s -> %s;\n", dotQuote(g.Jobs[need].ID), dotQuote(g.Jobs[i].ID))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotQuote returns lines as one string of DOT.
func dotQuote(lines ...string) string {
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(strings.ReplaceAll(plain(line), `\`, `\\`), `"`, `\"`)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
