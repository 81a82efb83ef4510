package placement

import (
	"slices"
	"strings"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
	"yardmaster/domain/worker"
)

// member is a connected worker.
type member struct {
	id     worker.ID
	kind   int32
	at     int32 // place in its kind's heap, or absent
	slots  int
	state  worker.State
	chosen uint64 // the turn at which it was chosen last
	held   []job.ID
}

// kind is all workers with the same labels. Jobs see no other difference between
// them, so one heap of their free slots serves every class they match.
type kind struct {
	labels  []string
	members int
	ready   heap            // members that would take a job, least load first
	classes []queue.ClassID // the classes whose demand it meets
}

// Join makes a worker known, or changes what is known of it.
func (y *Yard) Join(w Worker) {
	m, known := y.known[w.ID]
	if !known {
		m = unused(&y.members, &y.freeMembers)
		y.members[m] = member{id: w.ID, at: absent, kind: absent}
		y.known[w.ID] = m
	}
	k := y.kindFor(w.Labels)
	if old := y.members[m].kind; old != k {
		y.kinds[k].members++
		y.leaveKind(m)
		y.members[m].kind = k
	}
	y.members[m].slots, y.members[m].state = w.Slots, w.State
	y.touch(m)
}

// SetState changes the state of a worker, and reports whether it is known.
func (y *Yard) SetState(id worker.ID, s worker.State) bool {
	m, known := y.known[id]
	if known {
		y.members[m].state = s
		y.touch(m)
	}
	return known
}

// Leave forgets a worker, and returns the jobs that held its slots. They hold none
// any more, and do not wait either: whether they are tried again is not decided
// here.
func (y *Yard) Leave(id worker.ID) []job.ID {
	m, known := y.known[id]
	if !known {
		return nil
	}
	held := y.members[m].held
	for _, of := range held {
		if t := y.taken[of]; t.queued {
			y.classes[t.entry.Class].jobs--
		}
		delete(y.taken, of)
	}
	y.leaveKind(m)
	delete(y.known, id)
	y.members[m] = member{}
	y.freeMembers = append(y.freeMembers, m)
	return held
}

// touch brings a worker's place among the ready ones up to date.
func (y *Yard) touch(m int32) {
	w := &y.members[m]
	k := &y.kinds[w.kind]
	first := k.ready.first()
	switch ready := admitsState(w) && admitsRoom(w); {
	case ready && w.at == absent:
		k.ready.add(m)
	case ready:
		k.ready.fix(w.at)
	case w.at != absent:
		k.ready.remove(w.at)
	}
	if now := k.ready.first(); now != first || now == m {
		y.refresh(w.kind)
	}
}

// refresh brings the place of a kind in its classes up to date.
func (y *Yard) refresh(k int32) {
	for _, id := range y.kinds[k].classes {
		c := y.classes[id]
		switch at := c.at[k]; {
		case len(y.kinds[k].ready.items) == 0 && at != absent:
			c.ready.remove(at)
		case len(y.kinds[k].ready.items) == 0:
		case at == absent:
			c.ready.add(k)
		default:
			c.ready.fix(at)
		}
	}
}

// kindFor returns the kind with these labels, and makes it if need be.
func (y *Yard) kindFor(labels []string) int32 {
	labels = canonical(labels)
	y.scratch = appendKey(y.scratch[:0], labels)
	if k, found := y.kindOf[string(y.scratch)]; found {
		return k
	}
	k := unused(&y.kinds, &y.freeKinds)
	y.kindOf[string(y.scratch)] = k
	y.kinds[k] = kind{labels: slices.Clone(labels), ready: heap{
		less:  y.lessMember,
		moved: func(m, at int32) { y.members[m].at = at },
	}}
	for id, c := range y.classes {
		if c == nil {
			continue
		}
		for int(k) >= len(c.at) {
			c.at = append(c.at, absent)
		}
		if admitsLabels(c.labels, labels) {
			y.kinds[k].classes = append(y.kinds[k].classes, queue.ClassID(id))
		}
	}
	return k
}

// leaveKind takes a worker out of its kind, and drops the kind with its last member.
func (y *Yard) leaveKind(m int32) {
	w := &y.members[m]
	if w.kind == absent {
		return
	}
	k := &y.kinds[w.kind]
	if w.at != absent {
		k.ready.remove(w.at)
		y.refresh(w.kind)
	}
	k.members--
	if k.members == 0 {
		delete(y.kindOf, string(appendKey(nil, k.labels)))
		y.freeKinds = append(y.freeKinds, w.kind)
		*k = kind{}
	}
}

// lessMember orders the workers that a job could go to: the least load first; then
// the fewest labels, so that rare capabilities stay free for jobs that demand
// them; then who was chosen longest ago.
func (y *Yard) lessMember(a, b int32) bool {
	x, z := &y.members[a], &y.members[b]
	if l, r := len(x.held)*z.slots, len(z.held)*x.slots; l != r {
		return l < r
	}
	if l, r := len(y.kinds[x.kind].labels), len(y.kinds[z.kind].labels); l != r {
		return l < r
	}
	if x.chosen != z.chosen {
		return x.chosen < z.chosen
	}
	return a < b
}

// lessKind orders kinds by their best worker.
func (y *Yard) lessKind(a, b int32) bool {
	return y.lessMember(y.kinds[a].ready.items[0], y.kinds[b].ready.items[0])
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

// appendKey appends a text that no other canonical labels have.
func appendKey(b []byte, labels []string) []byte {
	for _, label := range labels {
		b = append(append(b, label...), 0)
	}
	return b
}
