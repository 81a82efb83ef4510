package workflow

import (
	"fmt"

	"yardmaster/domain/plan"
	"yardmaster/workflow/expr"
)

// strategy says how a job is multiplied.
type strategy struct {
	matrix *matrix // nil for none
	group  plan.Group
	cells  [][]cellVar
}

// readStrategy reads a strategy whose expressions are evaluated first.
func (d *decoder) readStrategy(n *node, f *file, around *surroundings) strategy {
	resolved, ok := d.atOnce(n, inStrategy, around, f.values)
	if !ok {
		return strategy{}
	}
	return d.strategy(resolved)
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
func (d *decoder) cells(at pos, m *matrix) [][]cellVar {
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

// strategyOf returns the context strategy of one cell.
func (s *strategy) strategyOf(index int) expr.Value {
	total := max(1, len(s.cells))
	group := s.group
	if s.matrix == nil {
		group.FailFast = true
	}
	if group.MaxParallel == 0 {
		group.MaxParallel = total
	}
	return expr.ObjectOf(
		expr.Field{Key: "fail-fast", Value: expr.BoolOf(group.FailFast)},
		expr.Field{Key: "job-index", Value: expr.NumberOf(float64(index))},
		expr.Field{Key: "job-total", Value: expr.NumberOf(float64(total))},
		expr.Field{Key: "max-parallel", Value: expr.NumberOf(float64(group.MaxParallel))},
	)
}
