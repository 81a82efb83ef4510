package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/plan"
	"yardmaster/workflow/graph"
)

// anyGraph is a graph of up to 30 jobs, in any order in the file, some of them with
// matrices and conditions.
func anyGraph() *rapid.Generator[*graph.Graph] {
	return rapid.Custom(func(t *rapid.T) *graph.Graph {
		n := rapid.IntRange(1, 30).Draw(t, "jobs")
		place := rapid.Permutation(numbers(n)).Draw(t, "places")
		w := &plan.Workflow{Name: "w"}
		first, cells := make([]int, n+1), make([]int, n)
		for at := range n {
			cells[at] = rapid.SampledFrom([]int{0, 0, 0, 1, 3, 9, 40}).Draw(t, "cells")
			first[at+1] = first[at] + max(1, cells[at])
		}
		needs := make([][]int, n) // of each place in the file
		for k := 1; k < n; k++ {
			if rapid.Bool().Draw(t, "the same needs as another") {
				needs[place[k]] = slices.Clone(needs[place[rapid.IntRange(0, k-1).Draw(t, "other")]])
				continue
			}
			for range rapid.IntRange(0, 5).Draw(t, "needs") {
				need := place[rapid.IntRange(0, k-1).Draw(t, "need")]
				if !slices.Contains(needs[place[k]], need) {
					needs[place[k]] = append(needs[place[k]], need)
				}
			}
		}
		for at := range n {
			j := plan.Job{ID: fmt.Sprintf("j%d", at), Group: plan.NoGroup}
			j.Name = rapid.SampledFrom([]string{j.ID, "A longer name", "名前"}).Draw(t, "name")
			j.If = rapid.SampledFrom([]string{"", "always()"}).Draw(t, "if")
			for _, need := range needs[at] {
				for c := first[need]; c < first[need+1]; c++ {
					j.Needs = append(j.Needs, c)
				}
			}
			if cells[at] > 0 {
				j.Group = len(w.Groups)
				w.Groups = append(w.Groups, plan.Group{})
			}
			for c := range max(1, cells[at]) {
				cell := j
				cell.Key = j.ID
				if cells[at] > 0 {
					cell.Key, cell.Name = fmt.Sprintf("%s (%d)", j.ID, c), fmt.Sprintf("%s (%d)", j.Name, c)
				}
				w.Jobs = append(w.Jobs, cell)
			}
		}
		return graph.Of(w)
	})
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestLayoutsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph().Draw(t, "graph")
		o := graph.Options{Expand: rapid.Bool().Draw(t, "expand")}
		for i, j := range g.Jobs {
			level := 0
			for _, need := range j.Needs {
				level = max(level, g.Jobs[need].Level+1)
			}
			require.Equal(t, level, j.Level, "the longest path to job %d", i)
			require.Contains(t, g.Levels[level], i)
		}
		d := g.Layout(o)
		require.True(t, d.Whole)
		checkBoxes(t, g, d)
		checkWires(t, g, d)
		require.Equal(t, d, g.Layout(o), "the same each time")
		svg := g.SVG(o)
		require.Equal(t, svg, g.SVG(o))
	})
}

// checkBoxes holds boxes to lie within the drawing, in the column of their level, and
// apart.
func checkBoxes(t require.TestingT, g *graph.Graph, d *graph.Drawing) {
	for i, box := range d.Boxes {
		require.Positive(t, box.X)
		require.Positive(t, box.Y)
		require.Less(t, box.X+box.W, d.Width)
		require.Less(t, box.Y+box.H, d.Height)
		for k := range i {
			other := d.Boxes[k]
			apart := box.X+box.W < other.X || other.X+other.W < box.X || box.Y+box.H < other.Y || other.Y+other.H < box.Y
			require.True(t, apart, "boxes %d and %d overlap: %v, %v", i, k, box, other)
			require.Equal(t, g.Jobs[i].Level < g.Jobs[k].Level, box.X < other.X)
		}
	}
}

// checkWires holds wires to go forward, past no box, and to lead from each need to the
// job that has it, and to no other.
func checkWires(t require.TestingT, g *graph.Graph, d *graph.Drawing) {
	from := map[graph.Point][]graph.Wire{}
	for _, w := range d.Wires {
		require.Less(t, w.From.X, w.To.X)
		require.LessOrEqual(t, w.To.X, w.Along)
		from[w.From] = append(from[w.From], w)
		for _, box := range d.Boxes {
			inColumn := w.From.X < box.X+box.W && w.To.X > box.X
			require.False(t, inColumn, "the curve of %v turns in the column of %v", w, box)
			passes := w.To.X < box.X+box.W && w.Along > box.X && w.To.Y >= box.Y && w.To.Y <= box.Y+box.H
			require.False(t, passes, "%v passes behind %v", w, box)
		}
	}
	for i := range g.Jobs {
		var reached []int
		seen := map[graph.Point]bool{}
		var follow func(graph.Point)
		follow = func(at graph.Point) {
			if seen[at] {
				return
			}
			seen[at] = true
			for _, w := range from[at] {
				if !w.Arrow {
					follow(graph.Point{X: w.Along, Y: w.To.Y})
					continue
				}
				reached = append(reached, slices.IndexFunc(d.Boxes, func(b graph.Box) bool {
					return b.X == w.To.X && b.Y+b.H/2 == w.To.Y
				}))
			}
		}
		b := d.Boxes[i]
		follow(graph.Point{X: b.X + b.W, Y: b.Y + b.H/2})
		var users []int
		for k, j := range g.Jobs {
			if slices.Contains(j.Needs, i) {
				users = append(users, k)
			}
		}
		slices.Sort(reached)
		require.Equal(t, users, reached, "who needs job %d", i)
	}
}

func TestWiresMeetWhereManyJobsNeedTheSame(t *testing.T) {
	t.Parallel()
	same := []int{0, 1, 2, 3}
	g := of(nil, nil, nil, nil, same, []int{3, 2, 1, 0}, same, []int{0, 1, 2})
	d := g.Layout(graph.Options{})
	require.Len(t, d.Joints, 1)
	assert.Len(t, d.Wires, 4+3+3+3, "to the joint, from it, to the column of joints and on to the last job")
	checkBoxes(t, g, d)
	checkWires(t, g, d)

	needs := make([][]int, 1024)
	for i := 512; i < 1024; i++ {
		needs[i] = numbers(512)
	}
	d = of(needs...).Layout(graph.Options{})
	assert.True(t, d.Whole)
	assert.Len(t, d.Wires, 1024)
}

func TestWiresDoNotCrossWithoutNeed(t *testing.T) {
	t.Parallel()
	// Each job needs the one opposite: as in the file all wires cross, and need not.
	g := of(nil, nil, nil, nil, []int{3}, []int{2}, []int{1}, []int{0})
	for _, w := range g.Layout(graph.Options{}).Wires {
		assert.Equal(t, w.From.Y, w.To.Y, "straight")
	}
}

// TestTooManyNeedsAreLeftToThoseThatImplyThem draws jobs that need all before them.
func TestTooManyNeedsAreLeftToThoseThatImplyThem(t *testing.T) {
	t.Parallel()
	needs := make([][]int, 300)
	for i := range needs {
		needs[i] = numbers(i)
	}
	g := of(needs...)
	d := g.Layout(graph.Options{})
	assert.False(t, d.Whole)
	assert.Len(t, d.Wires, 299)
	assert.Contains(t, g.SVG(graph.Options{}), "needs that others imply are not drawn")
	checkBoxes(t, g, d)

	// Here none implies another, and rails would fill the drawing.
	needs = make([][]int, 600)
	for i := 1; i < 300; i++ {
		needs[i] = []int{i - 1}
	}
	needs[599] = append(numbers(599)[300:], 299)
	g = of(needs...)
	d = g.Layout(graph.Options{})
	assert.True(t, d.Whole)
	assert.Len(t, d.Wires, 299+300)
	checkBoxes(t, g, d)
}
