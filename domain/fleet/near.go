package fleet

import (
	"cmp"
	"slices"
	"strings"

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
		} else if away := distance(wanted, name); away <= farthest {
			all = append(all, candidate{known, away})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.away, b.away), cmp.Compare(a.id, b.id)) })
	near := make([]worker.ID, 0, maxNear)
	for _, c := range all[:min(maxNear, len(all))] {
		near = append(near, c.id)
	}
	return near
}

// distance is how many bytes must be added, removed or replaced to make a of b, or
// more than farthest when that is clear sooner.
func distance(a, b string) int {
	if len(a)-len(b) > farthest || len(b)-len(a) > farthest {
		return farthest + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0] // of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			replaced := before
			if a[i] != b[j] {
				replaced++
			}
			before = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
