package supervisor

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Failure is what is known about a failed child.
type Failure struct {
	// ID is the child's ID in its actor system: the names from the root down,
	// with slashes.
	ID string
	// Class is ID with * for the names of a template's children: few values, fit
	// for a metric label.
	Class string
	// Reason is a *Crash when the child panicked.
	Reason error
	// Stack is where it panicked, if it was this child that did.
	Stack []byte
	// Failures is how many of its failures count now, this one among them.
	Failures int
	// Delay is how long the child waits before its restart.
	Delay time.Duration
}

// Hooks are told what supervisors did, for metrics and alarms. Unset ones are
// skipped. They run in the supervisor's turn, so they must not block; a panic in
// one is logged and otherwise ignored.
type Hooks struct {
	// Restarted tells of a child that is restarted, now or after a delay.
	Restarted func(Failure)
	// Escalated tells of a supervisor that passed its limit and failed itself.
	// ID and Class are the supervisor's.
	Escalated func(Failure)
	// Quarantined tells of a template's child that was ended.
	Quarantined func(Failure)
}

// env is what all supervisors of a tree share.
type env struct {
	system      *actor.ActorSystem
	log         *slog.Logger
	hooks       Hooks
	chance      func() float64
	mailbox     *MailboxClass // of children that name none
	dispatchers func(class string) actor.Dispatcher
}

func (e *env) restarted(f Failure) {
	e.report(slog.LevelWarn, "actor restarts", f, e.hooks.Restarted)
}

func (e *env) escalated(f Failure) {
	e.report(slog.LevelError, "supervisor passed its restart intensity", f, e.hooks.Escalated)
}

func (e *env) quarantined(f Failure) {
	e.report(slog.LevelError, "actor quarantined", f, e.hooks.Quarantined)
}

// report logs a failure once, with the stack but without any message, and tells
// a hook.
func (e *env) report(level slog.Level, text string, f Failure, hook func(Failure)) {
	attrs := []slog.Attr{
		slog.String("actor", f.ID), slog.String("class", f.Class), slog.Int("failures", f.Failures),
		slog.Duration("delay", f.Delay), slog.String("reason", f.Reason.Error()),
	}
	if f.Stack != nil {
		attrs = append(attrs, slog.String("stack", string(f.Stack)))
	}
	e.log.LogAttrs(context.Background(), level, text, attrs...) //nolint:sloglint // the callers' constants
	if hook != nil {
		e.shield("hook panicked", func() { hook(f) })
	}
}

// shield calls someone else's function, and survives its panic.
func (e *env) shield(text string, call func()) {
	defer func() {
		if r := recover(); r != nil {
			e.log.Error(text, slog.String("reason", panicError(r).Error())) //nolint:sloglint // the callers' constants
		}
	}()
	call()
}

// asError returns the reason of a failure as Proto.Actor hands it over.
func asError(reason any) error {
	if err, ok := reason.(error); ok {
		return err
	}
	return panicError(reason)
}

// stackOf returns where reason panicked, or nil if it tells of something else.
func stackOf(reason error) []byte {
	if crash, ok := reason.(*Crash); ok { //nolint:errorlint // the crash of one further down was logged there
		return crash.Stack
	}
	return nil
}
