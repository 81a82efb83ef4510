// Package graph shows the plan of a workflow: which job needs which, in levels. It
// says so as a text for terminals, in the language of Graphviz, and as a picture in
// SVG that it lays out itself.
//
// What it promises:
//
//   - It is pure, and the same plan gives the same bytes on every machine: it
//     reckons in whole numbers only.
//   - Boxes do not overlap, a wire leads from left to right, and none passes behind
//     a box, unless the drawing would become too large by their ways around.
//   - Its work and its output are bounded by the limits of a plan.
//   - Texts of the file are escaped for where they stand.
package graph

import (
	"strings"

	"yardmaster/domain/plan"
)

// Graph is the jobs of a workflow as its file has them: the cells of a matrix are
// one job, as they need the same jobs and are needed together.
type Graph struct {
	Name string
	Jobs []Job // in the order of the file
	// Levels holds the indexes of the jobs on each level, in order. A job is on the
	// level behind the last one that it needs.
	Levels [][]int
}

// Job is a job of the file.
type Job struct {
	ID, Name string
	If       string   // its condition; "" for the usual one
	Needs    []int    // indexes in Graph.Jobs, each once
	Matrix   bool     // it has a matrix
	Cells    []string // the keys of the jobs that its matrix makes
	Level    int      // index in Graph.Levels
}

// MaxShown is how many cells of a matrix, or needs of a job in a text, are shown one
// by one, unless all shall be.
const MaxShown = 8

// Of returns the graph of a plan.
func Of(w *plan.Workflow) *Graph {
	g := &Graph{Name: w.Name}
	of := make([]int, len(w.Jobs))   // of each job of the plan, its job here
	first := make([]int, 0, len(of)) // of each job here, its first cell
	byGroup := make(map[int]int, 8)  // of each group, its job here
	for i := range w.Jobs {
		j := &w.Jobs[i]
		at, known := byGroup[j.Group]
		if !known || j.Group == plan.NoGroup {
			at = len(g.Jobs)
			g.Jobs = append(g.Jobs, Job{ID: j.ID, Name: baseName(j), If: oneLine(j.If)})
			first = append(first, i)
		}
		of[i] = at
		if j.Group != plan.NoGroup {
			byGroup[j.Group] = at
			g.Jobs[at].Matrix = true
			g.Jobs[at].Cells = append(g.Jobs[at].Cells, j.Key)
		}
	}
	seen := make([]int, len(g.Jobs)) // 1 + the last job that was found to need it
	for i := range g.Jobs {
		for _, need := range w.Jobs[first[i]].Needs {
			if to := of[need]; seen[to] != i+1 {
				seen[to] = i + 1
				g.Jobs[i].Needs = append(g.Jobs[i].Needs, to)
			}
		}
	}
	g.level()
	return g
}

// baseName returns what the cells of a matrix are all called, without their values.
func baseName(j *plan.Job) string {
	return strings.TrimSuffix(j.Name, strings.TrimPrefix(j.Key, j.ID))
}

// oneLine makes one line of a text of the file.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// level puts each job on the level behind all that it needs. Jobs that need each
// other in a circle, which no plan has, stay on the first.
func (g *Graph) level() {
	open := make([]int, len(g.Jobs)) // needs that have no level yet
	users := g.users()
	ready := make([]int, 0, len(g.Jobs))
	for i, j := range g.Jobs {
		if open[i] = len(j.Needs); open[i] == 0 {
			ready = append(ready, i)
		}
	}
	for next := 0; next < len(ready); next++ {
		i := ready[next]
		for _, user := range users[i] {
			g.Jobs[user].Level = max(g.Jobs[user].Level, g.Jobs[i].Level+1)
			if open[user]--; open[user] == 0 {
				ready = append(ready, user)
			}
		}
	}
	for i := range g.Jobs {
		j := &g.Jobs[i]
		if open[i] > 0 {
			j.Level = 0
		}
		for len(g.Levels) <= j.Level {
			g.Levels = append(g.Levels, nil)
		}
		g.Levels[j.Level] = append(g.Levels[j.Level], i)
	}
}

// users returns, for each job, those that need it.
func (g *Graph) users() [][]int {
	users := make([][]int, len(g.Jobs))
	for i, j := range g.Jobs {
		for _, need := range j.Needs {
			users[need] = append(users[need], i)
		}
	}
	return users
}

// Values returns what tells a cell of the job from the others, as its key has it.
func (j *Job) Values(cell string) string { return strings.TrimSpace(strings.TrimPrefix(cell, j.ID)) }

// jobs returns how many jobs a run of the workflow has.
func (g *Graph) jobs() (n int) {
	for i := range g.Jobs {
		n += max(1, len(g.Jobs[i].Cells))
	}
	return n
}
