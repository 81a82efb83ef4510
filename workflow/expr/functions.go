package expr

import (
	"fmt"
	"strings"
)

// function is a function that expressions may call.
type function struct {
	name     string
	min, max int // arguments
	odd      bool
	shape    *Shape // of its result; nil is anything
	supplied bool   // by the caller, and not at every place
	call     func(m *machine, n *callNode) (Value, error)
}

// functions are those that there are, by their names in lower case.
var functions = map[string]*function{
	"contains":   {name: "contains", min: 2, max: 2, shape: Flag(), call: callContains},
	"startswith": {name: "startsWith", min: 2, max: 2, shape: Flag(), call: callStartsWith},
	"endswith":   {name: "endsWith", min: 2, max: 2, shape: Flag(), call: callEndsWith},
	"format":     {name: "format", min: 1, max: MaxArguments, shape: Text(), call: callFormat},
	"join":       {name: "join", min: 1, max: 2, shape: Text(), call: callJoin},
	"tojson":     {name: "toJSON", min: 1, max: 1, shape: Text(), call: callToJSON},
	"fromjson":   {name: "fromJSON", min: 1, max: 1, call: callFromJSON},
	"case":       {name: "case", min: 3, max: MaxArguments, odd: true, call: callCase},
	"success":    {name: "success", max: MaxArguments, shape: Flag(), supplied: true, call: callSupplied},
	"failure":    {name: "failure", max: MaxArguments, shape: Flag(), supplied: true, call: callSupplied},
	"always":     {name: "always", shape: Flag(), supplied: true, call: callSupplied},
	"cancelled":  {name: "cancelled", shape: Flag(), supplied: true, call: callSupplied},
	"hashfiles":  {name: "hashFiles", min: 1, max: MaxArguments, shape: Text(), supplied: true, call: callSupplied},
}

// lookUp returns the function with a name, or nil.
func lookUp(name string) *function { return functions[strings.ToLower(name)] }

// wants says what number of arguments is right, or nothing if n is.
func (f *function) wants(n int) string {
	switch {
	case n < f.min && f.max > f.min:
		return "at least " + arguments(f.min)
	case n < f.min, n > f.max && f.max == f.min:
		return arguments(f.min)
	case n > f.max:
		return "at most " + arguments(f.max)
	case f.odd && n%2 == 0:
		return "an odd number of arguments"
	}
	return ""
}

func arguments(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// callSupplied calls a function of the caller.
func callSupplied(m *machine, n *callNode) (Value, error) {
	call := m.env.Functions[strings.ToLower(n.name)]
	if call == nil {
		return fail(n, nil, "the function %s is not available here", n.function.name)
	}
	args := make([]Value, len(n.args))
	for i, arg := range n.args {
		v, err := arg.eval(m)
		if err != nil {
			return Value{}, err
		}
		args[i] = v
	}
	v, err := call(args)
	if err != nil {
		return fail(n, err, "%s: %s", n.function.name, err)
	}
	if !m.make(len(v.str)) {
		return tooLarge(n)
	}
	return v, nil
}

// callCase returns the value behind the first condition that is true, or the last
// argument. No other value is evaluated, nor any condition behind that one.
func callCase(m *machine, n *callNode) (Value, error) {
	last := len(n.args) - 1
	for i := 0; i < last; i += 2 {
		when, err := n.args[i].eval(m)
		if err != nil {
			return Value{}, err
		}
		if when.kind != Boolean {
			return fail(n.args[i], nil, "case: a condition must be true or false, not %s", strings.ToLower(when.kind.String()))
		}
		if when.num != 0 {
			return n.args[i+1].eval(m)
		}
	}
	return n.args[last].eval(m)
}
