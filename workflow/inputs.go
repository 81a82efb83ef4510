package workflow

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"yardmaster/workflow/expr"
)

const (
	maxInputs  = 100
	maxOptions = 256
	maxInput   = 64 << 10 // bytes of the value of one
)

// Types of an input.
const (
	typeString      = "string"
	typeBoolean     = "boolean"
	typeNumber      = "number"
	typeChoice      = "choice"
	typeEnvironment = "environment"
)

func inputTypes() []string {
	return []string{typeString, typeBoolean, typeNumber, typeChoice, typeEnvironment}
}

// inputs are those that a workflow declares.
type inputs struct {
	pos
	list []*input
}

// input is one that a workflow takes when a person starts it.
type input struct {
	name     *node
	kind     string
	required bool
	preset   *node // default; nil for none
	options  []string
}

func (d *decoder) dispatch(n *node, in *inputs) {
	if n.null() {
		return
	}
	readFields(d, n, manual, []field[inputs]{
		{"inputs", func(d *decoder, in *inputs, v *node) { d.declare(v, in) }},
	}, in)
}

// declare reads the inputs of a workflow.
func (d *decoder) declare(n *node, in *inputs) {
	in.pos = n.pos
	if n.null() || !d.expect(n, mapping, "a mapping of inputs") {
		return
	}
	if len(n.pairs) > maxInputs {
		d.report(n.pos, fmt.Sprintf("the workflow has more than %d inputs", maxInputs), "")
		return
	}
	first := map[string]*node{}
	for _, p := range n.pairs {
		lower := strings.ToLower(p.key.text)
		switch other, twice := first[lower]; {
		case !isID(p.key.text):
			d.report(p.key.pos, quote(p.key.text)+" is not the name of an input", idHint)
			continue
		case twice:
			d.report(p.key.pos, fmt.Sprintf("the inputs %s and %s differ only in case", quote(other.text),
				quote(p.key.text)), "rename one")
			continue
		}
		first[lower] = p.key
		in.list = append(in.list, d.input(p))
	}
}

func (d *decoder) input(p pair) *input {
	in := &input{name: p.key, kind: typeString}
	if p.value.null() {
		return in
	}
	readFields(d, p.value, "input "+quote(p.key.text), []field[input]{
		{"description", func(d *decoder, _ *input, v *node) { d.plainTree(v) }},
		{"type", func(d *decoder, in *input, v *node) { in.kind = d.inputType(v) }},
		{"required", func(d *decoder, in *input, v *node) { in.required = d.boolean(v) }},
		{"default", func(_ *decoder, in *input, v *node) { in.preset = v }},
		{"options", func(d *decoder, in *input, v *node) { in.options = d.options(v) }},
	}, in)
	switch key := p.value.key("options"); {
	case in.kind == typeChoice && key == nil:
		d.report(p.key.pos, "the choice "+quote(p.key.text)+" has no options", "list them in options")
	case in.kind != typeChoice && in.kind != "" && key != nil:
		d.report(key.pos, "only an input of type choice has options", "")
	case in.preset != nil && !in.preset.null():
		d.preset(in)
	}
	return in
}

func (d *decoder) inputType(n *node) string {
	s, ok := d.text(n)
	switch {
	case !ok:
		return ""
	case !slices.Contains(inputTypes(), s):
		d.report(n.pos, "unknown type "+quote(s), "possible: "+strings.Join(inputTypes(), ", "))
		return ""
	}
	return s
}

func (d *decoder) options(n *node) (options []string) {
	if !d.expect(n, list, "a list of options") {
		return nil
	}
	if len(n.items) == 0 || len(n.items) > maxOptions {
		d.report(n.pos, fmt.Sprintf("a choice has from 1 to %d options", maxOptions), "")
		return nil
	}
	for _, item := range n.items {
		if s, ok := d.text(item); ok {
			options = append(options, s)
		}
	}
	return options
}

// preset checks the default of an input.
func (d *decoder) preset(in *input) {
	s, ok := d.text(in.preset)
	if !ok || in.kind == "" {
		return
	}
	if _, problem := in.value(s); problem != "" {
		d.report(in.preset.pos, "the default of "+quote(in.name.text)+" "+problem, "")
	}
}

// value returns a text as a value of the input's type, or what is wrong with it.
func (in *input) value(s string) (v expr.Value, problem string) {
	switch in.kind {
	case typeBoolean:
		if b := strings.ToLower(s); b == "true" || b == "false" {
			return expr.BoolOf(b == "true"), ""
		}
		return v, "must be true or false"
	case typeNumber:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f-f != 0 { // neither an infinity nor NaN
			return v, "must be a number"
		}
		return expr.NumberOf(f), ""
	case typeChoice:
		if len(in.options) > 0 && !slices.Contains(in.options, s) {
			return v, "must be one of its options: " + enumerate(in.options)
		}
	}
	if len(s) > maxInput {
		return v, fmt.Sprintf("has more than %d bytes", maxInput)
	}
	return expr.StringOf(s), ""
}

const maxListed = 12 // names that a message lists

func enumerate(names []string) string {
	if len(names) > maxListed {
		names = append(slices.Clone(names[:maxListed]), "...")
	}
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = visible([]rune(name))
	}
	return strings.Join(shown, ", ")
}

// missing returns the value of an input that nobody gives.
func (in *input) missing() expr.Value {
	if in.preset != nil && !in.preset.null() {
		v, _ := in.value(in.preset.text)
		return v
	}
	switch in.kind {
	case typeBoolean:
		return expr.BoolOf(false)
	case typeNumber:
		return expr.NumberOf(0)
	}
	return expr.StringOf("")
}

// given returns the context inputs, and reports values that do not fit.
func (d *decoder) given(values map[string]string, declared *inputs) expr.Value {
	taken := map[string]bool{}
	fields := make([]expr.Field, 0, len(declared.list))
	for _, in := range declared.list {
		name, ok := lookUp(values, in.name.text)
		taken[name] = ok
		v := in.missing()
		switch {
		case !ok && in.required && (in.preset == nil || in.preset.null()):
			d.report(in.name.pos, "the input "+quote(in.name.text)+" is missing", "this workflow cannot do without it")
		case ok:
			var problem string
			if v, problem = in.value(values[name]); problem != "" {
				d.report(in.name.pos, "the input "+quote(in.name.text)+" "+problem, "")
			}
		}
		fields = append(fields, expr.Field{Key: in.name.text, Value: v})
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !taken[name] || name == "" {
			at := declared.pos
			if at.line == 0 {
				at = pos{1, 1}
			}
			d.report(at, "the workflow has no input "+quote(name), declared.hint(name))
		}
	}
	return expr.ObjectOf(fields...)
}

// lookUp finds a name in whatever case it is written.
func lookUp(values map[string]string, name string) (written string, ok bool) {
	if _, ok := values[name]; ok {
		return name, true
	}
	for _, other := range slices.Sorted(maps.Keys(values)) {
		if strings.EqualFold(other, name) {
			return other, true
		}
	}
	return "", false
}

func (in *inputs) hint(name string) string {
	names := make([]string, len(in.list))
	for i, one := range in.list {
		names[i] = one.name.text
	}
	if near := suggestion(name, names); near != "" {
		return near
	}
	if len(names) == 0 {
		return "it takes none; on.workflow_dispatch.inputs declares them"
	}
	return "there are " + enumerate(names)
}

// shape returns the shape of the context inputs.
func (in *inputs) shape() *expr.Shape {
	properties := make([]expr.Property, len(in.list))
	for i, one := range in.list {
		shape := expr.Text()
		switch one.kind {
		case typeBoolean:
			shape = expr.Flag()
		case typeNumber:
			shape = expr.Numeric()
		}
		properties[i] = expr.Property{Name: one.name.text, Shape: shape}
	}
	return expr.Closed("input", properties...)
}
