package queue

// A treap is a search tree that is also a heap: by the order of the queue from
// left to right, by weight from top to bottom. Weights that look like chance keep
// it shallow, whatever the order in which entries come and go.

// weight is fixed for a handle. Handles say nothing about the order of entries,
// so a mixed one is as good as chance, and repeats.
func weight(h handle) uint32 {
	x := uint32(h)
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}

func (s *slab) size(root handle) int {
	if root == none {
		return 0
	}
	return int(s.node(root).count)
}

func (s *slab) recount(h handle) {
	n := s.node(h)
	n.count = uint32(1 + s.size(n.left) + s.size(n.right))
}

// insert returns the root of the tree with h in it.
func (s *slab) insert(root, h handle) handle {
	if root == none {
		return h
	}
	if weight(h) > weight(root) {
		n := s.node(h)
		n.left, n.right = s.split(root, h)
		s.recount(h)
		return h
	}
	n := s.node(root)
	if s.before(h, root) {
		n.left = s.insert(n.left, h)
	} else {
		n.right = s.insert(n.right, h)
	}
	n.count++
	return root
}

// split parts a tree into what is before h, and the rest.
func (s *slab) split(root, h handle) (left, right handle) {
	if root == none {
		return none, none
	}
	n := s.node(root)
	if s.before(root, h) {
		n.right, right = s.split(n.right, h)
		left = root
	} else {
		left, n.left = s.split(n.left, h)
		right = root
	}
	s.recount(root)
	return left, right
}

// remove returns the root of the tree without h, which is in it.
func (s *slab) remove(root, h handle) handle {
	n := s.node(root)
	if root == h {
		return s.merge(n.left, n.right)
	}
	if s.before(h, root) {
		n.left = s.remove(n.left, h)
	} else {
		n.right = s.remove(n.right, h)
	}
	n.count--
	return root
}

// merge joins two trees, all of left being before all of right.
func (s *slab) merge(left, right handle) handle {
	if left == none {
		return right
	}
	if right == none {
		return left
	}
	root := left
	if weight(left) > weight(right) {
		n := s.node(left)
		n.right = s.merge(n.right, right)
	} else {
		root = right
		n := s.node(right)
		n.left = s.merge(left, n.left)
	}
	s.recount(root)
	return root
}

// first returns the leftmost entry, or none.
func (s *slab) first(root handle) handle {
	if root == none {
		return none
	}
	for s.node(root).left != none {
		root = s.node(root).left
	}
	return root
}

// rank returns how many entries of the tree are before h, which need not be in it.
func (s *slab) rank(root, h handle) int {
	ahead := 0
	for root != none {
		n := s.node(root)
		if s.before(root, h) {
			ahead += 1 + s.size(n.left)
			root = n.right
		} else {
			root = n.left
		}
	}
	return ahead
}

// at returns the entry that has i others before it, or none.
func (s *slab) at(root handle, i int) handle {
	for root != none {
		n := s.node(root)
		switch left := s.size(n.left); {
		case i < left:
			root = n.left
		case i == left:
			return root
		default:
			i -= left + 1
			root = n.right
		}
	}
	return none
}
