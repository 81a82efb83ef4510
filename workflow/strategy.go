package workflow

import (
	"fmt"

	"yardmaster/domain/plan"
)

// strategy says how a job is multiplied.
type strategy struct {
	matrix *matrix // nil for none
	group  plan.Group
	cells  [][]plan.Var
}

func (d *decoder) strategy(n *node) strategy {
	s := strategy{group: plan.Group{FailFast: true}}
	ok := readFields(d, n, "strategy", []field[strategy]{
		{"matrix", func(d *decoder, s *strategy, v *node) { s.matrix = d.matrix(v) }},
		{"fail-fast", func(d *decoder, s *strategy, v *node) { s.group.FailFast = d.boolean(v) }},
		{"max-parallel", func(d *decoder, s *strategy, v *node) {
			s.group.MaxParallel = d.integer(v, "max-parallel", 1, plan.MaxJobs)
		}},
	}, &s)
	if ok && n.key("matrix") == nil {
		d.report(n.pos, "strategy has no matrix", "add one, or remove strategy")
	}
	if s.matrix != nil {
		s.cells = d.cells(n.pos, s.matrix)
	}
	return s
}

// maxCellOps bounds the work of expanding all matrices of a file.
const maxCellOps = 1 << 21

// cells expands m within the limits.
func (d *decoder) cells(at pos, m *matrix) [][]plan.Var {
	product := m.product(maxProduct)
	if product > maxProduct {
		d.report(at, fmt.Sprintf("the matrix has more than %d combinations", maxProduct), "")
		return nil
	}
	d.cellOps += product * (1 + len(m.axes) + len(m.exclude) + len(m.include))
	if d.cellOps > maxCellOps {
		d.report(at, "the matrices of this file are too much work to expand", "use fewer exclude and include entries")
		return nil
	}
	cells := m.cells()
	switch {
	case len(cells) == 0:
		d.report(at, "the matrix leaves no combination", "exclude less")
	case len(cells) > plan.MaxCells:
		d.report(at, fmt.Sprintf("the matrix has %d combinations, more than %d", len(cells), plan.MaxCells), "")
		return nil
	}
	return cells
}
