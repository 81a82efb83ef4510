package workflow

import (
	"cmp"
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/expr"
)

// maxNamed bounds the steps that get names of their own in a file, those of each cell
// counted: each is a copy.
const maxNamed = 20_000

// stepName is the name of a step with expressions in it.
type stepName struct {
	step int
	*expr.Template
}

// nameSteps evaluates the names of the steps of each cell of j, as far as what is known
// now is enough. Cells in which that changes nothing share their steps.
func (d *decoder) nameSteps(f *file, j *draft) {
	names := namesOf(j.job.Steps)
	if len(names) == 0 {
		return
	}
	for i := range j.made {
		if d.named += len(j.job.Steps); d.named > maxNamed || d.spent > maxSpent {
			return
		}
		env := &expr.Env{Contexts: d.valuesOf(f, j, i), MaxBytes: maxMade, Spent: &d.spent}
		steps := slices.Clone(j.job.Steps)
		for _, n := range names {
			if v, err := n.Evaluate(env); err == nil {
				steps[n.step].Name = cmp.Or(shown(v.Text()), steps[n.step].Name)
			}
		}
		j.made[i].steps = steps
	}
}

// namesOf returns the names that can be evaluated now.
func namesOf(steps []plan.Step) (names []stepName) {
	for i := range steps {
		if !strings.Contains(steps[i].Name, opening) {
			continue
		}
		t, err := expr.ParseTemplate(steps[i].Name) // what is made of a script may be cut
		if err == nil && !slices.ContainsFunc(t.References(), unknownYet) {
			names = append(names, stepName{i, t})
		}
	}
	return names
}

// unknownYet reports whether only a run knows what is referred to.
func unknownYet(r expr.Reference) bool {
	return !slices.Contains(inJob.contexts(), r.Context) ||
		r.Context == "github" && (len(r.Path) == 0 || isLate(r.Path[0]))
}
