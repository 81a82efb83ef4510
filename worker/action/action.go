//go:build unix

// Package action runs the actions that are built in.
//
// An action runs in a process of its own, in place of a step's script: this very program,
// started by the shim with the environment of the step. So it is stopped, watched and
// logged as a script is, and finds no more than one does. What it is asked for comes in
// one variable; no text of a file becomes part of a command line that a shell reads.
package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/action"
)

// Word is the first argument of a program that is to run an action.
const Word = "attempt-action"

// Variable holds the Request, as JSON. Its name is reserved.
const Variable = "YARDMASTER_ACTION"

// Request is what an action is asked for.
type Request struct {
	Name   string // as workflow/action has it
	Inputs map[string]string
	// Facts are those of the context github that say which repository a run is for.
	Facts map[string]string
	// Verdict is the file for why the action failed.
	Verdict string
}

// FactNames returns the names of the facts.
func FactNames() []string { return []string{"repository", "repositoryUrl", "server_url", "sha", "ref"} }

// Verdict is why an action failed.
type Verdict struct {
	Reason string
	// Infrastructure tells that another worker, or another time, may do better.
	Infrastructure bool
}

// Action is one of those that are built in.
type Action interface {
	Run(ctx context.Context, c *Call) (Result, error)
}

// Call is what an action finds.
type Call struct {
	Inputs map[string]string // that say something, by the names of workflow/action
	Facts  map[string]string
	Getenv func(name string) string
	// Environ are the variables for programs that it starts.
	Environ []string
	Log     io.Writer
}

// Result is what an action leaves to the steps after it.
type Result struct {
	Outputs, Env []plan.Var
	Paths        []string // in front of PATH, the last one first
}

// lacking is an error that another worker may not have, or another time.
type lacking struct{ error }

func lack(format string, args ...any) error { return lacking{fmt.Errorf(format, args...)} }

// Find returns the action of a name.
func Find(name string) (Action, bool) {
	if name == action.Checkout {
		return checkout{}, true
	}
	t, ok := toolOf(name)
	return setup{t}, ok
}

// Wanted reports whether a program with these arguments, as in os.Args, is to run an
// action.
func Wanted(args []string) bool { return len(args) == 2 && args[1] == Word }

// Run runs the action that the environment asks for. It returns the exit code to end the
// program with.
func Run() int {
	var r Request
	if err := json.Unmarshal([]byte(os.Getenv(Variable)), &r); err != nil {
		fmt.Fprintln(os.Stderr, "action: the request cannot be read")
		return 1
	}
	if err := r.run(context.Background()); err != nil {
		v := Verdict{Reason: err.Error()}
		v.Infrastructure = errors.As(err, new(lacking))
		text, _ := json.Marshal(v) // text can always be written
		if err := os.WriteFile(r.Verdict, text, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, v.Reason)
		}
		return 1
	}
	return 0
}

func (r *Request) run(ctx context.Context) error {
	a, ok := Find(r.Name)
	if !ok {
		return lack("this worker has no action %s", r.Name)
	}
	inputs, err := checked(r.Name, r.Inputs)
	if err != nil {
		return err
	}
	c := &Call{Inputs: inputs, Facts: r.Facts, Getenv: os.Getenv, Log: os.Stdout}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, Variable+"=") {
			c.Environ = append(c.Environ, v)
		}
	}
	result, err := a.Run(ctx, c)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return errors.Join(
		leave(os.Getenv("GITHUB_OUTPUT"), lines(result.Outputs)),
		leave(os.Getenv("GITHUB_ENV"), lines(result.Env)),
		leave(os.Getenv("GITHUB_PATH"), result.Paths),
	)
}

// checked returns the inputs that say something, each held against what it may be. What
// expressions gave is seen here first.
func checked(name string, given map[string]string) (map[string]string, error) {
	known, _ := action.Find(name + "@here")
	inputs := make(map[string]string, len(given))
	for key, value := range given {
		in, ok := known.Input(key)
		if !ok {
			return nil, fmt.Errorf("%s has no input %s", name, key)
		}
		if problem, hint := in.Check(value); problem != "" {
			return nil, errors.New(strings.TrimSuffix(name+": "+in.Name+" "+problem+"; "+hint, "; "))
		}
		if value = strings.TrimSpace(value); value != "" {
			inputs[in.Name] = value
		}
	}
	return inputs, nil
}

// lines returns variables as the files of a step have them.
func lines(vars []plan.Var) []string {
	all := make([]string, len(vars))
	for i, v := range vars {
		all[i] = v.Name + "=" + v.Value
	}
	return all
}

// leave adds lines to a file of the step.
func leave(file string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	text := ""
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n") {
			return errors.New("action: a value of more than one line")
		}
		text += line + "\n"
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return lack("the files of the step: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
