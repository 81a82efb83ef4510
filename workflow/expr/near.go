package expr

import (
	"slices"
	"strings"

	"yardmaster/domain/spelling"
)

const (
	maxNames  = 200  // that a name is compared with
	maxLooked = 3000 // bytes of the name, once for each of these
	maxListed = 15   // names that a hint lists
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
	if len(names) > maxNames || len(names)*len(name) > maxLooked {
		return ""
	}
	return spelling.Nearest(name, names, fold)
}
