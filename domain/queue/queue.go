// Package queue holds the jobs that wait for a slot, in the order in which they
// are due: the higher priority first, then who came first.
//
// Jobs that demand the same capabilities form a class, and each class is a queue
// of its own, so that a class without a free worker holds up nobody else. Within
// a class every operation takes time logarithmic in its length. Nothing here is
// safe for two goroutines at once.
package queue

import (
	"cmp"
	"iter"
	"strings"

	"yardmaster/domain/job"
)

// ClassID names a set of demanded capabilities. Its owner keeps the numbers
// small: a queue spends memory on each up to the highest it has seen.
type ClassID uint32

// Entry is a job that waits.
type Entry struct {
	Job      job.ID
	Class    ClassID
	Priority int // higher goes first; what lies beyond 32 bits counts as the limit
	// Seq is the job's number in the order of arrival. A job that comes back to the
	// queue brings its old one, and so its old place.
	Seq uint64
}

// Before reports whether e is due before other: by priority, then by arrival.
// Entries that agree in both are ordered by job.
func (e Entry) Before(other Entry) bool {
	return cmp.Or(
		cmp.Compare(other.Priority, e.Priority),
		cmp.Compare(e.Seq, other.Seq),
		strings.Compare(string(e.Job.Run), string(other.Job.Run)),
		cmp.Compare(e.Job.Index, other.Job.Index),
	) < 0
}

// Queue is a set of waiting jobs in order. The zero value is empty.
type Queue struct {
	// A map holds every key a second time, but grows in small steps: a table of our
	// own would be smaller, and stand still for a tenth of a second at a million.
	handles map[job.ID]handle
	slab    slab
	classes []class // by ClassID
}

// class is the queue of one ClassID: a treap in the order of Before.
type class struct {
	root handle
	head handle // the first in order, so that looking at it costs nothing
}

// Push adds e, and reports false when its job waits already; then nothing changes.
func (q *Queue) Push(e Entry) bool {
	if _, waits := q.handles[e.Job]; waits {
		return false
	}
	if q.handles == nil {
		q.handles = make(map[job.ID]handle)
	}
	for int(e.Class) >= len(q.classes) {
		q.classes = append(q.classes, class{})
	}
	h := q.slab.put(e)
	q.handles[e.Job] = h
	c := &q.classes[e.Class]
	c.root = q.slab.insert(c.root, h)
	if c.head == none || q.slab.before(h, c.head) {
		c.head = h
	}
	return true
}

// Remove takes a job out and returns its entry, or false when it does not wait.
func (q *Queue) Remove(id job.ID) (Entry, bool) {
	h, waits := q.handles[id]
	if !waits {
		return Entry{}, false
	}
	e := q.slab.entry(h)
	c := &q.classes[e.Class]
	c.root = q.slab.remove(c.root, h)
	if c.head == h {
		c.head = q.slab.first(c.root)
	}
	delete(q.handles, id)
	q.slab.drop(h)
	return e, true
}

// Get returns the entry of a job, or false when it does not wait.
func (q *Queue) Get(id job.ID) (Entry, bool) {
	h, waits := q.handles[id]
	if !waits {
		return Entry{}, false
	}
	return q.slab.entry(h), true
}

// Head returns the entry of a class that is due first, or false when none waits.
func (q *Queue) Head(c ClassID) (Entry, bool) {
	if int(c) >= len(q.classes) || q.classes[c].head == none {
		return Entry{}, false
	}
	return q.slab.entry(q.classes[c].head), true
}

// Len returns how many jobs wait.
func (q *Queue) Len() int { return len(q.handles) }

// LenOf returns how many jobs of one class wait.
func (q *Queue) LenOf(c ClassID) int {
	if int(c) >= len(q.classes) {
		return 0
	}
	return q.slab.size(q.classes[c].root)
}

// Ahead returns how many jobs are due before id, counting its own class and those
// that competes admits, or false when it does not wait.
func (q *Queue) Ahead(id job.ID, competes func(ClassID) bool) (int, bool) {
	h, waits := q.handles[id]
	if !waits {
		return 0, false
	}
	own, ahead := q.slab.node(h).class, 0
	for c := range q.classes {
		if id := ClassID(c); id == own || competes(id) {
			ahead += q.slab.rank(q.classes[c].root, h)
		}
	}
	return ahead, true
}

// All returns the waiting jobs in order. The queue must not change meanwhile. Each
// step takes time in proportion to the number of classes.
func (q *Queue) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		heads := make([]handle, len(q.classes)) // what is due next in each class
		taken := make([]int, len(q.classes))
		for c := range q.classes {
			heads[c] = q.classes[c].head
		}
		for range q.Len() {
			due := -1
			for c, h := range heads {
				if h != none && (due < 0 || q.slab.before(h, heads[due])) {
					due = c
				}
			}
			if !yield(q.slab.entry(heads[due])) {
				return
			}
			taken[due]++
			heads[due] = q.slab.at(q.classes[due].root, taken[due])
		}
	}
}
