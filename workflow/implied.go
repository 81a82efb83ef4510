package workflow

import (
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/action"
	"yardmaster/workflow/expr"
)

// maxImplied bounds the versions that are evaluated in a file, those of each cell counted.
const maxImplied = 20_000

// implyTools adds to the labels that each cell of j demands what the actions of its steps
// need of a worker. A step that may be skipped, or may fail, demands nothing.
func (d *decoder) implyTools(f *file, j *draft) {
	var needing []int
	for i := range j.steps {
		if s := &j.steps[i]; s.Uses != "" && s.If == "" && !s.ContinueOnError && s.ContinueOnErrorText == "" {
			needing = append(needing, i)
		}
	}
	if len(needing) == 0 {
		return
	}
	for i := range j.made {
		c := &j.made[i]
		if c.settings.executor == plan.ExecutorNoop {
			continue
		}
		labels := slices.Clone(c.runsOn)
		for _, at := range needing {
			if a, ok := action.Find(j.steps[at].Uses); ok {
				labels = append(labels, a.Label(d.versionOf(f, j, i, versionInput(a, &j.steps[at]))))
			}
		}
		slices.Sort(labels)
		if labels = slices.Compact(labels); len(labels) <= maxLabels {
			c.runsOn = labels // else the steps say what is missing
		}
	}
}

// versionInput returns what a step says about the version of a tool, or "".
func versionInput(a action.Action, s *plan.Step) string {
	for _, v := range s.With {
		if a.Version != "" && strings.EqualFold(v.Name, a.Version) {
			return v.Value
		}
	}
	return ""
}

// versionOf evaluates a version for one cell of j, as far as what is known now is enough.
func (d *decoder) versionOf(f *file, j *draft, index int, text string) string {
	if !strings.Contains(text, opening) {
		return text
	}
	t, err := expr.ParseTemplate(text)
	if d.implied++; err != nil || d.implied > maxImplied || d.spent > maxSpent {
		return ""
	}
	if slices.ContainsFunc(t.References(), unknownYet) {
		return ""
	}
	v, err := t.Evaluate(&expr.Env{Contexts: d.valuesOf(f, j, index), MaxBytes: maxMade, Spent: &d.spent})
	if err != nil {
		return ""
	}
	return v.Text()
}
