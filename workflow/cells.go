package workflow

import (
	"slices"
	"strings"

	"yardmaster/domain/plan"
)

// product returns the number of combinations of the axes, or limit+1 when there
// are more.
func (m *matrix) product(limit int) int {
	if len(m.axes) == 0 {
		return 0
	}
	n := 1
	for _, a := range m.axes {
		n *= len(a.values)
		if n > limit {
			return limit + 1
		}
	}
	return n
}

// cells returns the combinations: the axes multiplied, the last varying fastest,
// less those excluded; then what include adds to them, or adds as new ones.
func (m *matrix) cells() [][]plan.Var {
	cells := slices.DeleteFunc(m.multiplied(), m.excluded)
	originals := len(cells)
	for _, inc := range m.include {
		added := false
		for i := range originals {
			if m.overwrites(inc, cells[i]) {
				continue
			}
			cells[i], added = with(cells[i], inc), true
		}
		if !added {
			cells = append(cells, slices.Clone(inc))
		}
	}
	return cells
}

// multiplied returns every combination of the axes.
func (m *matrix) multiplied() [][]plan.Var {
	cells := make([][]plan.Var, m.product(maxProduct))
	for i := range cells {
		cell := make([]plan.Var, len(m.axes))
		rest := i
		for k := len(m.axes) - 1; k >= 0; k-- {
			a := m.axes[k]
			cell[k] = plan.Var{Name: a.name, Value: a.values[rest%len(a.values)]}
			rest /= len(a.values)
		}
		cells[i] = cell
	}
	return cells
}

// excluded reports whether some entry of exclude matches cell in all its keys.
func (m *matrix) excluded(cell []plan.Var) bool {
	return slices.ContainsFunc(m.exclude, func(e entry) bool {
		for _, v := range e {
			if got, ok := get(cell, v.Name); !ok || got != v.Value {
				return false
			}
		}
		return true
	})
}

// overwrites reports whether e would change a value that cell has from the axes.
// What an earlier include added may be changed.
func (m *matrix) overwrites(e entry, cell []plan.Var) bool {
	original := cell[:len(m.axes)]
	for _, v := range e {
		if got, ok := get(original, v.Name); ok && got != v.Value {
			return true
		}
	}
	return false
}

// with returns cell with the values of e set or added.
func with(cell []plan.Var, e entry) []plan.Var {
	for _, v := range e {
		i := slices.IndexFunc(cell, func(c plan.Var) bool { return c.Name == v.Name })
		if i < 0 {
			cell = append(cell, v)
			continue
		}
		cell[i].Value = v.Value
	}
	return cell
}

// suffix returns " (v1, v2)", what a cell's key and name end in.
func suffix(cell []plan.Var) string {
	if len(cell) == 0 {
		return ""
	}
	values := make([]string, len(cell))
	for i, v := range cell {
		values[i] = v.Value
	}
	return " (" + strings.Join(values, ", ") + ")"
}
