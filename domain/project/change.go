package project

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Changes says in words what another set says differently, one sentence for each
// limit of a project, those of projects without limits of their own first.
func (s Set) Changes(to Set) (words []string) {
	words = s.Others.changes("default", to.Others)
	named := map[string]struct{}{}
	for _, by := range []map[string]Limits{s.By, to.By} {
		for name := range by {
			named[name] = struct{}{}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		words = append(words, s.Of(name).changes("project "+name, to.Of(name))...)
	}
	return words
}

func (l Limits) changes(whose string, to Limits) (words []string) {
	for _, of := range []struct{ key, from, to string }{
		{"weight", number(l.Share()), number(to.Share())},
		{"running", limit(float64(l.Running)), limit(float64(to.Running))},
		{"queued", limit(float64(l.Queued)), limit(float64(to.Queued))},
		{"starts-per-second", limit(l.StartsPerSecond), limit(to.StartsPerSecond)},
		{"pool", pool(l.Pool), pool(to.Pool)},
	} {
		if of.from != of.to {
			words = append(words, fmt.Sprintf("%s: %s is %s, was %s", whose, of.key, of.to, of.from))
		}
	}
	return words
}

func limit(n float64) string {
	if n <= 0 {
		return "unlimited"
	}
	return number(n)
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func pool(name string) string {
	if name == "" {
		return "the default one"
	}
	return name
}
