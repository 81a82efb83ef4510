package placement

import (
	"fmt"
	"slices"

	"yardmaster/domain/queue"
	"yardmaster/domain/worker"
)

// class is all jobs that demand the same labels.
type class struct {
	labels []string
	jobs   int     // that wait or hold a slot
	used   uint64  // the arrival that asked for it last
	ready  heap    // kinds that meet the demand and have a free slot, best first
	at     []int32 // each kind's place in ready, or absent
}

// classFor returns the class of a demand, and makes it if need be.
func (y *Yard) classFor(labels []string) (queue.ClassID, error) {
	labels = canonical(labels)
	y.scratch = appendKey(y.scratch[:0], labels)
	if id, found := y.demand[string(y.scratch)]; found {
		y.classes[id].used = y.seq
		return id, nil
	}
	if !y.roomForClass() {
		return 0, fmt.Errorf("%w: %d are in use", ErrTooManyDemands, MaxClasses)
	}
	id := y.takeClass()
	c := &class{labels: slices.Clone(labels), used: y.seq, at: slices.Repeat([]int32{absent}, len(y.kinds))}
	c.ready = heap{less: y.lessKind, moved: func(k, at int32) { c.at[k] = at }}
	y.classes[id] = c
	y.demand[string(y.scratch)] = id
	for k := range y.kinds {
		if y.kinds[k].members > 0 && admitsLabels(labels, y.kinds[k].labels) {
			y.kinds[k].classes = append(y.kinds[k].classes, id)
			if len(y.kinds[k].ready.items) > 0 {
				c.ready.add(int32(k))
			}
		}
	}
	return id, nil
}

func (y *Yard) takeClass() queue.ClassID {
	if n := len(y.freeClasses); n > 0 {
		id := y.freeClasses[n-1]
		y.freeClasses = y.freeClasses[:n-1]
		return id
	}
	y.classes = append(y.classes, nil)
	return queue.ClassID(len(y.classes) - 1)
}

// roomForClass forgets the class that has been idle longest, if there are too
// many, and reports whether one more may be made.
func (y *Yard) roomForClass() bool {
	oldest, idle := -1, 0
	for id, c := range y.classes {
		if c == nil || c.jobs > 0 {
			continue
		}
		idle++
		if oldest < 0 || c.used < y.classes[oldest].used {
			oldest = id
		}
	}
	full := len(y.demand) >= MaxClasses
	if idle > maxIdle || full && idle > 0 {
		y.dropClass(queue.ClassID(oldest))
		return true
	}
	return !full
}

func (y *Yard) dropClass(id queue.ClassID) {
	delete(y.demand, string(appendKey(nil, y.classes[id].labels)))
	for k := range y.kinds {
		of := &y.kinds[k].classes
		if i := slices.Index(*of, id); i >= 0 {
			*of = slices.Delete(*of, i, i+1)
		}
	}
	y.classes[id] = nil
	y.freeClasses = append(y.freeClasses, id)
}

// choose returns the best ready worker for a class that has one, passing over the
// worker to avoid when there is another.
func (y *Yard) choose(c *class, avoid worker.ID) int32 {
	k := c.ready.items[0]
	best := y.kinds[k].ready.items[0]
	if avoid == "" || y.members[best].id != avoid {
		return best
	}
	second := absent
	for _, m := range y.kinds[k].ready.seconds() {
		if second == absent || y.lessMember(m, second) {
			second = m
		}
	}
	for _, k := range c.ready.seconds() {
		if m := y.kinds[k].ready.items[0]; second == absent || y.lessMember(m, second) {
			second = m
		}
	}
	if second == absent {
		return best
	}
	return second
}
