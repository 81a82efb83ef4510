package actors

import (
	"maps"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
)

// presence is what the coordinator knows of a worker that is there.
type presence struct {
	node   string // address
	worker placement.Worker
	// strange are the attempts that the worker said it runs, in its last word, and
	// that the yard does not hold there.
	strange map[job.ID]struct{}
	// squatters are those of them that take a slot: it said so twice, or with its
	// Hello. An attempt that cannot be ended is one, and one whose job has not
	// announced itself yet.
	squatters map[job.ID]struct{}
}

// slots returns the worker with the slots that are the yard's to give.
func (p *presence) slots() placement.Worker {
	w := p.worker
	w.Slots = max(0, w.Slots-len(p.squatters))
	return w
}

// runs takes in which attempts the worker runs, and reports whether that changes
// its slots. A single word may be late: between the end of an attempt and the
// next heartbeat the yard knows more than the worker said.
func (p *presence) runs(running map[job.ID]struct{}, held func(job.ID) bool) (changed bool) {
	strange := map[job.ID]struct{}{}
	squatters := map[job.ID]struct{}{}
	for id := range running {
		if held(id) {
			continue
		}
		strange[id] = struct{}{}
		if _, again := p.strange[id]; again {
			squatters[id] = struct{}{}
		}
	}
	changed = !maps.Equal(squatters, p.squatters)
	p.strange, p.squatters = strange, squatters
	return changed
}

// settled notes that the yard holds an attempt there now, and reports whether that
// changes the worker's slots.
func (p *presence) settled(id job.ID) (changed bool) {
	_, changed = p.squatters[id]
	delete(p.squatters, id)
	delete(p.strange, id)
	return changed
}
