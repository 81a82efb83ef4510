package placement

import "slices"

// Each demand has four columns, which a worker either has or has not: three for
// being able to take a job of it now, by how much it would be missed elsewhere, and
// one for being able to take one ever.
const (
	levels         = 3 // columns of those that can take a job now, best first
	columns        = 4 // of a demand
	demandsPerWord = 64 / columns

	anyNow     = 1<<levels - 1 // of those for now
	ever       = 1 << levels
	allColumns = uint64(1<<columns - 1)
)

func wordOf(demand int32) int { return int(demand) / demandsPerWord }

// shiftOf returns where in their word the columns of a demand begin.
func shiftOf(demand int32) int { return int(demand) % demandsPerWord * columns }

func columnsOf(demand int32) uint64 { return allColumns << shiftOf(demand) }

// column is one column of a demand.
type column struct {
	word int
	mask uint64
}

// columnOf returns a column of a demand: a level, or levels for ever.
func columnOf(demand int32, level int) column {
	return column{wordOf(demand), 1 << (shiftOf(demand) + level)}
}

// rank is a worker's place among all, whatever the demand: the least load first;
// then the fewest labels, as one with more can be of use elsewhere; then who was
// chosen longest ago.
type rank struct {
	load   float64
	labels int32
	chosen uint64
}

// tree holds the workers in order of rank, and knows for each part of the order
// which columns there are in it: so it finds the first worker with a column in
// logarithmic time. It is a treap, as in package queue.
type tree struct {
	words int // of a set of columns
	root  int32
	nodes []node // by worker
	own   []uint64
	below []uint64 // what the worker, or one below it, has
}

type node struct {
	rank        rank
	left, right int32
	in          bool
}

// weight is fixed for a worker, and as good as chance.
func weight(m int32) uint32 {
	x := uint32(m)
	x = (x ^ x>>16) * 0x7feb352d
	x = (x ^ x>>15) * 0x846ca68b
	return x ^ x>>16
}

// set returns the columns of a worker.
func (t *tree) set(m int32) []uint64 { return t.own[int(m)*t.words:][:t.words] }

// has reports whether a worker has a column.
func (t *tree) has(m int32, c column) bool { return t.own[int(m)*t.words+c.word]&c.mask != 0 }

// any returns a word of the columns that any worker has.
func (t *tree) any(word int) uint64 { return t.part(t.root, word) }

// part returns a word of the columns in a part of the tree.
func (t *tree) part(root int32, word int) uint64 {
	if root == absent {
		return 0
	}
	return t.below[int(root)*t.words+word]
}

// room makes the tree know a worker, and a demand.
func (t *tree) room(workers, demands int) {
	if more := workers - len(t.nodes); more > 0 {
		t.nodes = append(t.nodes, make([]node, more)...)
		t.own = append(t.own, make([]uint64, more*t.words)...)
		t.below = append(t.below, make([]uint64, more*t.words)...)
	}
	words := (demands + demandsPerWord - 1) / demandsPerWord
	if words <= t.words {
		return
	}
	words = max(words, 2*t.words)
	n := len(t.nodes)
	t.own, t.below = wider(t.own, n, t.words, words), wider(t.below, n, t.words, words)
	t.words = words
}

func wider(sets []uint64, workers, from, to int) []uint64 {
	all := make([]uint64, workers*to)
	for i := range workers {
		copy(all[i*to:], sets[i*from:][:from])
	}
	return all
}

// put gives a worker a rank and columns, and its place by these.
func (t *tree) put(m int32, r rank, set []uint64) {
	n := &t.nodes[m]
	if n.in && n.rank == r && slices.Equal(t.set(m), set) {
		return
	}
	t.take(m)
	n.rank, n.left, n.right, n.in = r, absent, absent, true
	copy(t.set(m), set)
	t.recount(m)
	t.root = t.insert(t.root, m)
}

// take takes a worker out, if it is in.
func (t *tree) take(m int32) {
	if t.nodes[m].in {
		t.root = t.remove(t.root, m)
		t.nodes[m].in = false
	}
}

func (t *tree) before(a, b int32) bool {
	x, y := &t.nodes[a].rank, &t.nodes[b].rank
	switch {
	case x.load != y.load:
		return x.load < y.load
	case x.labels != y.labels:
		return x.labels < y.labels
	case x.chosen != y.chosen:
		return x.chosen < y.chosen
	}
	return a < b
}

func (t *tree) recount(m int32) {
	n := &t.nodes[m]
	below := t.below[int(m)*t.words:][:t.words]
	copy(below, t.set(m))
	for _, child := range [...]int32{n.left, n.right} {
		if child == absent {
			continue
		}
		for word, set := range t.below[int(child)*t.words:][:t.words] {
			below[word] |= set
		}
	}
}

func (t *tree) insert(root, m int32) int32 {
	if root == absent {
		return m
	}
	if weight(m) > weight(root) {
		t.nodes[m].left, t.nodes[m].right = t.split(root, m)
		t.recount(m)
		return m
	}
	n := &t.nodes[root]
	if t.before(m, root) {
		n.left = t.insert(n.left, m)
	} else {
		n.right = t.insert(n.right, m)
	}
	below := t.below[int(root)*t.words:][:t.words]
	for word, set := range t.set(m) {
		below[word] |= set
	}
	return root
}

// split parts a tree into what is before m, and the rest.
func (t *tree) split(root, m int32) (left, right int32) {
	if root == absent {
		return absent, absent
	}
	n := &t.nodes[root]
	if t.before(root, m) {
		n.right, right = t.split(n.right, m)
		left = root
	} else {
		left, n.left = t.split(n.left, m)
		right = root
	}
	t.recount(root)
	return left, right
}

func (t *tree) remove(root, m int32) int32 {
	n := &t.nodes[root]
	if root == m {
		return t.merge(n.left, n.right)
	}
	if t.before(m, root) {
		n.left = t.remove(n.left, m)
	} else {
		n.right = t.remove(n.right, m)
	}
	t.recount(root)
	return root
}

// merge joins two trees, all of left being before all of right.
func (t *tree) merge(left, right int32) int32 {
	if left == absent {
		return right
	}
	if right == absent {
		return left
	}
	root := left
	if weight(left) > weight(right) {
		t.nodes[left].right = t.merge(t.nodes[left].right, right)
	} else {
		root = right
		t.nodes[right].left = t.merge(left, t.nodes[right].left)
	}
	t.recount(root)
	return root
}

// first returns the first worker with a column, or absent.
func (t *tree) first(c column) int32 {
	m := t.root
	for m != absent && t.part(m, c.word)&c.mask != 0 {
		n := &t.nodes[m]
		switch {
		case t.part(n.left, c.word)&c.mask != 0:
			m = n.left
		case t.has(m, c):
			return m
		default:
			m = n.right
		}
	}
	return absent
}

// find returns the first worker with a column that will do, or absent.
func (t *tree) find(c column, will func(m int32) bool) int32 { return t.findIn(t.root, c, will) }

func (t *tree) findIn(m int32, c column, will func(m int32) bool) int32 {
	if t.part(m, c.word)&c.mask == 0 {
		return absent
	}
	if found := t.findIn(t.nodes[m].left, c, will); found != absent {
		return found
	}
	if t.has(m, c) && will(m) {
		return m
	}
	return t.findIn(t.nodes[m].right, c, will)
}

// recountAll brings a word up to date in the whole tree.
func (t *tree) recountAll(word int) { t.recountIn(t.root, word) }

func (t *tree) recountIn(m int32, word int) uint64 {
	if m == absent {
		return 0
	}
	at := int(m)*t.words + word
	t.below[at] = t.own[at] | t.recountIn(t.nodes[m].left, word) | t.recountIn(t.nodes[m].right, word)
	return t.below[at]
}
