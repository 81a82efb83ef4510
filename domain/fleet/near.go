package fleet

import (
	"cmp"
	"slices"
	"strings"

	"yardmaster/domain/spelling"
	"yardmaster/domain/worker"
)

const (
	maxNear  = 5 // names in an answer
	farthest = 2 // letters that may differ
)

// Near returns a few of the workers that are known and whose IDs look like id, for
// whoever has mistyped one: those that begin like it first.
func (f *Fleet) Near(id worker.ID) []worker.ID {
	type candidate struct {
		id   worker.ID
		away int
	}
	var all []candidate
	wanted := strings.ToLower(string(id))
	for known := range f.by {
		name := strings.ToLower(string(known))
		if strings.HasPrefix(name, wanted) {
			all = append(all, candidate{known, 0})
		} else if max(len(name)-len(wanted), len(wanted)-len(name)) <= farthest { // or it is farther in any case
			if away := spelling.Distance(wanted, name); away <= farthest {
				all = append(all, candidate{known, away})
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.away, b.away), cmp.Compare(a.id, b.id)) })
	near := make([]worker.ID, 0, maxNear)
	for _, c := range all[:min(maxNear, len(all))] {
		near = append(near, c.id)
	}
	return near
}
