package graph

// Distances of a drawing, in pixels.
const (
	boxGap  = 20 // between two boxes of a level
	railGap = 14 // beside a rail
)

// settling is how often the levels are moved to and fro.
const settling = 4

// straight is how much more a rail weighs than a box: a bend in it is seen more.
const straight = 8

// place gives each item its height: near the mean of what it is connected with, in
// the order of its level, and without overlap.
func (l *layers) place() {
	for _, level := range l.levels {
		at := 0
		for k, i := range level {
			if k > 0 {
				at += l.distance(level[k-1], i)
			}
			l.items[i].center = at
		}
	}
	for range settling {
		for k := len(l.levels) - 2; k >= 0; k-- {
			l.settle(l.levels[k], func(it *item) []int { return it.after })
		}
		for k := 1; k < len(l.levels); k++ {
			l.settle(l.levels[k], func(it *item) []int { return it.before })
		}
	}
}

// distance returns how far apart the centers of two neighbours on a level are at
// least.
func (l *layers) distance(upper, lower int) int {
	gap := boxGap
	if l.items[upper].rail || l.items[lower].rail {
		gap = railGap
	}
	return l.items[upper].height/2 + l.items[lower].height/2 + gap
}

// block is a row of neighbours that touch: where the first of them would stand if all
// had their wish on average is sum/weight.
type block struct{ sum, weight, items int }

// settle moves the items of a level to where the squares of the distances to their
// wishes add up to the least that their order and their sizes allow. With the sizes
// taken off, positions must not fall from one item to the next; neighbours whose
// wishes would have them do so share the mean of their wishes.
func (l *layers) settle(level []int, beside func(*item) []int) {
	blocks := make([]block, 0, len(level))
	offset := 0
	for k, i := range level {
		if k > 0 {
			offset += l.distance(level[k-1], i)
		}
		it, weight := &l.items[i], 1
		if it.rail {
			weight = straight
		}
		last := block{(l.wish(it, beside(it)) - offset) * weight, weight, 1}
		for len(blocks) > 0 {
			before := blocks[len(blocks)-1]
			if before.sum*last.weight < last.sum*before.weight {
				break
			}
			blocks = blocks[:len(blocks)-1]
			last = block{before.sum + last.sum, before.weight + last.weight, before.items + last.items}
		}
		blocks = append(blocks, last)
	}
	k, offset := 0, 0
	for _, b := range blocks {
		at := floorDiv(b.sum, b.weight)
		for range b.items {
			if k > 0 {
				offset += l.distance(level[k-1], level[k])
			}
			l.items[level[k]].center = at + offset
			k++
		}
	}
}

// wish returns where an item would best stand.
func (l *layers) wish(it *item, beside []int) int {
	if len(beside) == 0 {
		return it.center
	}
	sum := 0
	for _, other := range beside {
		sum += l.items[other].center
	}
	return floorDiv(sum, len(beside))
}

// floorDiv divides and rounds down, also below zero.
func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
