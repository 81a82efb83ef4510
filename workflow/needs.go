package workflow

import (
	"fmt"
	"strings"
)

// need is a job's wish for another to succeed first.
type need struct {
	pos
	id string
}

func (d *decoder) needs(n *node) (needs []need) {
	seen := map[string]bool{}
	for _, item := range d.oneOrMany(n) {
		id, ok := d.text(item)
		switch lower := strings.ToLower(id); {
		case !ok:
		case seen[lower]:
			d.reportAs(RuleNeeds, item.pos, "needs names "+quote(id)+" twice", "remove one")
		default:
			seen[lower] = true
			needs = append(needs, need{item.pos, id})
		}
	}
	return needs
}

const (
	maxCycles   = 10 // reported for one file
	maxOnCycle  = 12 // names of a cycle that are shown
	maxSuggests = 64 // jobs beyond which a misspelt need gets no suggestion
)

// checkNeeds resolves who needs whom, and reports needs that can never be met.
func (d *decoder) checkNeeds(f *file) {
	at := make(map[string]int, len(f.jobs))
	for i, j := range f.jobs {
		if lower := strings.ToLower(j.job.ID); at[lower] == 0 {
			at[lower] = i + 1
		}
	}
	g := graph{jobs: f.jobs, edges: make([][]edge, len(f.jobs))}
	for i, j := range f.jobs {
		for _, n := range j.needs {
			to := at[strings.ToLower(n.id)] - 1
			switch {
			case to < 0:
				d.report(n.pos, "needs names an unknown job "+quote(n.id), suggestJob(n.id, f.jobs))
			case to == i:
				d.report(n.pos, "job "+quote(n.id)+" needs itself", "remove it from its own needs")
			default:
				g.edges[i] = append(g.edges[i], edge{n.pos, to})
			}
		}
	}
	for _, c := range g.cycles() {
		d.report(c.at, "jobs need each other in a circle: "+c.path, "remove one of these needs")
	}
	for i, j := range f.jobs {
		for _, e := range g.edges[i] {
			j.job.Needs = append(j.job.Needs, e.to) // of drafts; build makes them of cells
		}
	}
}

func suggestJob(id string, jobs []*draft) string {
	if len(jobs) > maxSuggests {
		return ""
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.job.ID
	}
	if near := nearest(id, ids); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// graph is who needs whom, by index.
type graph struct {
	jobs  []*draft
	edges [][]edge
	mark  []uint8
	path  []int
	found []cycle
}

type edge struct {
	pos
	to int
}

type cycle struct {
	at   pos
	path string
}

const (
	unseen uint8 = iota
	onPath
	done
)

// cycles returns the first circles there are, each once, where it closes.
func (g *graph) cycles() []cycle {
	g.mark = make([]uint8, len(g.edges))
	for i := range g.edges {
		if g.mark[i] == unseen {
			g.visit(i)
		}
	}
	return g.found
}

func (g *graph) visit(i int) {
	g.mark[i] = onPath
	g.path = append(g.path, i)
	for _, e := range g.edges[i] {
		switch {
		case len(g.found) >= maxCycles:
		case g.mark[e.to] == onPath:
			g.found = append(g.found, cycle{e.pos, g.describe(e.to)})
		case g.mark[e.to] == unseen:
			g.visit(e.to)
		}
	}
	g.path = g.path[:len(g.path)-1]
	g.mark[i] = done
}

// describe names the jobs of the circle that ends the path and closes at first.
func (g *graph) describe(first int) string {
	start := len(g.path) - 1
	for g.path[start] != first {
		start--
	}
	var names []string
	for _, i := range g.path[start:] {
		names = append(names, g.jobs[i].job.ID)
	}
	if len(names) > maxOnCycle {
		half := maxOnCycle / 2
		names = append(append(names[:half:half], "..."), names[len(names)-half:]...)
	}
	return strings.Join(append(names, g.jobs[first].job.ID), " -> ")
}
