package workflow

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"yardmaster/workflow/expr"
)

// matrixValue reads the value of a key: a scalar, or a list or a mapping of values. Its
// text is as it is written, so that 1.10 stays 1.10 in names and variables.
func (d *decoder) matrixValue(name string, n *node) (cellVar, bool) {
	v := cellVar{Name: name, Text: n.text}
	switch {
	case n.kind == broken:
		return v, false
	case n.kind != scalar:
		text, ok := compact(d.valueOf(n), maxJSON)
		if !ok {
			d.report(n.pos, fmt.Sprintf("a list or a mapping as a matrix value may take %d bytes as JSON", maxJSON), "")
			return v, false
		}
		v.Text, v.JSON = text, text
		return v, true
	case !d.plain(n):
		return v, false
	case utf8.RuneCountInString(n.text) > maxValue || !printable(n.text):
		d.report(n.pos, fmt.Sprintf("a matrix value must be one line of at most %d printable characters", maxValue), "")
		return v, false
	}
	if typed := scalarOf(n); typed.Kind() != expr.String {
		v.JSON, _ = compact(typed, maxJSON)
	}
	if n.null() && n.text == "" {
		v.Text = "null"
	}
	return v, true
}

// valueOf returns a node as a value of an expression.
func (d *decoder) valueOf(n *node) expr.Value {
	switch n.kind {
	case list:
		items := make([]expr.Value, len(n.items))
		for i, item := range n.items {
			items[i] = d.valueOf(item)
		}
		return expr.ArrayOf(items...)
	case mapping:
		fields := make([]expr.Field, len(n.pairs))
		for i, p := range n.pairs {
			fields[i] = expr.Field{Key: p.key.text, Value: d.valueOf(p.value)}
		}
		return expr.ObjectOf(fields...)
	case scalar:
		d.plain(n)
		return scalarOf(n)
	case broken:
	}
	return expr.Value{}
}

// scalarOf returns the value of a scalar, with the types of YAML 1.2 as GitHub has them:
// what only older YAML takes for a number is a text.
func scalarOf(n *node) expr.Value {
	switch n.tag {
	case "!!null":
		return expr.Value{}
	case "!!bool":
		return expr.BoolOf(strings.EqualFold(n.text, "true"))
	case "!!int", "!!float":
		if f, ok := numberOf(n.text); ok {
			return expr.NumberOf(f)
		}
	}
	return expr.StringOf(n.text)
}

// numberOf reads a number of YAML 1.2. Infinities and NaN have no JSON, and are none.
func numberOf(text string) (float64, bool) {
	for prefix, base := range map[string]int{"0x": 16, "0o": 8} {
		if digits, ok := strings.CutPrefix(text, prefix); ok {
			u, err := strconv.ParseUint(digits, base, 53)
			return float64(u), err == nil
		}
	}
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0)
}
