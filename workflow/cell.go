package workflow

import (
	"maps"
	"time"

	"yardmaster/domain/plan"
	"yardmaster/workflow/contexts"
	"yardmaster/workflow/expr"
)

// cell is one of the jobs that a draft becomes: of a combination of its matrix, or the
// only one.
type cell struct {
	values          []cellVar
	name            string // "" means that of the job
	runsOn          []string
	timeout         time.Duration
	continueOnError bool
	settings        settings
	steps           []plan.Step // nil means those of the job
}

// cellName reads the name of a job. One that an expression leaves blank is not given.
func (d *decoder) cellName(n *node) string {
	if n.made {
		return shown(n.text)
	}
	return d.name(n)
}

// multiply makes the cells of a job and evaluates what depends on them.
func (d *decoder) multiply(f *file, j *draft) {
	j.made = make([]cell, max(1, len(j.cells)))
	for i := range j.made {
		c := &j.made[i]
		*c = j.base
		if len(j.cells) > 0 {
			c.values = j.cells[i]
		}
		if len(j.perCell) > 0 {
			d.fill(c, j, d.valuesOf(f, j, i))
		}
	}
}

// fill evaluates what depends on the cell.
func (d *decoder) fill(c *cell, j *draft, values map[string]expr.Value) {
	for _, part := range j.perCell {
		if v, ok := d.resolve(part.value, values); ok {
			part.read(d, c, v)
		}
	}
}

// valuesOf returns the contexts of one cell.
func (d *decoder) valuesOf(f *file, j *draft, index int) map[string]expr.Value {
	values := maps.Clone(f.values)
	values["strategy"] = j.strategyOf(index)
	values["matrix"] = expr.Value{}
	if len(j.cells) > 0 {
		values["matrix"], _ = contexts.Matrix(j.cells[index]) // whose JSON was written here
	}
	return values
}
