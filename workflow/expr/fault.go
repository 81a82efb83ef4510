package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with an expression, and where.
type Fault struct {
	Offset  int // in bytes, from the start of the text that was parsed
	End     int // behind the last byte of the part that is meant
	Message string
	Hint    string // what to do about it; may be empty
	cause   error
}

// Error returns "expr: at byte N: message (hint)".
func (f Fault) Error() string {
	s := fmt.Sprintf("expr: at byte %d: %s", f.Offset, f.Message)
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// Unwrap returns ErrLimit, the error of a function of the caller, or nil.
func (f Fault) Unwrap() error { return f.cause }

// Faults are all that is wrong, in the order of their places. Never empty when
// returned as an error.
type Faults []Fault

// Error returns one fault a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the faults by place.
func (fs Faults) sorted() Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int { return cmp.Compare(a.Offset, b.Offset) })
	return fs
}

// maxQuoted bounds the text of an expression that is quoted in a message, in bytes.
const maxQuoted = 60

// quote returns s for a message: in quotes, printable and short.
func quote(s string) string {
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}
