package placement

import (
	"sort"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
)

// maxRivals is how many of the jobs ahead of another are named.
const maxRivals = 5

// rivals are the waiting jobs of one project that compete with a job: some worker
// could take either.
type rivals struct {
	share   *share
	lanes   []int32
	waiting int
	most    int // that may be placed before a limit stops them
	placed  int // for the sake of the argument
	taken   []int
}

// explainPlace says who goes before a job: the order in which jobs would be placed
// if workers had room for one after the other, and nothing ended.
func (y *Yard) explainPlace(e *Explanation, own queue.Entry) {
	all := y.rivalsOf(own)
	mine := all[y.lanes.at(int32(own.Class)).share]
	mine.most = mine.waiting
	before := 0
	for _, l := range mine.lanes {
		n, _ := y.queue.Ahead(own.Job, queue.ClassID(l))
		before += n
	}
	turn := ratio(mine.share.held+before, mine.share.limits)
	e.Ahead, e.Competing = before, mine.waiting
	for _, r := range all {
		if r != mine && r.most > 0 {
			e.Competing += r.waiting
			e.Ahead += y.before(r, turn, own.Job)
		}
	}
	y.explainFirst(e, all, mine, own)
}

// rivalsOf returns the jobs that compete with one, its own project's included, by share.
func (y *Yard) rivalsOf(own queue.Entry) map[int32]*rivals {
	d := y.demands.all[y.lanes.at(int32(own.Class)).demand]
	competes := make([]bool, len(y.demands.all))
	for id, other := range y.demands.all {
		competes[id] = other != nil && other.waiting > 0 && (other == d || y.compete(d, other))
	}
	all := map[int32]*rivals{}
	for id := range y.lanes.all {
		l := y.lanes.at(int32(id))
		if l.jobs == 0 || l.first == absent || !competes[l.demand] {
			continue
		}
		r := all[l.share]
		if r == nil {
			r = &rivals{share: y.shares.all[l.share]}
			all[l.share] = r
		}
		r.lanes = append(r.lanes, int32(id))
		r.taken = append(r.taken, 0)
		r.waiting += y.queue.LenOf(queue.ClassID(id))
	}
	for _, r := range all {
		switch limit := r.share.limits.Running; {
		case !r.share.may:
		case limit > 0:
			r.most = min(r.waiting, limit-r.share.held)
		default:
			r.most = r.waiting
		}
	}
	return all
}

// compete reports whether some connected worker meets both demands, or there is none.
func (y *Yard) compete(a, b *demand) bool {
	for k := range y.fleet.kinds {
		of := &y.fleet.kinds[k]
		if of.members > 0 && of.matches(a) && of.matches(b) {
			return true
		}
	}
	return len(y.fleet.of) == 0
}

// before returns how many jobs of another project go before the one whose turn comes
// when its project has so many slots for its weight.
func (y *Yard) before(r *rivals, turn float64, id job.ID) int {
	n := sort.Search(r.most, func(i int) bool { return ratio(r.share.held+i, r.share.limits) >= turn })
	older := 0
	for _, l := range r.lanes {
		ahead, _ := y.queue.Ahead(id, queue.ClassID(l))
		older += ahead
	}
	for n < r.most && n < older && ratio(r.share.held+n, r.share.limits) == turn {
		n++
	}
	return n
}

// explainFirst names the jobs that go first.
func (y *Yard) explainFirst(e *Explanation, all map[int32]*rivals, mine *rivals, own queue.Entry) {
	for len(e.First) < maxRivals {
		var next *rivals
		var first queue.Entry
		lane := 0
		for _, r := range all {
			if r.placed >= r.most {
				continue
			}
			entry, at := y.nextOf(r)
			if next == nil || y.goesBefore(r, entry, next, first) {
				next, first, lane = r, entry, at
			}
		}
		if next == nil || first.Job == own.Job {
			return
		}
		e.First = append(e.First, Rival{
			Job: first.Job, Project: next.share.name, Priority: int(noteOf(first.Note).priority),
			QueuedAt: y.queuedAt(first), Why: y.reasonFor(next, first, mine, own),
		})
		next.placed++
		next.taken[lane]++
	}
}

// nextOf returns the next job of a project, and which of its lanes it is in.
func (y *Yard) nextOf(r *rivals) (next queue.Entry, lane int) {
	lane = -1
	for i, l := range r.lanes {
		e, waits := y.queue.At(queue.ClassID(l), r.taken[i])
		if waits && (lane < 0 || e.Before(next)) {
			next, lane = e, i
		}
	}
	return next, lane
}

func (r *rivals) ratio() float64 { return ratio(r.share.held+r.placed, r.share.limits) }

func (y *Yard) goesBefore(a *rivals, x queue.Entry, b *rivals, z queue.Entry) bool {
	if a.ratio() != b.ratio() {
		return a.ratio() < b.ratio()
	}
	return x.Before(z)
}

func (y *Yard) reasonFor(r *rivals, e queue.Entry, mine *rivals, own queue.Entry) Reason {
	if r.ratio() != mine.ratio() {
		return ReasonShare
	}
	theirs, ours := y.queuedAt(e), y.queuedAt(own)
	if theirs.Before(ours) || theirs.Equal(ours) && noteOf(e.Note).priority <= noteOf(own.Note).priority {
		return ReasonWaited
	}
	return ReasonPriority
}
