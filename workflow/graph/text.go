package graph

import (
	"fmt"
	"strings"
)

// Options say how a graph is shown.
type Options struct {
	Expand bool // show every cell and, in a text, every need
	ASCII  bool // draw a text without Unicode
}

// maxColumn bounds how far the needs of jobs with long names are moved to the right.
const maxColumn = 40

// rails are what a text is drawn with.
type rails struct{ only, first, middle, last, along, times string }

func railsOf(ascii bool) rails {
	if ascii {
		return rails{"--", "+-", "|-", "`-", "| ", "x"}
	}
	return rails{"──", "┬─", "├─", "└─", "│ ", "×"}
}

// Text shows the graph for a terminal: a level below the other, with the needs of
// each job. Each line ends with a line end.
func (g *Graph) Text(o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", g.Name, g.summary())
	r := railsOf(o.ASCII)
	ids, names := g.columns(r)
	number := len(fmt.Sprint(len(g.Levels)))
	for level, jobs := range g.Levels {
		for k, i := range jobs {
			head, below := r.of(k, len(jobs))
			margin := strings.Repeat(" ", number)
			if k == 0 {
				margin = fmt.Sprintf("%*d", number, level+1)
			}
			line := margin + " " + head + " " + pad(g.Jobs[i].title(r), ids)
			if names > 0 {
				line += "  " + pad(g.Jobs[i].alias(), names)
			}
			if needs := g.needs(i, o.Expand); needs != "" {
				line += "  " + needs
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			margin = strings.Repeat(" ", number)
			for _, note := range g.Jobs[i].below(o.Expand) {
				b.WriteString(margin + " " + below + "   " + note + "\n")
			}
		}
	}
	return b.String()
}

// of returns what stands before the job of a level that has number k of n, and before
// the lines below it.
func (r rails) of(k, n int) (head, below string) {
	switch {
	case n == 1:
		return r.only, "  "
	case k == 0:
		return r.first, r.along
	case k == n-1:
		return r.last, "  "
	}
	return r.middle, r.along
}

// title returns a job's ID, with the number of its cells.
func (j *Job) title(r rails) string {
	if j.Matrix {
		return fmt.Sprintf("%s %s%d", j.ID, r.times, len(j.Cells))
	}
	return j.ID
}

// alias returns a job's name if that is another than its ID.
func (j *Job) alias() string {
	if j.Name == j.ID {
		return ""
	}
	return j.Name
}

// columns returns how wide the columns of IDs and names are.
func (g *Graph) columns(r rails) (ids, names int) {
	for i := range g.Jobs {
		ids = max(ids, breadth(g.Jobs[i].title(r)))
		names = max(names, breadth(g.Jobs[i].alias()))
	}
	return min(ids, maxColumn), min(names, maxColumn)
}

// below returns the lines below a job: its condition and its cells.
func (j *Job) below(expand bool) (lines []string) {
	if j.If != "" {
		lines = append(lines, "if "+j.If)
	}
	if len(j.Cells) <= MaxShown || expand {
		for _, cell := range j.Cells {
			lines = append(lines, j.Values(cell))
		}
	}
	return lines
}

// needs says what a job needs.
func (g *Graph) needs(i int, expand bool) string {
	needs := g.Jobs[i].Needs
	if len(needs) == 0 {
		return ""
	}
	more := 0
	if len(needs) > MaxShown && !expand {
		more = len(needs) - MaxShown + 1
		needs = needs[:MaxShown-1]
	}
	ids := make([]string, len(needs))
	for k, need := range needs {
		ids[k] = g.Jobs[need].ID
	}
	s := "needs " + strings.Join(ids, ", ")
	if more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
