package expr

import "errors"

// Limits of an expression and its evaluation. GitHub has the first three, too.
const (
	MaxLength       = 21_000   // of an expression, in UTF-16 units
	MaxDepth        = 50       // of operations within each other, and of parentheses
	DefaultMaxBytes = 10 << 20 // made by one evaluation
	MaxJSONDepth    = 100      // of lists and objects within each other, in fromJSON
	MaxArguments    = 255      // of a call
	MaxFaults       = 100      // found by one Check
)

// ErrLimit is the cause of a Fault that only a smaller value or expression avoids.
var ErrLimit = errors.New("expr: limit exceeded")

// readsPerByte is how many bytes an evaluation may compare or look through for each
// byte that it may make. It bounds the time of thousands of searches in one large
// text; a usual expression needs less than one.
const readsPerByte = 16

// valueBytes is what a value takes in memory, beside its text.
const valueBytes = 48

// meter counts down what an evaluation may still make and read, in bytes. What was
// made is never given back: so it bounds time as well as memory.
type meter struct{ made, read int }

func newMeter(maxBytes int) meter {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return meter{made: maxBytes, read: readsPerByte * maxBytes}
}

// make reports whether n more bytes may be made.
func (m *meter) make(n int) bool {
	m.made -= n
	return m.made >= 0
}

// look reports whether n more bytes may be read.
func (m *meter) look(n int) bool {
	m.read -= n
	return m.read >= 0
}
