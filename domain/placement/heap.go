package placement

// absent is the place of what is in no heap.
const absent int32 = -1

// heap keeps the least of its items first, and tells each item its place, so that
// an item whose order changed can be put right.
type heap struct {
	items []int32
	less  func(a, b int32) bool
	moved func(item, at int32)
}

// first returns the least item, or absent.
func (h *heap) first() int32 {
	if len(h.items) == 0 {
		return absent
	}
	return h.items[0]
}

// seconds returns the items of which one is the second least.
func (h *heap) seconds() []int32 { return h.items[min(1, len(h.items)):min(3, len(h.items))] }

func (h *heap) add(item int32) {
	h.items = append(h.items, item)
	h.up(int32(len(h.items) - 1))
}

func (h *heap) remove(at int32) {
	item, last := h.items[at], int32(len(h.items)-1)
	h.items[at] = h.items[last]
	h.items = h.items[:last]
	h.moved(item, absent)
	if at < last {
		h.fix(at)
	}
}

// fix puts the item at a place right, after its order changed.
func (h *heap) fix(at int32) {
	if h.up(at) == at {
		h.down(at)
	}
}

// up moves an item to where its parent is not greater, and returns the place.
func (h *heap) up(at int32) int32 {
	item := h.items[at]
	for at > 0 {
		parent := (at - 1) / 2
		if !h.less(item, h.items[parent]) {
			break
		}
		h.place(h.items[parent], at)
		at = parent
	}
	h.place(item, at)
	return at
}

// down moves an item to where no child is less.
func (h *heap) down(at int32) {
	item := h.items[at]
	for {
		child := 2*at + 1
		if int(child) >= len(h.items) {
			break
		}
		if right := child + 1; int(right) < len(h.items) && h.less(h.items[right], h.items[child]) {
			child = right
		}
		if !h.less(h.items[child], item) {
			break
		}
		h.place(h.items[child], at)
		at = child
	}
	h.place(item, at)
}

func (h *heap) place(item, at int32) {
	h.items[at] = item
	h.moved(item, at)
}
