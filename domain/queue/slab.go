package queue

import "yardmaster/domain/job"

// pageSize is how many entries are allocated at once. Pages do not move, so a
// queue that grows copies nothing.
const pageSize = 1024

// handle names an entry's place in the slab. Handles of dropped entries are used again.
type handle uint32

// none is no entry. Its node is never used, and always has size 0.
const none handle = 0

// node is an entry in the tree of its class. It holds no pointer, so that the
// garbage collector does not look at it: a million of them cost it nothing.
type node struct {
	due         int64
	seq         uint64
	note        uint64
	left, right handle
	count       uint32 // entries in the subtree
	class       ClassID
}

// slab holds the entries of all classes: what the tree needs in one place, and the
// job, which has a pointer, in another.
type slab struct {
	nodes []*[pageSize]node
	jobs  []*[pageSize]job.ID
	used  uint32   // handles given out so far, none included
	free  []handle // handles given back
}

func (s *slab) node(h handle) *node { return &s.nodes[h/pageSize][h%pageSize] }

func (s *slab) job(h handle) *job.ID { return &s.jobs[h/pageSize][h%pageSize] }

func (s *slab) put(e Entry) handle {
	h := s.take()
	*s.job(h) = e.Job
	*s.node(h) = node{due: e.Due, seq: e.Seq, note: e.Note, count: 1, class: e.Class}
	return h
}

func (s *slab) take() handle {
	if n := len(s.free); n > 0 {
		h := s.free[n-1]
		s.free = s.free[:n-1]
		return h
	}
	s.used = max(1, s.used) // the first is none
	if int(s.used)/pageSize == len(s.nodes) {
		s.nodes = append(s.nodes, new([pageSize]node))
		s.jobs = append(s.jobs, new([pageSize]job.ID))
	}
	s.used++
	return handle(s.used - 1)
}

func (s *slab) drop(h handle) {
	*s.job(h) = job.ID{} // lets go of the text
	s.free = append(s.free, h)
}

func (s *slab) entry(h handle) Entry {
	n := s.node(h)
	return Entry{Job: *s.job(h), Class: n.class, Due: n.due, Seq: n.seq, Note: n.note}
}

func (s *slab) before(a, b handle) bool {
	x, y := s.node(a), s.node(b)
	if x.due != y.due {
		return x.due < y.due
	}
	if x.seq != y.seq {
		return x.seq < y.seq
	}
	return s.entry(a).Before(s.entry(b))
}
