package expr

// maxScanned is how many keys of an object are compared one by one. Beyond it a
// map is faster, and what an expression can ask of an object stays cheap.
const maxScanned = 8

// list is what an array or an object holds.
type list struct {
	items    []Value
	keys     []string       // of an object
	index    map[string]int // of a large object: by folded key
	filtered bool           // made by .*, so that .name means that of each item
}

func (l *list) key(i int) string {
	if l.keys == nil {
		return ""
	}
	return l.keys[i]
}

func (l *list) get(key string) (Value, bool) {
	if i := l.find(key); i >= 0 {
		return l.items[i], true
	}
	return Value{}, false
}

// find returns the place of a key, or -1.
func (l *list) find(key string) int {
	if l.index != nil {
		if i, ok := l.index[fold(key)]; ok {
			return i
		}
		return -1
	}
	for i, k := range l.keys {
		if equalFold(k, key) {
			return i
		}
	}
	return -1
}

// builder makes an object.
type builder struct{ list }

func newObject(size int) *builder {
	return &builder{list{items: make([]Value, 0, size), keys: make([]string, 0, size)}}
}

// add appends a field. Of keys that differ in case the first counts; of equal keys
// the first, too, unless the last is wanted, as in JSON.
func (b *builder) add(key string, v Value, last bool) {
	if i := b.find(key); i >= 0 {
		if last && b.keys[i] == key {
			b.items[i] = v
		}
		return
	}
	b.keys = append(b.keys, key)
	b.items = append(b.items, v)
	switch {
	case b.index != nil:
		b.index[fold(key)] = len(b.keys) - 1
	case len(b.keys) > maxScanned:
		b.index = make(map[string]int, 2*len(b.keys))
		for i, k := range b.keys {
			b.index[fold(k)] = i
		}
	}
}

func (b *builder) value() Value { return Value{kind: Object, list: &b.list} }
