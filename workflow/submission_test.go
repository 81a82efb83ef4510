package workflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/domain/resource"
	"yardmaster/workflow"
)

const dispatch = `
on:
  workflow_dispatch:
    inputs:
      level: {description: How loud, required: true, type: choice, options: [low, high], default: low}
      dry: {type: boolean}
      wet: {type: boolean, default: true}
      count: {type: number, default: 1.50}
      where: {type: environment}
      who: {required: true}
      note:
` + "jobs: {a: {steps: [{run: x}]}}\n"

func TestAPlanKeepsWhatWasSubmitted(t *testing.T) {
	t.Parallel()
	plain := "jobs: {a: {steps: [{run: x}]}}\n"
	tests := []struct {
		name, src string
		s         workflow.Submission
		want      string
	}{
		{"nothing", plain, workflow.Submission{}, ""},
		{
			"event and properties", plain,
			workflow.Submission{Event: "push", GitHub: map[string]string{
				"sha": "abc", "ref": "refs/heads/a/b", "repository": "me/it", "actor": "who",
			}},
			`{"github":{"event_name":"push","actor":"who","ref":"refs/heads/a/b","repository":"me/it","sha":"abc",` +
				`"ref_name":"a/b","ref_type":"branch","repository_owner":"me"},"inputs":{},"vars":{}}`,
		},
		{
			"what is said counts", plain,
			workflow.Submission{GitHub: map[string]string{"ref": "refs/tags/v1", "ref_name": "mine"}},
			`{"github":{"ref":"refs/tags/v1","ref_name":"mine","ref_type":"tag"},"inputs":{},"vars":{}}`,
		},
		{
			"payload and variables", plain,
			workflow.Submission{Payload: `{"n": [1, 2.50], "s": "<"}`, Vars: map[string]string{"B": "2", "A": ""}},
			`{"github":{"event":{"n":[1,2.5],"s":"<"}},"inputs":{},"vars":{"A":"","B":"2"}}`,
		},
		{
			"inputs by default", dispatch,
			workflow.Submission{Inputs: map[string]string{"who": "me"}},
			`{"github":{"event":{"inputs":{"level":"low","dry":"false","wet":"true","count":"1.5","where":"","who":"me",` +
				`"note":""}}},"inputs":{"level":"low","dry":false,"wet":true,"count":1.5,"where":"","who":"me","note":""},` +
				`"vars":{}}`,
		},
		{
			"inputs given", dispatch,
			workflow.Submission{Event: "workflow_dispatch", Inputs: map[string]string{
				"who": "", "LEVEL": "high", "dry": "true", "wet": "FALSE", "count": "-3", "note": "a\nb",
			}},
			`{"github":{"event_name":"workflow_dispatch","event":{"inputs":{"level":"high","dry":"true","wet":"false",` +
				`"count":"-3","where":"","who":"","note":"a\nb"}}},"inputs":{"level":"high","dry":true,"wet":false,"count":-3,` +
				`"where":"","who":"","note":"a\nb"},"vars":{}}`,
		},
		{
			"other events have no inputs", dispatch,
			workflow.Submission{Event: "push"},
			`{"github":{"event_name":"push"},"inputs":{},"vars":{}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, submit(t, tt.src, tt.s).Context)
		})
	}
}

func TestASubmissionThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	type in = map[string]string
	plain := "jobs: {a: {steps: [{run: x}]}}\n"
	for name, tt := range map[string]struct {
		src  string
		s    workflow.Submission
		want string
	}{
		"missing": {dispatch, workflow.Submission{}, `ci.yml:10:7: the input "who" is missing`},
		"option": {
			dispatch,
			workflow.Submission{Inputs: in{"who": "x", "level": "mid"}},
			`ci.yml:5:7: the input "level" must be one of its options: low, high`,
		},
		"boolean": {
			dispatch,
			workflow.Submission{Inputs: in{"who": "x", "dry": "yes"}},
			`ci.yml:6:7: the input "dry" must be true or false`,
		},
		"number": {
			dispatch,
			workflow.Submission{Inputs: in{"who": "x", "count": "NaN"}},
			`ci.yml:8:7: the input "count" must be a number`,
		},
		"unknown": {
			dispatch,
			workflow.Submission{Inputs: in{"who": "x", "cuont": "1"}},
			`ci.yml:5:7: the workflow has no input "cuont" (did you mean "count"?)`,
		},
		"without name": {dispatch, workflow.Submission{Inputs: in{"who": "x", "": "1"}}, `the workflow has no input ""`},
		"no inputs": {
			plain,
			workflow.Submission{Inputs: in{"a": "1"}},
			`ci.yml:1:1: the workflow has no input "a" (it takes none`,
		},
		"of an event": {
			dispatch,
			workflow.Submission{Event: "push", Inputs: in{"who": "x"}},
			`ci.yml:1:1: the event "push" has no inputs`,
		},
		"payload": {
			plain,
			workflow.Submission{Payload: "[1]"},
			"ci.yml:1:1: the payload of the event is not a JSON object",
		},
		"bad payload": {
			plain,
			workflow.Submission{Payload: "{"},
			"ci.yml:1:1: the payload of the event is not a JSON object",
		},
		"property": {
			plain,
			workflow.Submission{GitHub: in{"rev": "x"}},
			`ci.yml:1:1: github has no property "rev" (did you mean "ref"?)`,
		},
		"run": {
			plain,
			workflow.Submission{GitHub: in{"run_id": "x"}},
			"ci.yml:1:1: a submission cannot set github.run_id",
		},
		"event": {
			plain,
			workflow.Submission{GitHub: in{"event": "{}"}},
			"ci.yml:1:1: a submission cannot set github.event",
		},
		"large payload": {
			plain,
			workflow.Submission{Payload: `{"a": "` + repeat("x", workflow.MaxContext) + `"}`},
			"ci.yml:1:1: what is submitted beside the file has more than 262144 bytes",
		},
		"too much": {
			plain,
			workflow.Submission{Vars: in{"A": repeat("x", workflow.MaxContext)}},
			"ci.yml:1:1: what is submitted beside the file has more than 262144 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := workflow.Parse("ci.yml", []byte(tt.src), tt.s)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestInputsAreChecked(t *testing.T) {
	t.Parallel()
	of := func(src string) string {
		return "on: {workflow_dispatch: {inputs: " + src + "}}\njobs: {a: {steps: [{run: x}]}}\n"
	}
	refuseAll(t, []refusal{
		{"list", of("[a]"), "ci.yml:1:34: expected a mapping of inputs, found a list"},
		{"name", of("{a b: }"), `ci.yml:1:35: "a b" is not the name of an input`},
		{"twice", of("{a: , A: }"), `ci.yml:1:40: the inputs "a" and "A" differ only in case`},
		{"key", of("{a: {typ: x}}"), `ci.yml:1:39: unknown key "typ" in input "a" (did you mean "type"?)`},
		{"type", of("{a: {type: text}}"), `ci.yml:1:45: unknown type "text" (possible: string, boolean, number, choice, env`},
		{"type list", of("{a: {type: []}}"), "expected a string, found a list"},
		{"no options", of("{a: {type: choice}}"), `ci.yml:1:35: the choice "a" has no options`},
		{"empty options", of("{a: {type: choice, options: []}}"), "ci.yml:1:62: a choice has from 1 to 256 options"},
		{"options list", of("{a: {type: choice, options: x}}"), "expected a list of options, found a string"},
		{"options of a text", of("{a: {options: [x]}}"), "ci.yml:1:39: only an input of type choice has options"},
		{
			"default option", of("{a: {type: choice, options: [x], default: y}}"),
			`ci.yml:1:76: the default of "a" must be one of`,
		},
		{"default flag", of("{a: {type: boolean, default: 1}}"), `the default of "a" must be true or false`},
		{"default number", of("{a: {type: number, default: x}}"), `the default of "a" must be a number`},
		{"default list", of("{a: {default: [x]}}"), "ci.yml:1:48: expected a string, found a list"},
		{"default text", of("{a: {default: " + repeat("x", 70_000) + "}}"), `the default of "a" has more than 65536 bytes`},
		{"required", of("{a: {required: 1}}"), "ci.yml:1:49: expected true or false"},
		{"expression", of("{a: {default: '${{ github.ref }}'}}"), "ci.yml:1:49: an expression (${{ }}) cannot stand here"},
		{"many", of("{" + repeat("a", 1) + manyKeys(101) + "}"), "the workflow has more than 100 inputs"},
		{
			"beside", "on: {workflow_dispatch: {input: }}\n" + job(),
			`unknown key "input" in workflow_dispatch (did you mean "inputs"?)`,
		},
	})
}

func manyKeys(n int) (s string) {
	for i := range n {
		s += ": , k" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	return s + ": "
}

func TestWhatShapesThePlanIsEvaluatedAtSubmission(t *testing.T) {
	t.Parallel()
	w := submit(t, evaluated, workflow.Submission{
		Payload: `{"head": {"message": "one\ntwo"}}`, GitHub: map[string]string{"actor": "me", "ref": "x"},
		Vars: map[string]string{"PRIORITY": "7", "PARALLEL": "2", "OS": `["linux", "mac"]`},
	})
	require.Equal(t, "ci of one", w.RunName)
	require.Equal(t, []plan.Group{{FailFast: true, MaxParallel: 2}, {FailFast: true}}, w.Groups)
	require.Len(t, w.Jobs, 4)
	linux, mac, b, c := w.Jobs[0], w.Jobs[1], w.Jobs[2], w.Jobs[3]
	require.Equal(t, "linux number 0 of 2", linux.Name)
	require.Equal(t, "mac number 1 of 2", mac.Name)
	require.Equal(t, "a (mac)", mac.Key)
	require.Equal(t, []string{"big", "mac"}, mac.RunsOn)
	require.Equal(t, 5*time.Minute, linux.Timeout)
	require.Equal(t, 90*time.Second, mac.Timeout)
	require.False(t, linux.ContinueOnError)
	require.True(t, mac.ContinueOnError)
	require.Equal(t, 7, b.Priority)
	require.Equal(t, resource.Amount{CPU: resource.Core, Memory: 2 << 30}, mac.Resources)
	require.Equal(t, "b", b.Name, "a name that is blank is none")
	require.Equal(t, []string{"linux", "x64"}, b.RunsOn)
	require.Equal(t, "C me (1)", c.Name)
}

const evaluated = `
name: ci
run-name: ${{ github.workflow }} of ${{ github.event.head.message }} by ${{ github.actor }}
on: {workflow_dispatch: {inputs: {labels: {default: '["Linux", "x64"]'}, minutes: {type: number, default: 5}}}}
yardmaster: {priority: "${{ fromJSON(vars.PRIORITY) }}"}
jobs:
  a:
    name: ${{ matrix.os }} number ${{ strategy.job-index }} of ${{ strategy.job-total }}
    runs-on: ["${{ matrix.os }}", big]
    timeout-minutes: ${{ matrix.os == 'mac' && 1.5 || inputs.minutes }}
    continue-on-error: ${{ matrix.os == 'mac' }}
    strategy:
      fail-fast: ${{ github.ref == 'x' }}
      max-parallel: ${{ fromJSON(vars.PARALLEL) }}
      matrix: {os: "${{ fromJSON(vars.OS) }}"}
    yardmaster: {resources: {cpu: "${{ strategy.job-index }}", memory: "${{ matrix.os == 'mac' && 2 || 1 }}GiB"}}
    steps: [{run: x}]
  b:
    name: ${{ github.head_ref }}
    runs-on: ${{ fromJSON(inputs.labels) }}
    steps: [{run: x}]
  c:
    name: C ${{ github.actor }}
    strategy: {matrix: {n: [1]}}
    steps: [{run: x}]
`

func TestWhatAnExpressionGivesMustFit(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{
			"text for a number", job(`timeout-minutes: ${{ '5' }}`),
			"ci.yml:4:22: timeout-minutes: expected a number, found a string (fromJSON makes",
		},
		{
			"text for a flag", job(`continue-on-error: ${{ 'true' }}`),
			"ci.yml:4:24: expected true or false, found a string (fromJSON makes",
		},
		{"nothing", job("timeout-minutes: ${{ github.ref }}"), "timeout-minutes: expected a number, found nothing"},
		{"too long", job("timeout-minutes: ${{ 1000000 }}"), "timeout-minutes must be above 0"},
		{"label", job("runs-on: ${{ 'a b' }}"), `ci.yml:4:14: "a b" is not a label`},
		{"no label", job("runs-on: ${{ github.ref }}"), "expected a string or a list, found nothing"},
		{"bad JSON", job("runs-on: ${{ fromJSON('[') }}"), "ci.yml:4:18: fromJSON: "},
		{
			"matrix", job("strategy: {matrix: \"${{ fromJSON('[1]') }}\"}"),
			"ci.yml:4:24: expected a mapping of lists, found a list",
		},
		{"cells", job("strategy: {matrix: {a: \"${{ fromJSON('[]') }}\"}}"), `the matrix key "a" has no values`},
		{"key", job("strategy: {matrix: \"${{ fromJSON('{\\\"a b\\\": [1]}') }}\"}"), `"a b" is not a key of a matrix`},
		{
			"one cell", job("strategy: {matrix: {m: [1, 0]}}", "timeout-minutes: ${{ matrix.m }}"),
			"timeout-minutes must be above 0",
		},
	})
}
