// Package action knows the actions that are built in: what each may be given, and what
// it needs of the worker that runs it. It decides what can be decided without one: what
// is wrong with a value, which versions a text allows, where a repository is.
package action

import (
	"slices"
	"strings"
)

// Names of the actions.
const (
	Checkout    = "actions/checkout"
	SetupGo     = "actions/setup-go"
	SetupNode   = "actions/setup-node"
	SetupPython = "actions/setup-python"
	SetupJava   = "actions/setup-java"
)

// Action is one that is built in.
type Action struct {
	Name   string
	Inputs []Input
	// Tool is the label of workers that can run it, as their capabilities have it.
	Tool string
	// Version names the input that says which version of the tool there must be; ""
	// for an action that any will do for.
	Version string
}

// Input is something that an action may be given.
type Input struct {
	Name string
	// Refused says that hardly any value may be given, and so no expression.
	Refused bool
	// check returns what is wrong with a value, and what to do about it.
	check func(value string) (problem, hint string)
}

// Names returns the names of all actions, in the order in which people are shown them.
func Names() []string { return []string{Checkout, SetupGo, SetupNode, SetupPython, SetupJava} }

// Find returns the action that a step uses, as in "actions/checkout@v4". Which version
// of it is asked for makes no difference, but one must be named.
func Find(uses string) (Action, bool) {
	name, version, _ := strings.Cut(uses, "@")
	if version == "" {
		return Action{}, false
	}
	return named(strings.ToLower(name))
}

func named(name string) (Action, bool) {
	a := Action{Name: name}
	switch name {
	case Checkout:
		a.Tool, a.Inputs = "git", checkoutInputs()
	case SetupGo:
		a.Tool, a.Version, a.Inputs = "go", "go-version", goInputs()
	case SetupNode:
		a.Tool, a.Version, a.Inputs = "node", "node-version", nodeInputs()
	case SetupPython:
		a.Tool, a.Version, a.Inputs = "python3", "python-version", pythonInputs()
	case SetupJava:
		a.Tool, a.Version, a.Inputs = "java", "java-version", javaInputs()
	default:
		return Action{}, false
	}
	return a, true
}

// Input returns the input of a name, in whatever case.
func (a Action) Input(name string) (Input, bool) {
	i := slices.IndexFunc(a.Inputs, func(in Input) bool { return strings.EqualFold(in.Name, name) })
	if i < 0 {
		return Input{}, false
	}
	return a.Inputs[i], true
}

// InputNames returns the names of all inputs.
func (a Action) InputNames() []string {
	names := make([]string, len(a.Inputs))
	for i, in := range a.Inputs {
		names[i] = in.Name
	}
	return names
}

// Check returns what is wrong with a value, as the end of a sentence that begins with
// the name of the input, and what to do about it; both "" when nothing is.
func (in Input) Check(value string) (problem, hint string) {
	if strings.TrimSpace(value) == "" {
		return "", "" // as if it were not given
	}
	return in.check(value)
}

// Label returns the label that a worker must have for the action with a version, as the
// input has it: of a plain one, as 1.26, the version, too.
func (a Action) Label(version string) string {
	if a.Version == "" || strings.TrimSpace(version) == "" {
		return a.Tool
	}
	spec, err := ParseSpec(version)
	if err != nil || spec.plain == "" {
		return a.Tool
	}
	if a.Name == SetupJava && (spec.plain == "8" || strings.HasPrefix(spec.plain, "1.")) {
		return a.Tool // Java 8 calls itself 1.8
	}
	return a.Tool + "=" + spec.plain
}
