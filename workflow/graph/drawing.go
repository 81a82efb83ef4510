package graph

// Sizes of a drawing, in pixels. The widths of characters are those of a fixed-width
// font, rounded up.
const (
	margin     = 24
	header     = 44 // above the boxes, for the name of the workflow
	padding    = 12 // within a box, beside its text
	nameHeight = 20
	noteHeight = 16
	nameColumn = 8
	noteColumn = 7
	leastWidth = 96
	stackDepth = 4   // of the box behind that of a matrix
	leastGap   = 56  // between two levels
	jointGap   = 40  // beside a column of joints
	mostGap    = 200 // where many wires need room to turn
	wireRoom   = 3   // of each wire between two levels
)

// Point is a place in a drawing, from its upper left corner.
type Point struct{ X, Y int }

// Box is where a job stands.
type Box struct{ X, Y, W, H int }

// Wire leads from one place to another further right in a curve, and then on
// straight to Along, which is no less than To.X. What does not end at a box goes on
// with the wires that begin there.
type Wire struct {
	From, To Point
	Along    int
	Arrow    bool // it ends at a box
}

// Drawing is where everything stands.
type Drawing struct {
	Width, Height int
	Boxes         []Box // of each job
	Wires         []Wire
	// Joints are where the wires of jobs meet that several others all need.
	Joints []Point
	// Whole reports that each need has its wire. Else those that others imply were
	// left out, as there are too many.
	Whole bool
}

// Layout lays the graph out: a column for each level, and in it the jobs in such an
// order that few wires cross.
func (g *Graph) Layout(o Options) *Drawing {
	labels := g.labels(o)
	heights := make([]int, len(labels))
	for i := range labels {
		heights[i] = labels[i].height()
	}
	n, whole := g.shown()
	l := layersOf(n, heights)
	l.untangle()
	l.place()
	d := &Drawing{Boxes: make([]Box, len(g.Jobs)), Whole: whole}
	left, widths := l.columns(labels)
	d.Width = margin
	if n := len(left); n > 0 {
		d.Width = left[n-1] + widths[n-1] + margin
	}
	d.Width = max(d.Width, 2*margin+nameColumn*breadth(g.Name), 2*margin+noteColumn*breadth(g.caption(whole)))
	d.put(l, left, widths, len(n.columns))
	return d
}

func (g *Graph) labels(o Options) []label {
	labels := make([]label, len(g.Jobs))
	for i := range g.Jobs {
		labels[i] = labelOf(&g.Jobs[i], o.Expand)
	}
	return labels
}

// height returns how tall the box of a label is: an even number.
func (l label) height() int {
	h := 2*padding + nameHeight + noteHeight*len(l.notes)
	if l.stack {
		h += stackDepth
	}
	return h
}

func (l label) width() int {
	w := max(leastWidth, nameColumn*breadth(l.name))
	for _, note := range l.notes {
		w = max(w, noteColumn*breadth(note))
	}
	if l.stack {
		w += stackDepth
	}
	return w + 2*padding
}

// columns returns where each column begins, and how wide it is. One of joints has no
// width.
func (l *layers) columns(labels []label) (left, widths []int) {
	at, gap := 0, 0
	for k, level := range l.levels {
		width, wires := 0, 0
		for _, i := range level {
			if i < len(labels) {
				width = max(width, labels[i].width())
			}
			wires += len(l.items[i].after)
		}
		switch {
		case k == 0:
			at = margin
		case width == 0 || widths[k-1] == 0:
			at += gap - leastGap + jointGap
		default:
			at += gap
		}
		left, widths = append(left, at), append(widths, width)
		at, gap = at+width, min(leastGap+wireRoom*wires, mostGap)
	}
	return left, widths
}

// put moves everything to its place in the drawing. The first items are its nodes.
func (d *Drawing) put(l *layers, left, widths []int, nodes int) {
	top := 0
	for i, it := range l.items {
		if upper := it.center - it.height/2; i == 0 || upper < top {
			top = upper
		}
	}
	at := make([]Box, len(l.items))
	for k, level := range l.levels {
		for _, i := range level {
			it := &l.items[i]
			y := it.center - it.height/2 - top + header + margin
			at[i] = Box{left[k], y, widths[k], it.height}
			d.Height = max(d.Height, y+it.height)
		}
	}
	d.Height = max(d.Height, header) + margin
	for _, b := range at[copy(d.Boxes, at):nodes] {
		d.Joints = append(d.Joints, Point{b.X, b.Y + b.H/2})
	}
	for i := range l.items {
		for _, to := range l.items[i].after {
			d.Wires = append(d.Wires, wire(at[i], at[to], to < len(d.Boxes)))
		}
	}
	for _, pair := range l.long {
		d.Wires = append(d.Wires, wire(at[pair[0]], at[pair[1]], pair[1] < len(d.Boxes)))
	}
}

// wire leads from one place to a box, or to a joint or a rail and along it.
func wire(from, to Box, box bool) Wire {
	w := Wire{Point{from.X + from.W, from.Y + from.H/2}, Point{to.X, to.Y + to.H/2}, to.X, box}
	if !box {
		w.Along += to.W
	}
	return w
}
