package expr

import "fmt"

// Function is a function that the caller has: its arguments are evaluated.
type Function func(args []Value) (Value, error)

// Env is what an expression is evaluated in. It is only read.
type Env struct {
	// Contexts by their names in lower case. A context that the place of the
	// expression has, but that holds nothing, is null; one that is missing here
	// is an error.
	Contexts map[string]Value
	// Functions by their names in lower case: success, failure, always, cancelled
	// and hashfiles, as far as the place of the expression has them.
	Functions map[string]Function
	// MaxBytes bounds the memory of all that an evaluation makes; 0 is
	// DefaultMaxBytes.
	MaxBytes int
	// Spent, if there is one, grows by the bytes that each evaluation makes and reads.
	Spent *int
}

// Evaluate returns the value of the expression. The error, if any, is a Fault.
func (e *Expression) Evaluate(env *Env) (Value, error) {
	m := machine{env: env, meter: newMeter(env.MaxBytes)}
	defer m.settle()
	return e.root.eval(&m)
}

// machine is one evaluation.
type machine struct {
	meter
	env *Env
}

// settle tells the caller what the evaluation cost.
func (m *machine) settle() {
	if m.env.Spent != nil {
		full := newMeter(m.env.MaxBytes)
		*m.env.Spent += full.made - m.made + full.read - m.read
	}
}

func fail(n node, cause error, format string, args ...any) (Value, error) {
	at := n.at()
	return Value{}, Fault{Offset: at.from, End: at.to, Message: fmt.Sprintf(format, args...), cause: cause}
}

func tooLarge(n node) (Value, error) {
	return fail(n, ErrLimit, "the expression needs more memory or time than it may take")
}

func (n *literalNode) eval(*machine) (Value, error) { return n.value, nil }

func (n *contextNode) eval(m *machine) (Value, error) {
	v, ok := m.env.Contexts[n.lower]
	if !ok {
		return fail(n, nil, "there is no context %s here", quote(n.name))
	}
	return v, nil
}

func (n *notNode) eval(m *machine) (Value, error) {
	v, err := n.of.eval(m)
	if err != nil {
		return Value{}, err
	}
	return BoolOf(!v.Truthy()), nil
}

// eval returns the operand that decides: of || the first that is true, of && the
// first that is not, or else the last.
func (n *logicNode) eval(m *machine) (v Value, err error) {
	for _, arg := range n.args {
		v, err = arg.eval(m)
		if err != nil || v.Truthy() == n.or {
			break
		}
	}
	return v, err
}

func (n *compareNode) eval(m *machine) (Value, error) {
	a, err := n.left.eval(m)
	if err != nil {
		return Value{}, err
	}
	b, err := n.right.eval(m)
	if err != nil {
		return Value{}, err
	}
	if !m.look(1 + len(a.str) + len(b.str)) {
		return tooLarge(n)
	}
	return BoolOf(compare(n.op, a, b)), nil
}

func (n *callNode) eval(m *machine) (Value, error) {
	if n.function == nil {
		return fail(n, nil, "there is no function %s", quote(n.name))
	}
	return n.function.call(m, n)
}
