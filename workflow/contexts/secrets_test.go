package contexts_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/plan"
	"yardmaster/workflow/contexts"
)

func TestTheSecretsOfAJobAreThoseItsTextsReferTo(t *testing.T) {
	t.Parallel()
	vars := func(text string) []plan.Var { return []plan.Var{{Name: "V", Value: text}} }
	env := func(text string) plan.Job {
		return plan.Job{Steps: []plan.Step{{Run: "true"}, {Env: vars(text)}}}
	}
	step := func(s plan.Step) plan.Job { return plan.Job{Steps: []plan.Step{{Run: "true"}, s}} }
	for name, c := range map[string]struct {
		job  plan.Job
		want []string
		all  bool
	}{
		"nothing":            {plan.Job{}, nil, false},
		"no expression":      {env("secrets.A"), nil, false},
		"a text in one":      {env("${{ 'secrets.A' }}"), nil, false},
		"another context":    {env("${{ env.secrets }}"), nil, false},
		"env of the job":     {plan.Job{Env: vars("${{ secrets.a }}")}, []string{"A"}, false},
		"outputs":            {plan.Job{Outputs: vars("x ${{ secrets.A }}")}, []string{"A"}, false},
		"env of a step":      {env("${{secrets.A}}${{ secrets.B }}"), []string{"A", "B"}, false},
		"with":               {step(plan.Step{With: vars("${{ secrets.A }}")}), []string{"A"}, false},
		"name, never used":   {step(plan.Step{Name: "${{ secrets.A }}"}), nil, false},
		"working directory":  {step(plan.Step{WorkingDirectory: "${{ secrets.A }}"}), []string{"A"}, false},
		"timeout":            {step(plan.Step{TimeoutText: "${{ secrets.A }}"}), []string{"A"}, false},
		"continue":           {step(plan.Step{ContinueOnErrorText: "${{ secrets.A }}"}), []string{"A"}, false},
		"once each, sorted":  {env("${{ secrets.b && SECRETS.a || secrets['B'] }}"), []string{"A", "B"}, false},
		"deep in":            {env("${{ format('{0}', fromJSON(secrets.A).x[0]) }}"), []string{"A"}, false},
		"a key of the run's": {env("${{ secrets[env.X] }}"), nil, true},
		"all":                {env("${{ toJSON(secrets) }}"), nil, true},
		"a filter":           {env("${{ join(secrets.*) }}"), nil, true},
		"both":               {env("${{ secrets.A == secrets[secrets.B] }}"), []string{"A", "B"}, true},
		"what is no template": {
			env("${{ secrets.A"), nil, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, all := contexts.SecretsOf(&c.job)
			assert.Equal(t, c.want, names)
			assert.Equal(t, c.all, all)
		})
	}
}

func BenchmarkSecretsOf(b *testing.B) {
	j := plan.Job{Steps: make([]plan.Step, 20)}
	for i := range j.Steps {
		j.Steps[i] = plan.Step{Env: []plan.Var{{Name: "A", Value: "b"}, {Name: "C", Value: "${{ github.ref }}"}}}
	}
	b.ReportAllocs()
	for b.Loop() {
		contexts.SecretsOf(&j)
	}
}
