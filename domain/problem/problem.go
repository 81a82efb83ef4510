// Package problem is what a user is told when a request cannot be granted: a
// kind that programs act on, and a sentence that people act on.
package problem

import (
	"fmt"
	"time"
)

// Kind tells a program what to do about a problem.
type Kind uint8

// The kinds of problem.
const (
	Internal    Kind = iota // a defect of Yardmaster
	Invalid                 // the request can never be granted as it is
	NotFound                // there is no such thing
	Conflict                // an idempotency key was used before for something else
	Exhausted               // a limit is reached; try again after RetryAfter
	Refused                 // the state of the thing does not allow it
	Unavailable             // the node is starting, stopping or cut off; try again
)

// Problem is an error for users. Its message holds no secret.
type Problem struct {
	Kind    Kind
	Message string
	// RetryAfter is how long to wait before trying again; 0 when that is no use.
	RetryAfter time.Duration
}

// Error implements error.
func (p *Problem) Error() string { return p.Message }

// New returns a problem whose message is formatted like fmt.Sprintf.
func New(kind Kind, format string, args ...any) *Problem {
	return &Problem{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// RetryIn returns a problem that may be gone after the given time.
func RetryIn(kind Kind, after time.Duration, format string, args ...any) *Problem {
	return &Problem{Kind: kind, Message: fmt.Sprintf(format, args...), RetryAfter: after}
}
