package supervisor

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Crash is the reason of a failure: what was panicked with, while handling
// which kind of message, and where.
type Crash struct {
	// Reason is the panic's value. Its text must not hold secrets.
	Reason error
	// MessageType is the Go type of the message being handled.
	MessageType string
	// Stack is the goroutine's stack at the panic.
	Stack []byte
}

// newCrash must be called while the panic unwinds, so that the stack shows it.
func newCrash(reason, message any) *Crash {
	return &Crash{Reason: panicError(reason), MessageType: typeName(message), Stack: debug.Stack()}
}

// Error implements error.
func (c *Crash) Error() string {
	return fmt.Sprintf("supervisor: panic while handling %s: %v", c.MessageType, c.Reason)
}

// Unwrap returns the panic's value.
func (c *Crash) Unwrap() error { return c.Reason }

// LogValue implements slog.LogValuer, to keep the stack out of other people's
// log lines.
func (c *Crash) LogValue() slog.Value { return slog.StringValue(c.Error()) }

// panicError tells a panic's value in words. Values other than errors and
// strings could be messages, so only their type is told.
func panicError(reason any) error {
	switch r := reason.(type) {
	case error:
		return r
	case string:
		return fmt.Errorf("panic: %s", r)
	default:
		return fmt.Errorf("panic with a value of type %T", r)
	}
}
