package placement

import "slices"

// kind is all workers with the same labels in the same pool: jobs see no other
// difference between them than what they have and hold.
type kind struct {
	labels  []string
	scarce  []string // of them, as of the last count
	pool    string
	members int
	meets   []meeting // by demand; those beyond its end are not met
}

// meeting is whether a kind meets the labels and the pool of a demand, and the level
// at which its workers are asked for it.
type meeting uint8

func meets(level int) meeting { return meeting(level + 1) }

func (m meeting) met() bool { return m > 0 }

func (m meeting) level() int { return int(m) - 1 }

// meet notes how a kind meets a demand.
func (k *kind) meet(demand int32, m meeting) {
	if more := int(demand) + 1 - len(k.meets); more > 0 && m.met() {
		k.meets = append(k.meets, make([]meeting, more)...)
	}
	if int(demand) < len(k.meets) {
		k.meets[demand] = m
	}
}

// kindFor returns the kind with these labels, and makes it if need be.
func (y *Yard) kindFor(labels []string, pool string) int32 {
	f := &y.fleet
	y.scratch = appendKey(y.scratch[:0], pool, labels)
	if k, found := f.kindOf[string(y.scratch)]; found {
		return k
	}
	k := unused(&f.kinds, &f.noKind)
	f.kindOf[string(y.scratch)] = k
	f.kinds[k] = kind{labels: slices.Clone(labels), scarce: f.poolFor(pool).scarceOf(labels), pool: pool}
	y.matchKind(k)
	return k
}

// matchKind finds the demands that a kind meets.
func (y *Yard) matchKind(k int32) {
	of := &y.fleet.kinds[k]
	for id, d := range y.demands.all {
		if d != nil && of.matches(d) {
			of.meet(int32(id), meets(of.level(d)))
		}
	}
}

// matchDemand finds the workers that meet a new demand.
func (y *Yard) matchDemand(id int32) {
	f, d := &y.fleet, y.demands.all[id]
	f.tree.room(0, int(id)+1)
	at := make([]meeting, len(f.kinds))
	for k := range f.kinds {
		if of := &f.kinds[k]; of.members > 0 && of.matches(d) {
			at[k] = meets(of.level(d))
			of.meet(id, at[k])
		}
	}
	word := wordOf(id)
	for m := range f.members {
		w, set := &f.members[m], f.tree.set(int32(m))
		set[word] &^= columnsOf(id)
		if w.id == "" || !at[w.kind].met() || !w.fitsEver(d.need) {
			continue
		}
		d.could++
		if w.state.Takes() {
			d.possible++
			set[word] |= y.columnsFor(w, id, at[w.kind]) << shiftOf(id)
		}
	}
	f.tree.recountAll(word)
}

// matches reports whether the labels and the pool of a kind meet a demand.
func (k *kind) matches(d *demand) bool {
	return k.pool == d.pool && hasLabels(d.labels, k.labels)
}

func (y *Yard) joinKind(k int32) {
	of := &y.fleet.kinds[k]
	of.members++
	y.fleet.poolFor(of.pool).add(of.labels, 1)
}

// leaveKind takes a worker out of its kind, and drops the kind with its last member.
func (y *Yard) leaveKind(k int32) {
	if k == absent {
		return
	}
	f := &y.fleet
	of := &f.kinds[k]
	f.poolFor(of.pool).add(of.labels, -1)
	if of.members--; of.members == 0 {
		delete(f.kindOf, string(appendKey(nil, of.pool, of.labels)))
		f.noKind = append(f.noKind, k)
		*of = kind{}
	}
}
