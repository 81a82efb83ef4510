package queue

import "yardmaster/domain/job"

// shards is how many small tables make up the index: one grows at a time, so that
// no Push waits for a million entries to be moved.
const shards = 256

// minSlots is how large a table begins.
const minSlots = 8

// index finds the handle of a job. A map of Go would hold every key a second time;
// this one has only the handle, and as much of the hash as tells jobs apart.
type index struct {
	tables [shards]table
	len    int
}

// table has a slot for each entry, at the place its hash says or the next free one.
type table struct {
	slots []slot // a power of two
	used  int
}

type slot struct {
	hash   uint32
	handle handle
}

// hashOf mixes all bits of an ID. IDs are given out by the server, so that nobody
// can choose them to collide.
func hashOf(id job.ID) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id.Run) {
		h = (h ^ uint64(id.Run[i])) * 1099511628211
	}
	h ^= uint64(id.Index) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}

func (x *index) tableOf(hash uint64) *table { return &x.tables[hash>>56] }

// get returns the handle of a job, or none.
func (x *index) get(s *slab, id job.ID) handle {
	hash := hashOf(id)
	t := x.tableOf(hash)
	if at, found := t.find(s, uint32(hash), id); found {
		return t.slots[at].handle
	}
	return none
}

// add adds a job that is not there.
func (x *index) add(id job.ID, h handle) {
	hash := hashOf(id)
	t := x.tableOf(hash)
	if 4*(t.used+1) > 3*len(t.slots) {
		t.grow()
	}
	t.put(slot{uint32(hash), h})
	t.used++
	x.len++
}

// remove takes a job out that is there.
func (x *index) remove(s *slab, id job.ID) {
	hash := hashOf(id)
	t := x.tableOf(hash)
	at, _ := t.find(s, uint32(hash), id)
	t.close(at)
	t.used--
	x.len--
}

func (t *table) find(s *slab, hash uint32, id job.ID) (at int, found bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := len(t.slots) - 1
	for at = int(hash) & mask; t.slots[at].handle != none; at = (at + 1) & mask {
		if t.slots[at].hash == hash && *s.job(t.slots[at].handle) == id {
			return at, true
		}
	}
	return 0, false
}

func (t *table) put(of slot) {
	mask := len(t.slots) - 1
	at := int(of.hash) & mask
	for t.slots[at].handle != none {
		at = (at + 1) & mask
	}
	t.slots[at] = of
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(minSlots, 2*len(old)))
	for _, of := range old {
		if of.handle != none {
			t.put(of)
		}
	}
}

// close empties a slot, and moves those behind it that would not be found across the
// gap.
func (t *table) close(gap int) {
	mask := len(t.slots) - 1
	for at := (gap + 1) & mask; t.slots[at].handle != none; at = (at + 1) & mask {
		home := int(t.slots[at].hash) & mask
		if (at-home)&mask >= (at-gap)&mask {
			t.slots[gap] = t.slots[at]
			gap = at
		}
	}
	t.slots[gap] = slot{}
}
