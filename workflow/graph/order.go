package graph

import "slices"

// maxSweeps bounds how often the levels are ordered anew. Few drawings gain from more.
const maxSweeps = 12

// untangle orders the items of each level so that few wires cross: each goes to the
// mean place of what it is connected with on the level beside, to and fro, until that
// gains nothing. It keeps the best order that it saw.
func (l *layers) untangle() {
	best, crossings := l.orders(), l.crossings()
	for sweep, gainless := 0, 0; sweep < maxSweeps && gainless < 4 && crossings > 0; sweep++ {
		l.sweep(sweep%2 == 0)
		gainless++
		if now := l.crossings(); now < crossings {
			best, crossings, gainless = l.orders(), now, 0
		}
	}
	l.levels = best
	l.number()
}

// orders returns a copy of the levels.
func (l *layers) orders() [][]int {
	levels := make([][]int, len(l.levels))
	for i, level := range l.levels {
		levels[i] = slices.Clone(level)
	}
	return levels
}

// sweep orders level after level by the one before it, or backwards by the one behind.
func (l *layers) sweep(forward bool) {
	for k := range l.levels {
		level := l.levels[k]
		if !forward {
			level = l.levels[len(l.levels)-1-k]
		}
		l.sort(level, forward)
	}
}

// mean is where the neighbours of an item stand on average: sum/n.
type mean struct{ item, sum, n int }

// sort orders one level by the mean place of each item's neighbours. One without any
// stays about where it is.
func (l *layers) sort(level []int, forward bool) {
	means := make([]mean, len(level))
	for k, i := range level {
		beside := l.items[i].after
		if forward {
			beside = l.items[i].before
		}
		means[k] = mean{i, k, 1}
		if len(beside) > 0 {
			means[k] = mean{i, 0, len(beside)}
			for _, other := range beside {
				means[k].sum += l.items[other].order
			}
		}
	}
	slices.SortStableFunc(means, func(a, b mean) int { return a.sum*b.n - b.sum*a.n })
	for k, m := range means {
		level[k], l.items[m.item].order = m.item, k
	}
}

// crossings returns how many pairs of wires cross.
func (l *layers) crossings() (n int) {
	for k := 1; k < len(l.levels); k++ {
		n += l.crossingsBefore(l.levels[k-1], l.levels[k])
	}
	return n
}

// crossingsBefore counts the crossings between two levels: pairs of wires whose
// beginnings stand in another order than their ends. It goes through the wires by
// their beginnings and counts, in a tree of sums, the ends that are further down.
func (l *layers) crossingsBefore(left, right []int) (n int) {
	tree := make([]int, len(right)+1)
	total := 0
	var ends []int
	for _, i := range left {
		ends = ends[:0]
		for _, to := range l.items[i].after {
			ends = append(ends, l.items[to].order)
		}
		for _, end := range ends {
			upTo := 0
			for at := end + 1; at > 0; at -= at & -at {
				upTo += tree[at]
			}
			n += total - upTo
		}
		for _, end := range ends {
			total++
			for at := end + 1; at < len(tree); at += at & -at {
				tree[at]++
			}
		}
	}
	return n
}
