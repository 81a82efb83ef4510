package placement

// absent is the place of what is in no heap.
const absent int32 = -1

// ordered is what a heap orders its items by.
type ordered[K any] interface {
	comparable
	before(other K) bool
}

// heap keeps the item with the least key first, and tells each item its place, so
// that one whose key changed can be put right. Keys stand beside the items, so that
// comparing reads no memory elsewhere.
type heap[K ordered[K]] struct {
	items []keyed[K]
	moved func(item, at int32)
}

type keyed[K any] struct {
	key  K
	item int32
}

// first returns the item with the least key, or absent.
func (h *heap[K]) first() int32 {
	if len(h.items) == 0 {
		return absent
	}
	return h.items[0].item
}

// put gives an item, whose place is known, the right one: a new one if its key
// changed, any if it was absent, and none unless it belongs in the heap.
func (h *heap[K]) put(item, at int32, key K, belongs bool) {
	switch {
	case belongs && at == absent:
		h.items = append(h.items, keyed[K]{key, item})
		h.up(int32(len(h.items) - 1))
	case belongs:
		if h.items[at].key == key {
			return
		}
		h.items[at].key = key
		h.fix(at)
	case at != absent:
		h.remove(at)
	}
}

func (h *heap[K]) remove(at int32) {
	item, last := h.items[at].item, int32(len(h.items)-1)
	h.items[at] = h.items[last]
	h.items = h.items[:last]
	h.moved(item, absent)
	if at < last {
		h.fix(at)
	}
}

// fix puts the item at a place right, after its key changed.
func (h *heap[K]) fix(at int32) {
	if h.up(at) == at {
		h.down(at)
	}
}

// up moves an item to where its parent is not greater, and returns the place.
func (h *heap[K]) up(at int32) int32 {
	of := h.items[at]
	for at > 0 {
		parent := (at - 1) / 2
		if !of.key.before(h.items[parent].key) {
			break
		}
		h.place(h.items[parent], at)
		at = parent
	}
	h.place(of, at)
	return at
}

// down moves an item to where no child is less.
func (h *heap[K]) down(at int32) {
	of := h.items[at]
	for {
		child := 2*at + 1
		if int(child) >= len(h.items) {
			break
		}
		if right := child + 1; int(right) < len(h.items) && h.items[right].key.before(h.items[child].key) {
			child = right
		}
		if !h.items[child].key.before(of.key) {
			break
		}
		h.place(h.items[child], at)
		at = child
	}
	h.place(of, at)
}

func (h *heap[K]) place(of keyed[K], at int32) {
	h.items[at] = of
	h.moved(of.item, at)
}
