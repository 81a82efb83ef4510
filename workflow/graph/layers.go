package graph

import "slices"

// item is what stands in a column of a drawing: a job, a joint, or the place where the
// rail of either passes on its way to what is further right.
type item struct {
	rail   bool // a wire goes on here
	height int
	center int   // of its height; set by place
	before []int // items of the column before that lead here, by their number
	after  []int // items of the column behind that it leads to
	order  int   // its place in its column, from the top
}

// layers are the items of a drawing, column by column, each from top to bottom. The
// items of the nodes of its net come first.
type layers struct {
	items  []item
	levels [][]int
	long   [][2]int // what is connected without a rail, as pairs of items
}

// Bounds of a drawing. Needs that others imply are left out of one that has more.
const (
	maxRails = 10_000 // places where rails pass
	maxWires = 20_000
)

// Heights of what is no box.
const (
	railHeight  = 2
	jointHeight = 6
)

// layersOf returns the items of a net, in the order of the file. Heights are those of
// the jobs.
func layersOf(n *net, heights []int) *layers {
	l := &layers{items: make([]item, len(n.columns)), levels: make([][]int, n.width)}
	for i, column := range n.columns {
		l.items[i].height = jointHeight
		if i < len(heights) {
			l.items[i].height = heights[i]
		}
		l.levels[column] = append(l.levels[column], i)
	}
	direct := n.rails() > maxRails
	for i := range n.columns {
		l.lead(n, i, direct)
	}
	l.number()
	return l
}

// lead connects a node with all that it leads to, along one rail.
func (l *layers) lead(n *net, node int, direct bool) {
	column, from := n.columns[node], node
	after := slices.Clone(n.after[node])
	slices.SortStableFunc(after, func(a, b int) int { return n.columns[a] - n.columns[b] })
	for _, to := range after {
		end := n.columns[to]
		if direct && end > column+1 {
			l.long = append(l.long, [2]int{node, to})
			continue
		}
		for ; column < end-1; column++ {
			l.items = append(l.items, item{rail: true, height: railHeight})
			l.levels[column+1] = append(l.levels[column+1], len(l.items)-1)
			l.connect(from, len(l.items)-1)
			from = len(l.items) - 1
		}
		l.connect(from, to)
	}
}

func (l *layers) connect(from, to int) {
	l.items[from].after = append(l.items[from].after, to)
	l.items[to].before = append(l.items[to].before, from)
}

// number notes the place of each item in its column.
func (l *layers) number() {
	for _, level := range l.levels {
		for k, i := range level {
			l.items[i].order = k
		}
	}
}
