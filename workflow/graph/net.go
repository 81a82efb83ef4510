package graph

import (
	"slices"
	"strconv"
	"strings"
)

// net is what a drawing connects: the jobs, and joints, where the wires of several
// jobs meet that several others all need.
type net struct {
	columns []int   // of each node, from the left; the jobs come first
	after   [][]int // of each node, those that it leads to, each further right
	width   int     // how many columns there are
}

// netOf returns the net of the graph with the given needs. A level before which wires
// meet has a column for joints before it.
func netOf(g *Graph, needs [][]int) *net {
	joints := jointsOf(g, needs)
	column := make([]int, len(g.Levels))
	for k := range column {
		if k > 0 {
			column[k] = column[k-1] + 1
		}
		if slices.ContainsFunc(joints, func(j joint) bool { return g.Jobs[j.users[0]].Level == k }) {
			column[k]++
		}
	}
	n := &net{columns: make([]int, len(g.Jobs)), after: make([][]int, len(g.Jobs), len(g.Jobs)+len(joints))}
	for i := range g.Jobs {
		n.columns[i] = column[g.Jobs[i].Level]
		n.width = max(n.width, n.columns[i]+1)
	}
	joined := make([]bool, len(g.Jobs))
	for _, j := range joints {
		at := len(n.columns)
		n.columns, n.after = append(n.columns, n.columns[j.users[0]]-1), append(n.after, j.users)
		for _, need := range needs[j.users[0]] {
			n.after[need] = append(n.after[need], at)
		}
		for _, user := range j.users {
			joined[user] = true
		}
	}
	for i := range g.Jobs {
		for _, need := range needs[i] {
			if !joined[i] && n.columns[need] < n.columns[i] {
				n.after[need] = append(n.after[need], i)
			}
		}
	}
	return n
}

// joint is where the wires of jobs meet that others all need; those are on one level.
type joint struct{ users []int }

// jointsOf returns the joints that spare many wires, in the order of their users.
func jointsOf(g *Graph, needs [][]int) (joints []joint) {
	at := make(map[string]int, len(g.Jobs))
	var key strings.Builder
	for i := range g.Jobs {
		if len(needs[i]) < 2 || g.Jobs[i].Level == 0 {
			continue
		}
		key.Reset()
		for _, need := range slices.Sorted(slices.Values(needs[i])) {
			key.WriteString(strconv.Itoa(need) + " ")
		}
		k, known := at[key.String()]
		if !known {
			k = len(joints)
			at[key.String()] = k
			joints = append(joints, joint{})
		}
		joints[k].users = append(joints[k].users, i)
	}
	return slices.DeleteFunc(joints, func(j joint) bool {
		ends, starts := len(j.users), len(needs[j.users[0]])
		return ends*starts <= ends+starts+2
	})
}

// wires returns how many wires there are when rails are not counted.
func (n *net) wires() (wires int) {
	for _, after := range n.after {
		wires += len(after)
	}
	return wires
}

// rails returns how many places rails pass: one for each column between a node and the
// last that it leads to.
func (n *net) rails() (rails int) {
	for i, after := range n.after {
		last := n.columns[i] + 1
		for _, to := range after {
			last = max(last, n.columns[to])
		}
		rails += last - n.columns[i] - 1
	}
	return rails
}
