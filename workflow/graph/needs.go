package graph

import (
	"math/bits"
	"slices"
)

// shown returns what a drawing connects: by all needs, or, if it would have too many
// wires or rails, by those that others do not imply. It reports whether it is all.
func (g *Graph) shown() (n *net, all bool) {
	needs := make([][]int, len(g.Jobs))
	for i := range g.Jobs {
		needs[i] = g.Jobs[i].Needs
	}
	n = netOf(g, needs)
	if n.wires() <= maxWires && n.rails() <= maxRails {
		return n, true
	}
	reach := make([]bitset, len(g.Jobs)) // of each job, all that must end before it
	all = true
	for _, level := range g.Levels {
		for _, i := range level {
			needs[i], reach[i] = g.ownNeeds(i, reach)
			all = all && len(needs[i]) == len(g.Jobs[i].Needs)
		}
	}
	return netOf(g, needs), all
}

// ownNeeds returns the needs of job i that its other needs do not need themselves,
// and all that must end before it. Reach holds the same for jobs of lower levels.
func (g *Graph) ownNeeds(i int, reach []bitset) (own []int, all bitset) {
	needs := slices.Clone(g.Jobs[i].Needs)
	slices.SortStableFunc(needs, func(a, b int) int { return g.Jobs[b].Level - g.Jobs[a].Level })
	all = make(bitset, (len(g.Jobs)+bits.UintSize-1)/bits.UintSize)
	for _, need := range needs {
		if all.has(need) {
			continue // by a job of a higher level
		}
		own = append(own, need)
		all.add(need)
		all.merge(reach[need])
	}
	slices.Sort(own)
	return own, all
}

// bitset is a set of small numbers.
type bitset []uint

func (s bitset) has(n int) bool { return s[n/bits.UintSize]&(1<<(n%bits.UintSize)) != 0 }

func (s bitset) add(n int) { s[n/bits.UintSize] |= 1 << (n % bits.UintSize) }

func (s bitset) merge(other bitset) {
	for i, word := range other {
		s[i] |= word
	}
}
