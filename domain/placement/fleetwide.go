package placement

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"yardmaster/domain/queue"
	"yardmaster/domain/resource"
)

// Could says whether any connected worker could ever take a job, whatever it does
// at the moment.
type Could struct {
	Ever bool
	// Reason is a sentence that says why not, when Ever is false.
	Reason string
	// Excluded is what the filters say that ask what a worker is.
	Excluded []Exclusion
}

// Could reports whether any connected worker could ever take a job, which need not
// be known here. If one can, that is mostly found at once; else it looks at all.
func (y *Yard) Could(r Request) Could {
	labels := canonical(r.Labels)
	y.scratch = demandKey(y.scratch[:0], labels, r.Pool, r.Resources)
	if id, found := y.demands.of[string(y.scratch)]; found && y.demands.all[id].could > 0 {
		return Could{Ever: true}
	}
	w := wish{demand: &demand{labels: labels, pool: r.Pool, need: r.Resources}}
	if y.anyCould(&w) {
		return Could{Ever: true}
	}
	e := Explanation{Job: r.Job}
	y.explainWorkers(&e, &w, filters[:lasting])
	if e.Workers == 0 {
		return Could{Reason: "no worker is connected"}
	}
	return Could{Reason: e.Excluded[len(e.Excluded)-1].Reason, Excluded: e.Excluded}
}

func (y *Yard) anyCould(w *wish) bool {
	meets := make([]bool, len(y.fleet.kinds))
	any := false
	for k := range y.fleet.kinds {
		of := &y.fleet.kinds[k]
		meets[k] = of.members > 0 && of.matches(w.demand)
		any = any || meets[k]
	}
	if !any {
		return false
	}
	for i := range y.fleet.members {
		if m := &y.fleet.members[i]; m.id != "" && meets[m.kind] && m.fitsEver(w.demand.need) {
			return true
		}
	}
	return false
}

// Demand is one kind of demand, and how it is met: jobs are alike in it when the
// same workers could take them.
type Demand struct {
	Labels        []string // sorted
	Pool          string
	Resources     resource.Amount
	Waiting, Held int
	// Limited is how many of the waiting a limit of their project keeps from a slot,
	// however many are free.
	Limited int
	// OldestWait is how long a job has waited that is due first of its project: the
	// longest of these.
	OldestWait time.Duration
	// Typical is how long such jobs hold their slot, 0 if not known.
	Typical time.Duration
	// Stuck is how many of the waiting no connected worker could ever take.
	Stuck int
}

// Demands returns the kinds of demand of the jobs that wait or hold a slot, in order
// of their labels.
func (y *Yard) Demands(now time.Time) []Demand {
	var all []Demand
	room := map[int32]int{} // of the projects met so far
	for _, d := range y.demands.all {
		if d == nil || d.jobs == 0 {
			continue
		}
		of := Demand{
			Labels: slices.Clone(d.labels), Pool: d.pool, Resources: d.need,
			Waiting: d.waiting, Held: d.held, Typical: d.typical,
		}
		for _, first := range d.first.items {
			of.Limited += y.limited(first.item, room, now)
			e, _ := y.queue.Head(queue.ClassID(first.item))
			if at := y.queuedAt(e); !at.IsZero() {
				of.OldestWait = max(of.OldestWait, now.Sub(at))
			}
		}
		if d.could == 0 {
			of.Stuck = d.waiting
		}
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b Demand) int {
		return cmp.Or(
			slices.Compare(a.Labels, b.Labels), strings.Compare(a.Pool, b.Pool),
			cmp.Compare(a.Resources.CPU, b.Resources.CPU), cmp.Compare(a.Resources.Memory, b.Resources.Memory),
		)
	})
	return all
}

// limited returns how many of the jobs that wait in a lane the limits of its project
// keep from a slot, when room is what they leave to the lanes that were not met yet.
func (y *Yard) limited(l int32, room map[int32]int, now time.Time) int {
	id := y.lanes.at(l).share
	left, met := room[id]
	if !met {
		left = y.shares.all[id].room(now)
	}
	waiting := y.queue.LenOf(queue.ClassID(l))
	may := min(waiting, left)
	room[id] = left - may
	return waiting - may
}
