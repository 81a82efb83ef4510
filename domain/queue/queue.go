// Package queue holds the jobs that wait for a slot, in the order in which they
// are due: the least Due first, then who came first.
//
// Jobs that are alike in all that decides whether they may be placed form a class,
// and each class is a queue of its own, so that a class that must wait holds up
// nobody else. Within a class every operation takes time logarithmic in its
// length. Nothing here is safe for two goroutines at once.
package queue

import (
	"cmp"
	"iter"
	"strings"

	"yardmaster/domain/job"
)

// ClassID names a class of jobs. Its owner keeps the numbers small: a queue spends
// memory on each up to the highest it has seen.
type ClassID uint32

// Entry is a job that waits.
type Entry struct {
	Job   job.ID
	Class ClassID
	// Due is its place in the order, for which the owner has a measure of its own:
	// a job with a lesser one goes first.
	Due int64
	// Seq is the job's number in the order of arrival. A job that comes back to the
	// queue brings its old one, and so its old place.
	Seq uint64
	// Note is kept for the owner, and means nothing here.
	Note uint64
}

// Before reports whether e is due before other: by Due, then by arrival. Entries
// that agree in both are ordered by job.
func (e Entry) Before(other Entry) bool {
	return cmp.Or(
		cmp.Compare(e.Due, other.Due),
		cmp.Compare(e.Seq, other.Seq),
		strings.Compare(string(e.Job.Run), string(other.Job.Run)),
		cmp.Compare(e.Job.Index, other.Job.Index),
	) < 0
}

// Queue is a set of waiting jobs in order. The zero value is empty.
type Queue struct {
	index   index
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
	if q.index.get(&q.slab, e.Job) != none {
		return false
	}
	for int(e.Class) >= len(q.classes) {
		q.classes = append(q.classes, class{})
	}
	h := q.slab.put(e)
	q.index.add(e.Job, h)
	c := &q.classes[e.Class]
	c.root = q.slab.insert(c.root, h)
	if c.head == none || q.slab.before(h, c.head) {
		c.head = h
	}
	return true
}

// Remove takes a job out and returns its entry, or false when it does not wait.
func (q *Queue) Remove(id job.ID) (Entry, bool) {
	h := q.index.get(&q.slab, id)
	if h == none {
		return Entry{}, false
	}
	e := q.slab.entry(h)
	c := &q.classes[e.Class]
	c.root = q.slab.remove(c.root, h)
	if c.head == h {
		c.head = q.slab.first(c.root)
	}
	q.index.remove(&q.slab, id)
	q.slab.drop(h)
	return e, true
}

// Get returns the entry of a job, or false when it does not wait.
func (q *Queue) Get(id job.ID) (Entry, bool) {
	h := q.index.get(&q.slab, id)
	if h == none {
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
func (q *Queue) Len() int { return q.index.len }

// LenOf returns how many jobs of one class wait.
func (q *Queue) LenOf(c ClassID) int {
	if int(c) >= len(q.classes) {
		return 0
	}
	return q.slab.size(q.classes[c].root)
}

// At returns the entry of a class that has i others of it before it, or false when
// fewer wait.
func (q *Queue) At(c ClassID, i int) (Entry, bool) {
	if int(c) >= len(q.classes) {
		return Entry{}, false
	}
	h := q.slab.at(q.classes[c].root, i)
	if h == none {
		return Entry{}, false
	}
	return q.slab.entry(h), true
}

// Ahead returns how many jobs of a class are due before a job of any class, or
// false when that one does not wait.
func (q *Queue) Ahead(id job.ID, c ClassID) (int, bool) {
	h := q.index.get(&q.slab, id)
	if h == none || int(c) >= len(q.classes) {
		return 0, h != none
	}
	return q.slab.rank(q.classes[c].root, h), true
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
