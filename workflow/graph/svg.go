package graph

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// svgStyle has the colours of the picture, for light and for dark surroundings.
const svgStyle = `<style>
  text { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 11px; fill: #59636e; }
  .name { font-size: 13px; font-weight: 600; fill: #1f2328; }
  .ground { fill: #ffffff; }
  .job { fill: #f6f8fa; stroke: #59636e; }
  .stack { fill: #ffffff; stroke: #8c959f; }
  .wire { fill: none; stroke: #8c959f; stroke-width: 1.5; }
  .head { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .name { fill: #f0f6fc; }
    .ground { fill: #0d1117; }
    .job { fill: #151b23; stroke: #9198a1; }
    .stack { fill: #0d1117; stroke: #656c76; }
    .wire { stroke: #656c76; }
    .head { fill: #656c76; }
  }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" ` +
	`markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>
`

// SVG returns the graph as a picture.
func (g *Graph) SVG(o Options) string {
	d, labels := g.Layout(o), g.labels(o)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`,
		d.Width, d.Height)
	fmt.Fprintf(&b, "\n<title>%s</title>\n%s", escape(g.Name+": "+g.summary()), svgStyle)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", d.Width, d.Height)
	fmt.Fprintf(&b, `<text class="name" x="%d" y="%d">%s</text>`+"\n", margin, margin+8, escape(g.Name))
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", margin, margin+26, escape(g.caption(d.Whole)))
	for _, w := range d.Wires {
		b.WriteString(w.path())
	}
	for _, p := range d.Joints {
		fmt.Fprintf(&b, `<circle class="head" cx="%d" cy="%d" r="3"/>`+"\n", p.X, p.Y)
	}
	for i := range g.Jobs {
		g.Jobs[i].draw(&b, d.Boxes[i], labels[i], g.needs(i, o.Expand))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// caption says how large the workflow is and what is not drawn.
func (g *Graph) caption(whole bool) string {
	if whole {
		return g.summary()
	}
	return g.summary() + "; needs that others imply are not drawn"
}

// path draws a wire: it leaves and arrives level.
func (w Wire) path() string {
	mid := (w.From.X + w.To.X) / 2
	s := fmt.Sprintf(`<path class="wire" d="M%d %dC%d %d %d %d %d %d`, w.From.X, w.From.Y, mid, w.From.Y, mid, w.To.Y,
		w.To.X, w.To.Y)
	if w.Along > w.To.X {
		s += fmt.Sprintf("H%d", w.Along)
	}
	if w.Arrow {
		return s + `" marker-end="url(#head)"/>` + "\n"
	}
	return s + "\"/>\n"
}

// draw writes a job with its box. A matrix looks like a stack of boxes.
func (j *Job) draw(b *strings.Builder, at Box, l label, needs string) {
	fmt.Fprintf(b, "<g><title>%s</title>\n", escape(j.tip(needs)))
	if l.stack {
		at.W, at.H = at.W-stackDepth, at.H-stackDepth
		fmt.Fprintf(b, `<rect class="stack" x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n",
			at.X+stackDepth, at.Y+stackDepth, at.W, at.H)
	}
	fmt.Fprintf(b, `<rect class="job" x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n", at.X, at.Y, at.W, at.H)
	y := at.Y + padding + nameHeight - 6
	fmt.Fprintf(b, `<text class="name" x="%d" y="%d">%s</text>`+"\n", at.X+padding, y, escape(l.name))
	for _, note := range l.notes {
		y += noteHeight
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", at.X+padding, y, escape(note))
	}
	b.WriteString("</g>\n")
}

// tip is what is shown of a job under the pointer.
func (j *Job) tip(needs string) string {
	tip := j.ID
	if needs != "" {
		tip += " " + needs
	}
	if j.If != "" {
		tip += ", if " + j.If
	}
	return tip
}

// escape makes a text safe within an element.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
