package mask

// node is a text with which some value begins. Of node 0, the root, the text is empty.
type node struct {
	child   int32 // the first of the nodes that are one byte longer; 0 is none
	sibling int32 // the next child of the same node; 0 is none
	// fail is the longest other node that the text ends with.
	fail  int32
	depth int32 // length of the text
	// whole is the length of the longest value that the text ends with, 0 if of none.
	whole int32
	last  byte // of the text
	value bool // the text is a value
}

// trie finds values in a text by going through it once (Aho and Corasick's automaton).
type trie struct {
	nodes []node
	first [256]int32       // the children of the root
	other [256]*[256]int32 // their children
	// begins has a bit for each three bytes, hashed, with which a value begins.
	begins [1 << (beginBits - 6)]uint64
	// version changes with the values; stale says that links are to be made anew.
	version uint64
	stale   bool
	full    bool
	queue   []int32 // kept for its memory
}

// beginBits is enough for some thousand beginnings, and fits the fastest cache.
const beginBits = 17

// begin returns the bit of three bytes, the last of which are the lowest of x.
func begin(x uint32) uint32 { return x << 8 * 0x9E3779B1 >> (32 - beginBits) }

func newTrie() *trie { return &trie{nodes: make([]node, 1)} }

// add makes a text of two bytes or more a value.
func (t *trie) add(text string) {
	at := int32(0)
	for i := range len(text) {
		next := t.next(at, text[i])
		if next == 0 {
			if len(t.nodes) >= MaxNodes {
				t.full = true
				return
			}
			next = t.grow(at, text[i])
		}
		at = next
	}
	if t.nodes[at].value {
		return
	}
	t.nodes[at].value, t.stale = true, true
	x := uint32(text[0])<<16 | uint32(text[1])<<8
	if len(text) > 2 {
		t.admit(x | uint32(text[2]))
		return
	}
	for third := range uint32(256) {
		t.admit(x | third)
	}
}

func (t *trie) admit(x uint32) {
	bit := begin(x)
	t.begins[bit/64] |= 1 << (bit % 64)
}

// grow makes the node that is a byte longer than another.
func (t *trie) grow(at int32, b byte) int32 {
	parent := &t.nodes[at]
	made := int32(len(t.nodes))
	grown := node{sibling: parent.child, depth: parent.depth + 1, last: b}
	parent.child = made
	switch parent.depth {
	case 0:
		t.first[b] = made
	case 1:
		if t.other[parent.last] == nil {
			t.other[parent.last] = new([256]int32)
		}
		t.other[parent.last][b] = made
	}
	t.nodes = append(t.nodes, grown)
	return made
}

// next returns the node that is a byte longer, or 0.
func (t *trie) next(at int32, b byte) int32 {
	if at == 0 {
		return t.first[b]
	}
	n := &t.nodes[at]
	if n.depth == 1 {
		if t.other[n.last] == nil {
			return 0
		}
		return t.other[n.last][b]
	}
	c := n.child
	for c != 0 && t.nodes[c].last != b {
		c = t.nodes[c].sibling
	}
	return c
}

// link makes the links between nodes, from short to long.
func (t *trie) link() {
	if !t.stale {
		return
	}
	t.stale = false
	t.version++
	t.queue = append(t.queue[:0], 0)
	for head := 0; head < len(t.queue); head++ {
		at := t.queue[head]
		for c := t.nodes[at].child; c != 0; c = t.nodes[c].sibling {
			t.linkOne(c, at)
			t.queue = append(t.queue, c)
		}
	}
}

func (t *trie) linkOne(c, parent int32) {
	n := &t.nodes[c]
	n.fail = 0
	if parent != 0 {
		n.fail = t.step(t.nodes[parent].fail, n.last)
	}
	n.whole = t.nodes[n.fail].whole
	if n.value {
		n.whole = n.depth
	}
}

// step returns the longest node that the text of a node and a byte end with.
func (t *trie) step(at int32, b byte) int32 {
	for {
		if next := t.next(at, b); next != 0 || at == 0 {
			return next
		}
		at = t.nodes[at].fail
	}
}

// skip returns the first place from i on where a value may begin.
func (t *trie) skip(text []byte, i int) int {
	if i+2 < len(text) {
		x := uint32(text[i])<<8 | uint32(text[i+1])
		for _, b := range text[i+2:] {
			x = x<<8 | uint32(b)
			if bit := begin(x); t.begins[bit/64]&(1<<(bit%64)) != 0 {
				return i
			}
			i++
		}
	}
	for i < len(text) && t.first[text[i]] == 0 {
		i++
	}
	return i
}
