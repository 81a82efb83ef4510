package expr

import (
	"slices"
	"strings"
)

const (
	maxCompared = 40  // bytes of a name beyond which no suggestion is made
	maxDistance = 3   // edits between a name and what it may stand for
	maxNames    = 200 // that a name is compared with
	maxListed   = 15  // names that a hint lists
)

// suggest returns which of the names is meant, or else lists them.
func suggest(name string, names []string, before string) string {
	if near := nearest(name, names); near != "" {
		return "did you mean " + quote(near) + "?"
	}
	return before + enumerate(names)
}

// enumerate lists names in the order of the alphabet, if they are not too many.
func enumerate(names []string) string {
	sorted := slices.Sorted(slices.Values(names[:min(len(names), maxNames)]))
	switch {
	case len(sorted) == 0:
		return "none"
	case len(sorted) > maxListed:
		return strings.Join(sorted[:maxListed], ", ") + ", ..."
	}
	return strings.Join(sorted, ", ")
}

// nearest returns the name that differs least from one that does not exist, or "".
func nearest(name string, names []string) string {
	if name == "" || len(name) > maxCompared || len(names) > maxNames {
		return ""
	}
	best, least := "", min(maxDistance, max(1, len(name)/2))+1
	for _, candidate := range names {
		if len(candidate) > maxCompared+maxDistance {
			continue
		}
		if n := distance(fold(name), fold(candidate)); n < least {
			best, least = candidate, n
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
