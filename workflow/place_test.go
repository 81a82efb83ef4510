package workflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
)

// submit returns the plan of a good file with a submission.
func submit(t *testing.T, src string, s workflow.Submission) *plan.Workflow {
	t.Helper()
	w, err := workflow.Parse("ci.yml", []byte(src), s)
	require.NoError(t, err)
	checkPlan(t, w)
	return w
}

// flow is a file whose last job uses what it can.
const flow = `
on: {workflow_dispatch: {inputs: {level: {type: number, default: 2}, fast: {type: boolean}, who: }}}
env: {ALL: "${{ github.ref }}-${{ inputs.who }}-${{ vars.X }}-${{ secrets.T }}"}
jobs:
  first:
    outputs: {tag: "${{ steps.make.outputs.tag }}", plain: text}
    steps: [{id: make, run: x}]
  last:
    needs: [First]
    if: success() && needs.first.result == 'success' && github.ref && inputs.fast && vars.X
    strategy: {matrix: {os: [linux], n: [1], cfg: [{deep: true}]}}
    env: {A: "${{ needs.first.outputs.tag }}${{ strategy.job-index }}${{ matrix.os }}${{ secrets.T }}"}
    defaults: {run: {working-directory: "${{ env.ALL }}/${{ matrix.cfg.deep }}"}}
    outputs: {o: "${{ steps.one.conclusion }}${{ job.status }}${{ runner.os }}${{ env.A }}${{ matrix.os }}"}
    steps:
      - id: one
        name: ${{ matrix.os }} ${{ hashFiles('go.sum') }} ${{ env.A }}
        if: ${{ !cancelled() && hashFiles('x') != '' && runner.os == 'Linux' && env.A }}
        run: echo ${{ needs.first.outputs.plain }} ${{ matrix.n }} ${{ github.run_id }}
        env: {B: "${{ secrets.T }}"}
      - if: always() && steps.one.outputs.x == 'y'
        run: echo ${{ steps.one.outcome }}
        working-directory: ${{ env.WHERE }}
        timeout-minutes: ${{ inputs.level }}
        continue-on-error: ${{ matrix.n == 1 }}
`

func TestWhatOthersEvaluateKeepsItsText(t *testing.T) {
	t.Parallel()
	w := submit(t, flow, workflow.Submission{})
	require.Len(t, w.Jobs, 2)
	first, last := w.Jobs[0], w.Jobs[1]
	require.Equal(t, []plan.Var{
		{Name: "tag", Value: "${{ steps.make.outputs.tag }}"}, {Name: "plain", Value: "text"},
	}, first.Outputs)
	require.Empty(t, first.If)
	require.Equal(t, "success() && needs.first.result == 'success' && github.ref && inputs.fast && vars.X", last.If)
	require.Equal(t, "last (linux, 1, true)", last.Key)
	require.Equal(t, []plan.Var{
		{Name: "ALL", Value: "${{ github.ref }}-${{ inputs.who }}-${{ vars.X }}-${{ secrets.T }}"},
		{Name: "A", Value: "${{ needs.first.outputs.tag }}${{ strategy.job-index }}${{ matrix.os }}${{ secrets.T }}"},
	}, last.Env)
	require.Equal(t, []plan.MatrixValue{
		{Name: "os", Text: "linux"},
		{Name: "n", Text: "1", JSON: "1"},
		{Name: "cfg", Text: `{"deep":true}`, JSON: `{"deep":true}`},
	}, last.Matrix)
	one, two := last.Steps[0], last.Steps[1]
	require.Equal(t, "${{ matrix.os }} ${{ hashFiles('go.sum') }} ${{ env.A }}", one.Name)
	require.Equal(t, "!cancelled() && hashFiles('x') != '' && runner.os == 'Linux' && env.A", one.If)
	require.Equal(t, "${{ env.ALL }}/${{ matrix.cfg.deep }}", one.WorkingDirectory)
	require.Equal(t, plan.Step{
		Name: "Run echo ${{ steps.one.outcome }}", If: "always() && steps.one.outputs.x == 'y'",
		Run: "echo ${{ steps.one.outcome }}", WorkingDirectory: "${{ env.WHERE }}",
		TimeoutText: "${{ inputs.level }}", ContinueOnErrorText: "${{ matrix.n == 1 }}",
	}, two)
}

func TestAConditionMayBeLeftBlank(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"if:": "", "if: ''": "", "if: '  '": "", "if: true": "true", "if: 0": "0", "if: ${{ always() }}": "always()",
		"if: |\n      always() &&\n      github.ref": "always() &&\ngithub.ref",
	} {
		require.Equal(t, want, parse(t, job(src)).Jobs[0].If, src)
	}
}

func TestANameMadeOfAScriptHasOnlyWholeExpressions(t *testing.T) {
	t.Parallel()
	for run, want := range map[string]string{
		"'echo ${{ github.run_id }} x'":                      "Run echo ${{ github.run_id }} x",
		"\"echo ${{ github.ref\\n }} x\"":                    "Run echo ...",
		"'" + repeat("x", 70) + " ${{ github.repository }}'": "Run " + repeat("x", 70) + " ...",
	} {
		require.Equal(t, want, parse(t, "jobs: {a: {steps: [{run: "+run+"}]}}").Jobs[0].Steps[0].Name)
	}
}

func TestExpressionsAreCheckedWhereTheyStand(t *testing.T) {
	t.Parallel()
	needs := func(lines string) string {
		return "jobs:\n  build: {outputs: {tag: x}, steps: [{id: s, run: x}]}\n  b:\n    needs: build\n    " + lines +
			"\n    steps: [{run: x}]\n"
	}
	refuseAll(t, []refusal{
		{"run-name", "run-name: ${{ needs.x }}\n" + job(), `ci.yml:1:15: the context "needs" is not available here`},
		{
			"run-name before the run", "run-name: ${{ github.run_id }}\n" + job(),
			"ci.yml:1:15: github.run_id is not known before",
		},
		{
			"env of the workflow", "env: {A: '${{ matrix.x }}'}\n" + job(),
			`ci.yml:1:15: the context "matrix" is not available`,
		},
		{
			"vars are texts", "env: {A: '${{ vars.X.y }}'}\n" + job(),
			`ci.yml:1:22: vars.X is a string, which has no property "y"`,
		},
		{"no input", "env: {A: '${{ inputs.x }}'}\n" + job(), `ci.yml:1:22: inputs has no input "x" (there are none)`},
		{
			"input", "on: {workflow_dispatch: {inputs: {level: }}}\nenv: {A: '${{ inputs.leve }}'}\n" + job(),
			`ci.yml:2:22: inputs has no input "leve" (did you mean "level"?)`,
		},
		{"if of steps", job("if: steps.x.outcome"), `ci.yml:4:9: the context "steps" is not available here`},
		{"if with files", job("if: hashFiles('x')"), "ci.yml:4:9: the function hashFiles is not available here"},
		{"if of one job", job("if: success('b')"), "ci.yml:4:9: success takes no arguments here (the result of one job is"},
		{"if in a list", job("if: [a]"), "ci.yml:4:9: expected an expression, found a list"},
		{"if around", job(`if: "${{ github.ref }} == 'x'"`), "ci.yml:4:10: the condition is a text around ${{ }}"},
		{"if of text", job("if: github.ref = 'x'"), `ci.yml:4:20: unexpected "="`},
		{
			"if after a colon", "jobs:\n  a:\n    if: !always()\n    steps: [{run: x}]\n",
			"a text that begins with ! needs quotes",
		},
		{"need", needs("if: needs.biuld.result"), `ci.yml:5:15: needs has no job "biuld" (did you mean "build"?)`},
		{"not needed", job("if: needs.a.result"), `ci.yml:4:15: needs has no job "a" (there are none)`},
		{"result", needs("if: needs.build.status"), `ci.yml:5:21: needs.build has no "status" (there are outputs, result)`},
		{
			"output", needs(`env: {A: "${{ needs.build.outputs.tga }}"}`),
			`ci.yml:5:39: needs.build.outputs has no output "tga" (there are tag)`,
		},
		{
			"matrix of needs", needs("strategy: {matrix: {v: '${{ fromJSON(needs.build.outputs.tag) }}'}}"),
			"ci.yml:5:42: needs is not known before the run begins (what depends on other jobs can stand in",
		},
		{"name of needs", needs("name: ${{ needs.build.result }}"), "ci.yml:5:15: needs is not known before the run begins"},
		{
			"timeout of the attempt", job("timeout-minutes: ${{ github.run_attempt }}"),
			"ci.yml:4:26: github.run_attempt is not",
		},
		{"label of env", job("runs-on: ${{ env.X }}"), `ci.yml:4:18: the context "env" is not available here`},
		{
			"strategy of matrix", job("strategy: {matrix: {a: [1]}, max-parallel: '${{ matrix.a }}'}"),
			`context "matrix" is not`,
		},
		{"matrix", step("name: ${{ matrix.os }}"), `ci.yml:5:26: matrix has no key "os" (there are none)`},
		{
			"matrix key", job("strategy: {matrix: {os: [l], include: [{gpu: x}]}}", `env: {A: "${{ matrix.gp }}"}`),
			`ci.yml:5:26: matrix has no key "gp" (did you mean "gpu"?)`,
		},
		{
			"key in a mapping", job("strategy: {matrix: {c: [{os: l}, {cpu: 2}]}}", `env: {A: "${{ matrix.c.cpus }}"}`),
			`ci.yml:5:28: matrix.c has no key "cpus" (did you mean "cpu"?)`,
		},
		{"github", step("name: ${{ github.rev }}"), `ci.yml:5:26: github has no "rev" (did you mean "ref"?)`},
		{
			"secret in a script", "jobs: {a: {steps: [{run: 'echo ${{ secrets.T }}'}]}}",
			"ci.yml:1:36: a secret cannot stand in a script",
		},
		{
			"all secrets", "jobs: {a: {steps: [{run: '${{ toJSON(secrets) }}'}]}}",
			"ci.yml:1:38: a secret cannot stand in a script",
		},
		{"secret in a condition", step("if: secrets.T"), `ci.yml:5:13: the context "secrets" is not available here`},
		{
			"status in a script", "jobs: {a: {steps: [{run: '${{ failure() }}'}]}}",
			"the function failure is not available here",
		},
		{"step", step("if: steps.none.outcome"), `ci.yml:5:19: steps has no step "none" (there are none)`},
		{"step in a job", job("name: ${{ steps.a.outcome }}"), `ci.yml:4:15: the context "steps" is not available here`},
		{"step itself", step("id: me", "if: steps.me.outcome"), `ci.yml:6:13: step "me" refers to itself`},
		{
			"later step", "jobs:\n  a:\n    steps:\n      - run: ${{ steps.late.outputs.x }}\n      - {id: late, run: x}\n",
			`ci.yml:4:18: step "late" comes only later`,
		},
		{"end of a step", step("id: me", "env: {A: '${{ steps.me.result }}'}"), `steps.me has no "result"`},
		{
			"files in outputs", job("outputs: {a: \"${{ hashFiles('x') }}\"}"),
			"ci.yml:4:23: the function hashFiles is not available",
		},
		{"output twice", job("outputs: {a: x, A: y}"), `ci.yml:4:21: the outputs "a" and "A" differ only in case`},
		{"output name", job("outputs: {a b: x}"), `ci.yml:4:15: "a b" is not the name of an output`},
		{"output list", job("outputs: {a: [x]}"), "ci.yml:4:18: expected a string, found a list"},
		{"open", step("name: ${{ github.ref"), "ci.yml:5:15: the expression is not closed"},
		{"two", step("name: ${{ x }} and ${{ y }}"), "ci.yml:5:32: unknown context \"y\""},
		{"shell", step("shell: ${{ matrix.x }} {0}"), "ci.yml:5:16: an expression (${{ }}) cannot stand here"},
		{"id", step("id: ${{ github.ref }}"), "ci.yml:5:13: an expression"},
		{"key", step("env: {'${{ github.ref }}': x}"), "is not the name of a variable"},
		{
			"directory of the workflow", "defaults: {run: {working-directory: '${{ vars.X }}'}}\n" + job(),
			"ci.yml:1:38: an expression",
		},
	})
}
