package contexts

import (
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/expr"
)

// secretsContext is the context whose values a worker gets only where a job asks for
// them.
const secretsContext = "secrets"

// SecretsOf returns the names of the secrets that the texts of a job refer to: in upper
// case, sorted, each once. all says that it may refer to any: a name is only known once
// the job runs, as in secrets[matrix.key], or none is given, as in toJSON(secrets).
func SecretsOf(j *plan.Job) (names []string, all bool) {
	for text := range texts(j) {
		if !mentions(text) {
			continue
		}
		t, err := expr.ParseTemplate(text)
		if err != nil { // nobody can evaluate it, either
			continue
		}
		for _, r := range t.References() {
			switch {
			case r.Context != secretsContext:
			case len(r.Path) == 0 || r.Path[0] == "*":
				all = true
			default:
				names = append(names, strings.ToUpper(r.Path[0]))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), all
}

// texts ranges over the texts of a job in which secrets may stand.
func texts(j *plan.Job) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		each := func(vars []plan.Var) bool {
			for i := range vars {
				if !yield(vars[i].Value) {
					return false
				}
			}
			return true
		}
		if !each(j.Env) || !each(j.Outputs) {
			return
		}
		for i := range j.Steps {
			s := &j.Steps[i]
			for _, text := range [...]string{s.WorkingDirectory, s.TimeoutText, s.ContinueOnErrorText} {
				if !yield(text) {
					return
				}
			}
			if !each(s.Env) || !each(s.With) {
				return
			}
		}
	}
}

// mentions reports whether a text may refer to secrets. It saves reading those that do
// not: a job is looked at whenever it starts.
func mentions(text string) bool {
	open := strings.Index(text, "${{")
	if open < 0 {
		return false
	}
	for text = text[open:]; len(text) >= len(secretsContext); text = text[1:] {
		if strings.EqualFold(text[:len(secretsContext)], secretsContext) {
			return true
		}
	}
	return false
}
