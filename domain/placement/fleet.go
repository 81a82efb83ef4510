package placement

import (
	"slices"
	"strings"

	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// member is a connected worker.
type member struct {
	id       worker.ID
	kind     int32
	slots    int
	total    resource.Amount // as it says
	used     resource.Amount
	state    worker.State
	chosen   uint64 // the turn at which it was chosen last
	reserved int32  // index in the yard's reservations, or absent
	held     []job.ID
	holders  []*taken // the same, with what they take
}

// fleet is all connected workers.
type fleet struct {
	members []member
	free    []int32
	of      map[worker.ID]int32
	kinds   []kind
	noKind  []int32          // numbers of kinds that are unused
	kindOf  map[string]int32 // by key
	pools   map[string]*pool
	tree    tree
	set     []uint64 // scratch: the columns of one member
}

func newFleet() fleet {
	return fleet{
		of: map[worker.ID]int32{}, kindOf: map[string]int32{}, pools: map[string]*pool{}, tree: tree{root: absent},
	}
}

// Join makes a worker known, or changes what is known of it.
func (y *Yard) Join(w Worker) {
	f := &y.fleet
	m, known := f.of[w.ID]
	if !known {
		m = unused(&f.members, &f.free)
		f.members[m] = member{id: w.ID, kind: absent, reserved: absent}
		f.of[w.ID] = m
		f.tree.room(len(f.members), 0)
	} else {
		y.tally(m, -1)
	}
	k := y.kindFor(canonical(w.Labels), w.Pool)
	left := w.Pool
	if old := f.members[m].kind; old != k {
		if known {
			left = f.kinds[old].pool
		}
		y.joinKind(k)
		y.leaveKind(old)
		f.members[m].kind = k
	}
	of := &f.members[m]
	of.slots, of.total, of.state = w.Slots, w.Total, w.State
	y.tally(m, 1)
	y.keepOrLetGo(m)
	y.touch(m)
	y.weighLabels(w.Pool)
	if left != w.Pool {
		y.weighLabels(left)
	}
}

// SetState changes the state of a worker, and reports whether it is known.
func (y *Yard) SetState(id worker.ID, s worker.State) bool {
	m, known := y.fleet.of[id]
	if known {
		y.tally(m, -1)
		y.fleet.members[m].state = s
		y.tally(m, 1)
		y.keepOrLetGo(m)
		y.touch(m)
	}
	return known
}

// Leave forgets a worker, and returns the jobs that held its slots. They hold none
// any more, and do not wait either: whether they are tried again is not decided
// here.
func (y *Yard) Leave(id worker.ID) []job.ID {
	f := &y.fleet
	m, known := f.of[id]
	if !known {
		return nil
	}
	held := slices.Clone(f.members[m].held)
	for _, of := range held {
		t := y.taken[of]
		y.release(t)
		y.forget(t)
	}
	y.tally(m, -1)
	f.members[m].state = worker.Gone
	y.keepOrLetGo(m)
	f.tree.take(m)
	k := f.members[m].kind
	pool := f.kinds[k].pool
	y.leaveKind(k)
	delete(f.of, id)
	f.members[m] = member{}
	f.free = append(f.free, m)
	y.weighLabels(pool)
	return held
}

// tally adds n to the workers that could take, and that take, each demand that a
// worker meets.
func (y *Yard) tally(m int32, n int) {
	w := &y.fleet.members[m]
	for id, of := range y.fleet.kinds[w.kind].meets {
		if !of.met() || !w.fitsEver(y.demands.need[id]) {
			continue
		}
		d := y.demands.all[id]
		d.could += n
		if w.state.Takes() {
			d.possible += n
		}
	}
}

// touch brings the rank and the columns of a worker up to date.
func (y *Yard) touch(m int32) {
	f := &y.fleet
	w, k := &f.members[m], &f.kinds[f.members[m].kind]
	f.set = slices.Grow(f.set[:0], f.tree.words)[:f.tree.words]
	clear(f.set)
	if w.state.Takes() {
		for id, of := range k.meets {
			if of.met() {
				f.set[wordOf(int32(id))] |= y.columnsFor(w, int32(id), of) << shiftOf(int32(id))
			}
		}
	}
	f.tree.put(m, rank{w.load(), int32(len(k.labels)), w.chosen}, f.set)
}

// columnsFor returns the columns of a demand that a worker meets and that takes jobs.
func (y *Yard) columnsFor(w *member, demand int32, of meeting) uint64 {
	need := y.demands.need[demand]
	if !w.fitsEver(need) {
		return 0
	}
	if !w.fits(need) || w.reserved != absent && !y.sparesSome(w, demand) {
		return ever
	}
	return ever | 1<<of.level()
}

// plenty is what a worker has of a resource of which it does not say how much.
const plenty = 1 << 60

// all returns what jobs may take of a worker in all.
func (w *member) all() resource.Amount {
	total := w.total
	if total.CPU == 0 {
		total.CPU = plenty
	}
	if total.Memory == 0 {
		total.Memory = plenty
	}
	return total
}

// fitsEver reports whether a worker has as much as a job needs.
func (w *member) fitsEver(need resource.Amount) bool { return need.Fits(w.all()) && w.slots > 0 }

// fits reports whether a worker has a free slot, and as much free as a job needs.
func (w *member) fits(need resource.Amount) bool {
	return len(w.held) < w.slots && need.Fits(w.all().Minus(w.used))
}

// load returns the largest share of what a worker has that is taken: of its slots,
// its processors or its memory.
func (w *member) load() float64 {
	load := portion(int64(len(w.held)), int64(w.slots))
	load = max(load, portion(w.used.CPU, w.total.CPU))
	return max(load, portion(w.used.Memory, w.total.Memory))
}

func portion(part, all int64) float64 {
	if all <= 0 {
		return 0
	}
	return float64(part) / float64(all)
}

// unused returns the index of an unused element of all.
func unused[T any](all *[]T, free *[]int32) int32 {
	if n := len(*free); n > 0 {
		i := (*free)[n-1]
		*free = (*free)[:n-1]
		return i
	}
	*all = append(*all, *new(T))
	return int32(len(*all) - 1)
}

// canonical returns labels as they are when they are in order already.
func canonical(labels []string) []string {
	for i, label := range labels {
		if i > 0 && label <= labels[i-1] || strings.ToLower(label) != label {
			return worker.CanonicalLabels(labels)
		}
	}
	return labels
}

// appendKey appends a text that no other pool and canonical labels have.
func appendKey(b []byte, pool string, labels []string) []byte {
	b = append(append(b, pool...), 0)
	for _, label := range labels {
		b = append(append(b, label...), 0)
	}
	return b
}
