package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"

	"yardmaster/api"
	"yardmaster/workflow"
)

// Exit codes, a promise to scripts.
const (
	exitSuccess     = 0
	exitFailed      = 1   // the workflow failed, or has faults
	exitUsage       = 2   // wrong usage or bad input
	exitUnreachable = 3   // the server could not be reached, or could not answer
	exitCancelled   = 130 // cancelled, or interrupted
)

// exitError ends the program with a code. An empty message says nothing more:
// the user has been told already.
type exitError struct {
	code    int
	message string
}

// Error implements error.
func (e *exitError) Error() string { return e.message }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

func serverError(format string, args ...any) error {
	return &exitError{exitUnreachable, fmt.Sprintf(format, args...)}
}

// faultyFile is a workflow file that cannot be accepted.
type faultyFile struct {
	faults workflow.Faults
	src    []byte
}

// Error implements error.
func (f *faultyFile) Error() string { return f.faults.Error() }

// print shows each fault below the line it is in.
func (f *faultyFile) print(w io.Writer) {
	for _, fault := range f.faults {
		fmt.Fprintf(w, "%s\n%s", clean(fault.Error()), fault.Snippet(f.src))
	}
}

// conclude tells the user about err and returns the exit code.
func conclude(err error, stderr io.Writer, apiURL string) int {
	var (
		exit *exitError
		file *faultyFile
		wire *connect.Error
	)
	switch {
	case err == nil:
		return exitSuccess
	case errors.As(err, &file):
		file.print(stderr)
		return exitUsage
	case errors.As(err, &exit):
		if exit.message != "" {
			fmt.Fprintf(stderr, "yardmaster: %s\n", clean(exit.message))
		}
		return exit.code
	case errors.Is(err, context.Canceled):
		return exitCancelled
	case errors.As(err, &wire):
		fmt.Fprintf(stderr, "yardmaster: %s\n", clean(wireSentence(wire, apiURL)))
		return wireCode(wire)
	}
	fmt.Fprintf(stderr, "yardmaster: %s\n", clean(err.Error()))
	return exitUsage
}

func wireSentence(err *connect.Error, apiURL string) string {
	if api.Unreachable(err) {
		return fmt.Sprintf("cannot reach the server at %s: is `yardmaster server` running? "+
			"(--api or YARDMASTER_API names another)", apiURL)
	}
	if after := api.RetryAfter(err); after > 0 {
		return fmt.Sprintf("%s (try again in %s)", err.Message(), after)
	}
	return err.Message()
}

// sayWaiting tells why nothing happens for a while.
func (a *app) sayWaiting(reason error, wait time.Duration) {
	sentence := reason.Error()
	if wire := new(connect.Error); errors.As(reason, &wire) {
		sentence = wire.Message()
	}
	fmt.Fprintf(a.err, "yardmaster: %s; trying again in %s\n", cleanLine(sentence), duration(wait))
}

// wireCode returns the exit code for an error of the API. What no change of the
// request would mend counts as the server's.
func wireCode(err *connect.Error) int {
	switch err.Code() { //nolint:exhaustive // all others are the server's
	case connect.CodeCanceled:
		return exitCancelled
	case connect.CodeInvalidArgument, connect.CodeNotFound, connect.CodeAlreadyExists,
		connect.CodeFailedPrecondition, connect.CodeUnauthenticated, connect.CodePermissionDenied,
		connect.CodeOutOfRange:
		return exitUsage
	}
	return exitUnreachable
}

// unanswered reports whether err means that the server could not be reached, or
// could not answer, so that asking again may help.
func unanswered(err error) bool {
	var wire *connect.Error
	return errors.As(err, &wire) && wireCode(wire) == exitUnreachable
}

// fileFaults turns the faults in an answer of the API into those of the file.
func fileFaults(err error, src []byte) error {
	wire := api.Faults(err)
	if len(wire) == 0 {
		return err
	}
	faults := make(workflow.Faults, len(wire))
	for i, f := range wire {
		faults[i] = workflow.Fault{
			File: f.GetFile(), Line: int(f.GetLine()), Column: int(f.GetColumn()),
			Message: f.GetMessage(), Hint: f.GetHint(),
		}
	}
	return &faultyFile{faults: faults, src: src}
}
