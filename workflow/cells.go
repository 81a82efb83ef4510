package workflow

import (
	"slices"
	"strings"

	"yardmaster/workflow/expr"
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
func (m *matrix) cells() [][]cellVar {
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
func (m *matrix) multiplied() [][]cellVar {
	cells := make([][]cellVar, m.product(maxProduct))
	for i := range cells {
		cell := make([]cellVar, len(m.axes))
		rest := i
		for k := len(m.axes) - 1; k >= 0; k-- {
			a := m.axes[k]
			cell[k] = a.values[rest%len(a.values)]
			rest /= len(a.values)
		}
		cells[i] = cell
	}
	return cells
}

// excluded reports whether some entry of exclude matches cell in all its keys.
func (m *matrix) excluded(cell []cellVar) bool {
	return slices.ContainsFunc(m.exclude, func(e entry) bool {
		for _, v := range e {
			if got, ok := get(cell, v.Name); !ok || got != compared(&v) {
				return false
			}
		}
		return true
	})
}

// overwrites reports whether e would change a value that cell has from the axes.
// What an earlier include added may be changed.
func (m *matrix) overwrites(e entry, cell []cellVar) bool {
	original := cell[:len(m.axes)]
	for _, v := range e {
		if got, ok := get(original, v.Name); ok && got != compared(&v) {
			return true
		}
	}
	return false
}

// with returns cell with the values of e set or added.
func with(cell []cellVar, e entry) []cellVar {
	for _, v := range e {
		i := slices.IndexFunc(cell, func(c cellVar) bool { return c.Name == v.Name })
		if i < 0 {
			cell = append(cell, v)
			continue
		}
		cell[i] = v
	}
	return cell
}

// suffix returns " (v1, v2)", what a cell's key and name end in. Of lists and mappings
// it has the values within.
func suffix(cell []cellVar) string {
	if len(cell) == 0 {
		return ""
	}
	var values []string
	for _, v := range cell {
		if v.JSON == "" || v.JSON[0] != '{' && v.JSON[0] != '[' {
			values = append(values, v.Text)
			continue
		}
		within, _ := expr.ParseJSON(v.JSON, 0) // which was written here
		text := printed(strings.Join(leaves(within, nil), ", "))
		if short := first(text, maxWithin); short != text {
			text = short + "..."
		}
		values = append(values, text)
	}
	return " (" + strings.Join(values, ", ") + ")"
}

// maxWithin is how many characters of a list or a mapping a name shows.
const maxWithin = 100

// leaves adds the scalars within v that say something to a list.
func leaves(v expr.Value, to []string) []string {
	if v.IsPrimitive() {
		if text := v.Text(); text != "" {
			to = append(to, text)
		}
		return to
	}
	for _, item := range v.All() {
		to = leaves(item, to)
	}
	return to
}
