package actors

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

const (
	// maxUsed is how many labels are counted by name.
	maxUsed = 100
	// otherLabels is the name of all labels beyond.
	otherLabels = "other"
)

// Assignments shows which attempts each worker has been given that are still open,
// by what is stored, and counts which labels jobs were given workers for.
type Assignments struct {
	mu   sync.Mutex
	by   map[worker.ID]map[job.ID]resource.Amount
	used map[string]int64
}

// NewAssignments returns the assignments of a node that has none.
func NewAssignments() *Assignments {
	return &Assignments{by: map[worker.ID]map[job.ID]resource.Amount{}, used: map[string]int64{}}
}

// Of returns the jobs whose attempts a worker has, in order, and the resources that
// they have been given in all.
func (a *Assignments) Of(id worker.ID) ([]job.ID, resource.Amount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var sum resource.Amount
	for _, amount := range a.by[id] {
		sum = sum.Plus(amount)
	}
	return slices.SortedFunc(maps.Keys(a.by[id]), func(x, y job.ID) int {
		return cmp.Or(cmp.Compare(x.Run, y.Run), cmp.Compare(x.Index, y.Index))
	}), sum
}

// Used returns how often jobs that demand a label were given a worker since the
// node started: of the first hundred labels each, of all others together.
func (a *Assignments) Used() map[string]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.used)
}

// busy reports whether a worker has an attempt.
func (a *Assignments) busy(id worker.ID) bool { return a.count(id) > 0 }

// count returns how many attempts a worker has.
func (a *Assignments) count(id worker.ID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.by[id])
}

// changed takes up the next state of a job.
func (a *Assignments) changed(before, after *job.Job) {
	if before.Open == after.Open && before.Token() == after.Token() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(before)
	a.open(after)
	if after.Open {
		for _, label := range after.Spec.RunsOn {
			if _, known := a.used[label]; !known && len(a.used) >= maxUsed {
				label = otherLabels
			}
			a.used[label]++
		}
	}
}

func (a *Assignments) open(j *job.Job) {
	if !j.Open {
		return
	}
	w := worker.ID(j.Worker())
	if a.by[w] == nil {
		a.by[w] = map[job.ID]resource.Amount{}
	}
	a.by[w][j.ID] = j.Spec.Resources
}

func (a *Assignments) end(j *job.Job) {
	if !j.Open {
		return
	}
	if w := worker.ID(j.Worker()); a.by[w] != nil {
		delete(a.by[w], j.ID)
	}
}

// forget drops what is kept for a worker that has no attempt. The rest of it goes
// with the attempts.
func (a *Assignments) forget(id worker.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.by[id]) == 0 {
		delete(a.by, id)
	}
}

// replayed takes up the open attempts of a partition's ledger, instead of those of
// the one before, nil at first.
func (a *Assignments) replayed(before, after *ledger.Ledger) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before != nil {
		each(before, a.end)
	}
	each(after, a.open)
}

func each(l *ledger.Ledger, do func(*job.Job)) {
	for e := range l.Live() {
		for _, j := range e.Jobs {
			do(j)
		}
	}
}
