package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"yardmaster/workflow/expr"
)

// MaxContext is how many bytes the stored form of a submission may take.
const MaxContext = 256 << 10

// manual is the event of workflows that a person starts, with inputs.
const manual = "workflow_dispatch"

// Submission is what is submitted beside a file: what its expressions see of the world.
// The zero Submission says nothing.
type Submission struct {
	// Event is the name of what caused the run: github.event_name.
	Event string
	// Payload is github.event: a JSON object, or "".
	Payload string
	// GitHub holds other properties of the context github, such as ref, sha, repository
	// and actor. What follows from these is added: ref_name, ref_type and
	// repository_owner.
	GitHub map[string]string
	// Inputs are the values of inputs, by name, as texts. There are none when Event is
	// anything but workflow_dispatch or "".
	Inputs map[string]string
	// Vars is the context vars.
	Vars map[string]string
	// Sketch says that nothing is to be run: the file is looked at, and an input that it
	// cannot do without may be missing.
	Sketch bool
}

// known is what is known at submission.
type known struct{ github, inputs, vars expr.Value }

// values returns the contexts that every expression has which is evaluated now. The
// name of the workflow is known as well.
func (k *known) values(workflow string) map[string]expr.Value {
	fields := []expr.Field{{Key: "workflow", Value: expr.StringOf(workflow)}}
	for key, v := range k.github.All() {
		fields = append(fields, expr.Field{Key: key, Value: v})
	}
	return map[string]expr.Value{"github": expr.ObjectOf(fields...), "inputs": k.inputs, "vars": k.vars}
}

// submission makes the contexts of a submission, and reports what is wrong with it at
// the beginning of the file, or at the inputs that the file declares.
func (d *decoder) submission(s *Submission, declared *inputs) *known {
	k := &known{vars: texts(s.Vars), inputs: expr.ObjectOf()}
	if s.Event == "" || s.Event == manual {
		k.inputs = d.given(s.Inputs, declared, s.Sketch)
	} else if len(s.Inputs) > 0 {
		d.report(pos{1, 1}, "the event "+quote(s.Event)+" has no inputs", "only "+manual+" has")
	}
	k.github = d.githubOf(s, k.inputs)
	return k
}

// texts returns an object of strings, in the order of their names.
func texts(of map[string]string) expr.Value { return expr.ObjectOf(textFields(of)...) }

func textFields(of map[string]string) []expr.Field {
	fields := make([]expr.Field, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		fields = append(fields, expr.Field{Key: name, Value: expr.StringOf(of[name])})
	}
	return fields
}

// githubOf returns the context github, as far as a submission says it.
func (d *decoder) githubOf(s *Submission, given expr.Value) expr.Value {
	fields := make([]expr.Field, 0, len(s.GitHub)+3)
	if s.Event != "" {
		fields = append(fields, expr.Field{Key: "event_name", Value: expr.StringOf(s.Event)})
	}
	for _, f := range textFields(s.GitHub) {
		switch {
		case isLate(f.Key) || f.Key == "workflow" || f.Key == "event" || f.Key == "event_name":
			d.report(pos{1, 1}, "a submission cannot set github."+visible([]rune(f.Key)), "")
		case !slices.Contains(githubProperties(), f.Key):
			d.report(pos{1, 1}, "github has no property "+quote(f.Key), suggestion(f.Key, githubProperties()))
		default:
			fields = append(fields, f)
		}
	}
	fields = append(fields, derived(s.GitHub)...)
	if event := d.event(s.Payload, given); event.Len() > 0 {
		fields = append(fields, expr.Field{Key: "event", Value: event})
	}
	return expr.ObjectOf(fields...) // of equal keys the first counts
}

func suggestion(name string, words []string) string {
	if near := nearest(name, words); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// derived returns the properties of github that follow from others.
func derived(of map[string]string) []expr.Field {
	follow := map[string]string{}
	for prefix, kind := range map[string]string{"refs/heads/": "branch", "refs/tags/": "tag", "refs/pull/": "branch"} {
		if name, ok := strings.CutPrefix(of["ref"], prefix); ok {
			follow["ref_name"], follow["ref_type"] = name, kind
		}
	}
	if owner, _, ok := strings.Cut(of["repository"], "/"); ok {
		follow["repository_owner"] = owner
	}
	return textFields(follow)
}

// event returns github.event: the payload with the inputs as texts.
func (d *decoder) event(payload string, given expr.Value) expr.Value {
	event := expr.ObjectOf()
	switch {
	case len(payload) > MaxContext:
		d.tooMuch()
	case payload != "":
		var err error
		event, err = expr.ParseJSON(payload, withBlanks*MaxContext)
		if err != nil || event.Kind() != expr.Object {
			d.report(pos{1, 1}, "the payload of the event is not a JSON object", "")
			return expr.ObjectOf()
		}
	}
	if given.Len() == 0 {
		return event
	}
	fields := make([]expr.Field, 0, given.Len())
	for name, v := range given.All() {
		fields = append(fields, expr.Field{Key: name, Value: expr.StringOf(v.Text())})
	}
	all := []expr.Field{{Key: "inputs", Value: expr.ObjectOf(fields...)}}
	for name, v := range event.All() {
		all = append(all, expr.Field{Key: name, Value: v})
	}
	return expr.ObjectOf(all...)
}

// context returns what is known as it is stored, or "" when that is nothing.
func (d *decoder) context(k *known) string {
	if k.github.Len()+k.inputs.Len()+k.vars.Len() == 0 {
		return ""
	}
	text, ok := compact(expr.ObjectOf(
		expr.Field{Key: "github", Value: k.github}, expr.Field{Key: "inputs", Value: k.inputs},
		expr.Field{Key: "vars", Value: k.vars},
	), withBlanks*MaxContext)
	if !ok || len(text) > MaxContext {
		d.tooMuch()
		return ""
	}
	return text
}

// withBlanks is how many times as much room JSON over several lines is given.
const withBlanks = 64

func (d *decoder) tooMuch() {
	d.report(pos{1, 1}, fmt.Sprintf("what is submitted beside the file has more than %d bytes", MaxContext),
		"give a smaller payload, or fewer variables")
}

// compact returns v as JSON without blanks, if it takes no more than maxBytes with them.
func compact(v expr.Value, maxBytes int) (string, bool) {
	long, err := expr.FormatJSON(v, maxBytes)
	if err != nil {
		return "", false
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(long)); err != nil {
		return "", false
	}
	return b.String(), true
}
