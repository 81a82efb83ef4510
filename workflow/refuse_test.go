package workflow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type refusal struct{ name, src, want string }

func refuseAll(t *testing.T, tests []refusal) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, refuse(t, tt.src), tt.want)
		})
	}
}

func TestWhatAnActionIsGivenIsChecked(t *testing.T) {
	t.Parallel()
	checkout := func(with string) string {
		return "jobs: {a: {steps: [{uses: actions/checkout@v4, with: {" + with + "}}]}}"
	}
	setup := func(tool, with string) string {
		return "jobs: {a: {steps: [{uses: actions/setup-" + tool + "@v5, with: {" + with + "}}]}}"
	}
	refuseAll(t, []refusal{
		{"unknown input", checkout("fetch-dept: 0"), `ci.yml:1:55: actions/checkout has no input "fetch-dept" ` +
			`(did you mean "fetch-depth"?)`},
		{"far from any input", checkout("qqqqqqqqq: 0"), `has no input "qqqqqqqqq" (possible here: repository, ref, path,`},
		{"twice", checkout("ref: a, Ref: b"), `ci.yml:1:63: the inputs "ref" and "Ref" differ only in case`},
		{"depth", checkout("fetch-depth: all"), "ci.yml:1:68: fetch-depth of actions/checkout must be a whole number"},
		{"depth below zero", checkout("fetch-depth: -1"), "fetch-depth of actions/checkout must be a whole number"},
		{"flag", checkout("clean: yes please"), "clean of actions/checkout must be true or false"},
		{"submodules", checkout("submodules: all"), "submodules of actions/checkout must be true, false or recursive"},
		{"path", checkout("path: ../x"), "ci.yml:1:61: path of actions/checkout must lie within the workspace"},
		{"absolute path", checkout("path: /etc"), "path of actions/checkout must lie within the workspace"},
		{"path in git", checkout("path: a/.git/hooks"), "must not lie in what Git keeps"},
		{"option", checkout("ref: --upload-pack=x"), "ref of actions/checkout must name a branch, a tag or a commit"},
		{"range", checkout("ref: a..b"), "ref of actions/checkout must name"},
		{"command", checkout("repository: 'ext::sh -c id'"), "repository of actions/checkout must be owner/name"},
		{"password", checkout("repository: 'https://a:b@example.org/c/d'"), "must not hold credentials"},
		{"large files", checkout("lfs: true"), "ci.yml:1:60: lfs of actions/checkout is not supported"},
		{"large files, perhaps", checkout("lfs: '${{ vars.LFS }}'"), "lfs of actions/checkout is not supported"},
		{"token", checkout("token: '${{ secrets.TOKEN }}'"), "ci.yml:1:62: token of actions/checkout is not supported " +
			"in this version (remove it; the worker's own Git must be able to read the repository)"},
		{"key", checkout("ssh-key: x"), "ssh-key of actions/checkout is not supported"},
		{"sparse", checkout("sparse-checkout: src"), "sparse-checkout of actions/checkout is not supported"},
		{"server", checkout("github-server-url: ftp://x"), "github-server-url of actions/checkout must be a URL"},
		{"version", setup("go", "go-version: new"), "ci.yml:1:67: go-version of actions/setup-go says no version"},
		{"versions", setup("python", `python-version: "3.12\n3.13"`), "python-version of actions/setup-python says no"},
		{"file", setup("node", "node-version-file: /etc/passwd"), "node-version-file of actions/setup-node must lie"},
		{"registry", setup("node", "registry-url: 'https://x'"), "registry-url of actions/setup-node is not supported"},
		{"architecture", setup("java", "architecture: pdp11"), "architecture of actions/setup-java must be x64"},
		{"other tool's input", setup("go", "node-version: 20"), `actions/setup-go has no input "node-version"`},
		{
			"no version", "jobs: {a: {steps: [{uses: actions/checkout}]}}",
			`ci.yml:1:27: the action "actions/checkout" has no version (write for example actions/checkout@v4)`,
		},
		{"misspelt", "jobs: {a: {steps: [{uses: actions/chekout@v4}]}}", `(did you mean "actions/checkout"?)`},
		{"other", "jobs: {a: {steps: [{uses: docker/login-action@v3}]}}", "in run; there are actions/checkout,"},
		{"shell", "jobs: {a: {steps: [{uses: actions/checkout@v4, shell: sh}]}}", "ci.yml:1:48: shell belongs to run"},
		{"directory", "jobs: {a: {steps: [{uses: actions/checkout@v4, working-directory: a}]}}", "belongs to run"},
	})
}

func TestMalformedYAMLIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{"empty", "", "ci.yml:1:1: the file is empty"},
		{"blank", "\n  \n", "ci.yml:1:1: the file is empty"},
		{"comment", "# nothing\n", "ci.yml:1:1: the file is empty"},
		{"mark alone", "\ufeff", "ci.yml:1:1: the file is empty"},
		{"scalar", "hello", "ci.yml:1:1: expected a mapping, found a string"},
		{"list", "- a", "ci.yml:1:1: expected a mapping, found a list"},
		{"null", "~", "ci.yml:1:1: expected a mapping, found nothing"},
		{
			"indentation", "jobs:\n  a:\n    steps:\n      - run: x\n     name: y\n  b:\n    steps:\n",
			"ci.yml:5:6: not valid YAML",
		},
		{
			"indentation at the end", "jobs:\n  a:\n    steps:\n      - run: x\n     name: y\n",
			"ci.yml:5:6: not valid YAML",
		},
		{"tab", "jobs:\n  a:\n\tsteps: 1\n", "ci.yml:3:1: not valid YAML"},
		{"tab hint", "jobs:\n  a:\n\tsteps: 1\n", "indent with spaces"},
		{
			"open quote", "jobs:\n  a: \"foo\n  b: 1\n",
			"ci.yml:2:3: not valid YAML: found unexpected end of stream (close the quote",
		},
		{"colon in value", "jobs:\n  a: foo: bar\n", "ci.yml:2:3: not valid YAML: mapping values"},
		{"open list", "jobs:\n  a: [1, 2\n  b: 1\n", "ci.yml:3:3: not valid YAML: did not find expected ','"},
		{"missing colon", "name: 1\nb\nc: 2\n", "ci.yml:2:1: not valid YAML: could not find expected ':'"},
		{"list and mapping", "name: x\njobs:\n  - a\n  b: 1\non: x\n", "ci.yml:4:3: not valid YAML"},
		{
			"reserved character", "name: x\non: @foo\n",
			"ci.yml:2:5: not valid YAML: found character that cannot start any token",
		},
		{"stray bracket", "name: 1\non: }\njobs: x\n", "ci.yml:2:1: not valid YAML"},
		{"text under block", "jobs:\n  a:\n    run: |\n      foo\n   bar\nname: x\n", "ci.yml:5:4: not valid YAML"},
		{"first line", "name: 'a' b\njobs: 1\n", "ci.yml:1:1: not valid YAML"},
		{"unknown anchor", "name: a\non: *foo\njobs: 1\n", "ci.yml:2:1: not valid YAML: unknown anchor 'foo'"},
		{"long anchor", "name: *" + strings.Repeat("a", 9000), "ci.yml:1:1: not valid YAML: unknown anchor 'aaa"},
		{"escape", "name: x\non: \"\\q\"\n", "ci.yml:2:1: not valid YAML: found unknown escape character"},
		{"second document", "name: x\n---\nname: y\n", "ci.yml:2:1: the file holds more than one YAML document"},
		{"bad second document", "name: x\n---\nname: [\n", "ci.yml:3:1: not valid YAML"},
		{"control character", "name: x\non: a\x07b\n", "ci.yml:2:6: the control character 0x07 is not allowed"},
		{"NUL", "name: \x00\n", "ci.yml:1:7: the control character 0x00 is not allowed"},
		{"next line", "name: x\u0085\n", "ci.yml:1:8: the character U+0085 is not allowed"},
		{"line separator", "name: é\u2028\n", "ci.yml:1:8: the character U+2028 is not allowed"},
		{"invalid UTF-8", "name: x\non: é\xff\n", "ci.yml:2:6: the file is not valid UTF-8"},
		{"UTF-16", "\xff\xfen\x00", "ci.yml:1:1: the file is not valid UTF-8"},
		{"too long", strings.Repeat("#", 1<<20+1), "ci.yml:1:1: the file has 1048577 bytes"},
		{"too dense", strings.Repeat("- 1\n", 50_000), "ci.yml:1:1: the file holds too many values"},
		{"too deep for YAML", strings.Repeat("[", 20_000), "max depth"},
		{
			"too deep", "name: " + strings.Repeat("[", 64) + strings.Repeat("]", 64),
			"ci.yml:1:70: lists and mappings are more than 64 deep",
		},
		{"too deep by alias", "x: &a " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\ny: " +
			strings.Repeat("[", 40) + "*a" + strings.Repeat("]", 40), "ci.yml:2:44: lists and mappings are more than 64 deep"},
		{"alias in its anchor", "name: &a [*a]\n", `ci.yml:1:11: the alias "*a" stands inside its own anchor`},
		{
			"alias in a refused anchor", "name: &a !x b\non: *a\n",
			`ci.yml:1:7: YAML tags such as "!x" are not supported`,
		},
		{"tag", "name: !!binary aGk=\n", `ci.yml:1:7: YAML tags such as "!!binary" are not supported`},
		{
			"key twice", "name: a\non: push\nname: b\n",
			`ci.yml:3:1: the key "name" stands here twice (the first is in line 1)`,
		},
		{"list as key", "[a]: b\n", "ci.yml:1:1: a key must be a plain text"},
		{"no key", "~: b\n", "ci.yml:1:1: a key is missing before the colon"},
		{
			"merge of a string", "jobs:\n  a: {<<: x}\n",
			"ci.yml:2:11: << expects a mapping or a list of mappings, found a string",
		},
		{"merge twice", "jobs:\n  a: {<<: {}, <<: {}}\n", `ci.yml:2:15: the key "<<" stands here twice`},
	})
}

func TestTheWorkflowIsChecked(t *testing.T) {
	t.Parallel()
	ok := "jobs: {a: {steps: [{run: x}]}}\n"
	refuseAll(t, []refusal{
		{"no jobs key", "name: x\n", "ci.yml:1:1: the workflow has no jobs"},
		{"no jobs", "jobs: {}\n", "ci.yml:1:7: the workflow has no jobs"},
		{"jobs null", "jobs:\n", "ci.yml:1:6: expected a mapping of jobs, found nothing"},
		{"jobs list", "jobs: [a]\n", "ci.yml:1:7: expected a mapping of jobs, found a list"},
		{"unknown key", ok + "nam: x\n", `ci.yml:2:1: unknown key "nam" in the workflow (did you mean "name"?)`},
		{"key in capitals", ok + "Name: x\n", `did you mean "name"?`},
		{"key in capitals and _", ok + "YARD_MASTER: x\n", `did you mean "yardmaster"?`},
		{"far key", ok + "qqqqqqqq: x\n", "possible here: name, run-name, description, on, permissions, concurrency,"},
		{"long key", ok + strings.Repeat("k", 100) + ": x\n", "k...\" in the workflow"},
		{"empty name", ok + "name: ' '\n", "ci.yml:2:7: a name must not be empty"},
		{"name of control characters", ok + `name: "a\e[31m"`, "ci.yml:2:7: a name must be one line"},
		{"long name", ok + "name: " + strings.Repeat("é", 256), "ci.yml:2:7: a name may have 255 characters"},
		{
			"permissions", ok + "permissions: {content: read}\n",
			`ci.yml:2:15: unknown permission "content" (did you mean "contents"?)`,
		},
		{"a permission", ok + "permissions: {contents: yes}\n", "ci.yml:2:25: a permission is read, write or none"},
		{"all permissions", ok + "permissions: all\n", "ci.yml:2:14: permissions: expected read-all, write-all"},
		{
			"concurrency of a job", "jobs: {a: {concurrency: x, steps: [{run: a}]}}\n",
			`ci.yml:1:12: "concurrency" is not supported in this version (give it to the whole workflow`,
		},
		{
			"concurrency list", ok + "concurrency: [x]\n",
			"ci.yml:2:14: concurrency: expected the name of a group, or a mapping",
		},
		{"concurrency without a group", ok + "concurrency: {queue: max}\n", "ci.yml:2:14: concurrency has no group"},
		{"concurrency empty", ok + "concurrency: {group: ' '}\n", "ci.yml:2:22: the name of a group must not be empty"},
		{
			"concurrency queue", ok + "concurrency: {group: g, queue: 3}\n",
			"ci.yml:2:32: queue must be single or max",
		},
		{
			"concurrency flag", ok + "concurrency: {group: g, cancel-in-progress: maybe}\n",
			"ci.yml:2:45: expected true or false",
		},
		{
			"concurrency that keeps and cancels", ok + "concurrency: {group: g, cancel-in-progress: true, queue: max}\n",
			"ci.yml:2:14: cancel-in-progress leaves nothing that could wait",
		},
		{
			"concurrency of a run", ok + "concurrency: 'x-${{ github.run_id }}'\n",
			"ci.yml:2:21: github.run_id is not known before the run begins",
		},
		{"trigger", ok + "on: [Push]\n", `ci.yml:2:6: "Push" is not the name of a trigger`},
		{"trigger null", ok + "on:\n", "ci.yml:2:4: expected a string or a list, found nothing"},
		{"reusable", ok + "on: {workflow_call: }\n", "ci.yml:2:6: reusable workflows are not supported"},
		{
			"expression in a trigger", ok + "on: {push: {branches: ['${{ x }}']}}\n",
			"ci.yml:2:25: an expression (${{ }}) cannot",
		},
		{"variables in a list", ok + "env: [A=b]\n", "ci.yml:2:6: expected a mapping of variables, found a list"},
		{"variable", ok + "env: {A.B: 1}\n", `ci.yml:2:7: "A.B" is not the name of a variable`},
		{"empty variable", ok + "env: {'': 1}\n", `ci.yml:2:7: "" is not the name of a variable`},
		{"reserved name", ok + "env: {YARDMASTER: x}\n", "ci.yml:2:7: the variable YARDMASTER is reserved"},
		{"reserved", ok + "env: {GITHUB_X: 1, YARDMASTER_X: 1}\n", "begin with YARDMASTER_ are reserved"},
		{"defaults", ok + "defaults: {steps: 1}\n", `unknown key "steps" in defaults (possible here: run)`},
		{
			"defaults.run", ok + "defaults: {run: {shel: sh}}\n",
			`unknown key "shel" in defaults.run (did you mean "shell"?)`,
		},
		{"executor for all", ok + "yardmaster: {executor: noop}\n", `unknown key "executor" in yardmaster`},
		{"id", "jobs: {a b: {steps: [{run: x}]}}", `ci.yml:1:8: "a b" is not the id of a job`},
		{"long id", "jobs: {" + strings.Repeat("a", 101) + ": {steps: [{run: x}]}}", "is not the id of a job"},
		{
			"ids in case", "jobs:\n  a: {steps: [{run: x}]}\n  A: {steps: [{run: x}]}",
			`ci.yml:3:3: the jobs "a" and "A" differ only in case`,
		},
	})
}

func TestJobsAreChecked(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{"null", "jobs: {a: }", "ci.yml:1:11: expected a mapping, found nothing"},
		{"no steps key", "jobs:\n  a: {name: x}", `ci.yml:2:3: job "a" has no steps`},
		{"no steps", "jobs:\n  a: {steps: []}", "ci.yml:2:14: the job has no steps"},
		{"steps mapping", "jobs:\n  a: {steps: {run: x}}", "ci.yml:2:14: expected a list of steps, found a mapping"},
		{
			"timeout text", job("timeout-minutes: ten"),
			"ci.yml:4:22: timeout-minutes: expected a number, found a string",
		},
		{
			"timeout list", job("timeout-minutes: [1]"),
			"ci.yml:4:22: timeout-minutes: expected a number, found a list",
		},
		{"timeout in quotes", job("timeout-minutes: '5'"), "expected a number, found a string"},
		{
			"timeout zero", job("timeout-minutes: 0"),
			"ci.yml:4:22: timeout-minutes must be above 0 and at most 50400 (35 days)",
		},
		{"timeout negative", job("timeout-minutes: -1"), "timeout-minutes must be above 0"},
		{"timeout tiny", job("timeout-minutes: 1e-300"), "timeout-minutes must be above 0"},
		{"timeout huge", job("timeout-minutes: 50400.1"), "timeout-minutes must be above 0 and at most 50400"},
		{"timeout vast", job("timeout-minutes: 1e300"), "timeout-minutes must be above 0 and at most 50400"},
		{"timeout infinite", job("timeout-minutes: .inf"), "timeout-minutes must be a plain decimal number"},
		{"timeout hexadecimal", job("timeout-minutes: 0x10"), "timeout-minutes must be a plain decimal number"},
		{"timeout expression", job("timeout-minutes: ${{ x }}"), "ci.yml:4:26: unknown context"},
		{
			"boolean text", job("continue-on-error: yes"),
			"ci.yml:4:24: expected true or false, found a string (write true or false",
		},
		{"boolean list", job("continue-on-error: []"), "ci.yml:4:24: expected true or false, found a list"},
		{"boolean expression", job("continue-on-error: ${{ x }}"), "ci.yml:4:28: unknown context"},
		{"label", job("runs-on: a b"), `ci.yml:4:14: "a b" is not a label`},
		{"long label", job("runs-on: " + strings.Repeat("a", 64)), "is not a label"},
		{"label of a dash", job("runs-on: [-a]"), `"-a" is not a label`},
		{"no label", job("runs-on: []"), "ci.yml:4:14: runs-on names no label"},
		{"labels null", job("runs-on:"), "ci.yml:4:13: expected a string or a list, found nothing"},
		{
			"labels in labels", job("runs-on: {labels: {labels: x}}"),
			"ci.yml:4:23: expected a list of labels, found a mapping",
		},
		{"group", job("runs-on: {group: x}"), `unknown key "group" in runs-on`},
		{
			"many labels", job("runs-on: [" + strings.Join(strings.Split("abcdefghijklmnopqrstuvwxyz0123456", ""), ",") + "]"),
			"more than 32 labels",
		},
		{"strategy without matrix", job("strategy: {fail-fast: true}"), "ci.yml:4:15: strategy has no matrix"},
		{
			"max-parallel", job("strategy: {matrix: {a: [1]}, max-parallel: 0}"),
			"max-parallel must be a whole number from 1",
		},
		{
			"priority", job("yardmaster: {priority: -101}"),
			"ci.yml:4:28: priority must be a whole number from -100 to 100",
		},
		{"priority text", job("yardmaster: {priority: high}"), "priority: expected a whole number, found a string"},
		{"priority expression", job("yardmaster: {priority: '${{ x }}'}"), "ci.yml:4:33: unknown context"},
		{
			"executor", job("yardmaster: {executor: docker}"),
			`ci.yml:4:28: unknown executor "docker" (possible: process, noop)`,
		},
		{
			"retry number", job("yardmaster: {retry: 3}"),
			"retry: expected a mapping, found a number (write for example",
		},
		{
			"retry without attempts", job("yardmaster: {retry: {delay: 3}}"),
			"ci.yml:4:25: retry does not say how many attempts",
		},
		{"attempts zero", job("yardmaster: {retry: {attempts: 0}}"), "attempts must be a whole number from 1 to 100"},
		{
			"attempts many", job("yardmaster: {retry: {attempts: 101}}"),
			"attempts must be a whole number from 1 to 100",
		},
		{
			"attempts fraction", job("yardmaster: {retry: {attempts: 1.5}}"),
			"attempts: expected a whole number, found a number",
		},
		{
			"delay", job("yardmaster: {retry: {attempts: 2, delay: soon}}"),
			`ci.yml:4:46: delay: "soon" is not a duration`,
		},
		{"delay expression", job("yardmaster: {retry: {attempts: 2, delay: '${{ x }}'}}"), "ci.yml:4:51: unknown context"},
		{
			"delay list", job("yardmaster: {retry: {attempts: 2, delay: []}}"),
			"delay: expected a number, found a list",
		},
		{"delay negative", job("yardmaster: {retry: {attempts: 2, delay: -1}}"), "delay must be from 0 to 24h0m0s"},
		{"delay long", job("yardmaster: {retry: {attempts: 2, delay: 25h}}"), "delay must be from 0 to 24h0m0s"},
		{
			"delay very long", job("yardmaster: {retry: {attempts: 2, delay: 1e200}}"),
			"delay must be from 0 to 24h0m0s",
		},
		{"factor", job("yardmaster: {retry: {attempts: 2, factor: 0.9}}"), "factor must be from 1 to 100"},
		{"max-delay zero", job("yardmaster: {retry: {attempts: 2, max-delay: 0}}"), "max-delay must be above 0"},
		{
			"max-delay below delay", job("yardmaster: {retry: {attempts: 2, delay: 5, max-delay: 4}}"),
			"ci.yml:4:49: max-delay (4s) is below delay (5s)",
		},
		{
			"exit code", job("yardmaster: {retry: {attempts: 2, exit-codes: [1, 0]}}"),
			"ci.yml:4:55: an exit code must be a whole number from 1 to 255",
		},
	})
}

func TestStepsAreChecked(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{"string", "jobs: {a: {steps: [x]}}", "ci.yml:1:20: expected a mapping, found a string"},
		{"nothing to run", "jobs: {a: {steps: [{name: x}]}}", "ci.yml:1:20: the step has nothing to run"},
		{"empty run", "jobs: {a: {steps: [{run: ' '}]}}", "ci.yml:1:26: run is empty"},
		{"null run", "jobs: {a: {steps: [{run: }]}}", "ci.yml:1:26: run is empty"},
		{"run list", "jobs: {a: {steps: [{run: [a, b]}]}}", "ci.yml:1:26: expected a string, found a list"},
		{"uses", "jobs: {a: {steps: [{uses: x}]}}", `ci.yml:1:27: the action "x" is not supported in this version`},
		{"local action", "jobs: {a: {steps: [{uses: ./x}]}}", "ci.yml:1:27: actions of the repository are not supported"},
		{"image", "jobs: {a: {steps: [{uses: 'docker://x'}]}}", "ci.yml:1:27: images are not supported as actions"},
		{"run and uses", step("uses: x"), "ci.yml:5:9: a step has either run or uses"},
		{"value", step("uses: x", "with: {a: [b]}"), "ci.yml:6:19: a value: expected a string, found a list"},
		{"id", step("id: a b"), `ci.yml:5:13: "a b" is not the id of a step`},
		{
			"ids in case", "jobs: {a: {steps: [{run: x, id: b}, {run: x, id: B}]}}",
			`ci.yml:1:50: the step id "B" is taken`,
		},
		{"shell", step("shell: node"), `ci.yml:5:16: unknown shell "node"`},
		{"shell hint", step("shell: node"), `"node {0}"`},
		{"empty shell", step("shell: ''"), "ci.yml:5:16: shell is empty"},
		{"shell without command", step("shell: '{0} x'"), "shell must begin with a command"},
		{"shell of two lines", step(`shell: "sh\n{0}"`), "shell must be one line"},
		{"absolute directory", step("working-directory: /etc"), "ci.yml:5:28: working-directory must lie within"},
		{"directory above", step("working-directory: a/../../b"), "working-directory must lie within"},
		{"no directory", step("working-directory: ''"), "working-directory must be a path"},
		{"expression in a block", step("env:", "  A: |", "    one", "    é ${{ x }}"), "ci.yml:8:19: unknown context"},
		{"expression by escape", step(`name: "\x24{{ x }}"`), "ci.yml:5:23: unknown context"},
		{"NUL by escape", step(`env: {A: "\0"}`), "ci.yml:5:18: a NUL byte is not allowed"},
		{"with", step("with: {a: b}"), "ci.yml:5:9: with belongs to uses"},
		{"timeout", step("timeout-minutes: 0"), "ci.yml:5:26: timeout-minutes must be above 0"},
	})
}

func TestNeedsAreChecked(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{
			"unknown", "jobs:\n  build: {steps: [{run: x}]}\n  b: {needs: biuld, steps: [{run: x}]}",
			`ci.yml:3:14: needs names an unknown job "biuld" (did you mean "build"?)`,
		},
		{"itself", job("needs: [A]"), `ci.yml:4:13: job "A" needs itself`},
		{
			"twice", "jobs:\n  a: {steps: [{run: x}]}\n  b: {needs: [a, A], steps: [{run: x}]}",
			`ci.yml:3:18: needs names "A" twice`,
		},
		{"mapping", job("needs: {a: b}"), "ci.yml:4:12: expected a string or a list, found a mapping"},
		{
			"circle", "jobs:\n  a: {needs: c, steps: [{run: x}]}\n  b: {needs: a, steps: [{run: x}]}\n" +
				"  c: {needs: [b], steps: [{run: x}]}",
			"ci.yml:3:14: jobs need each other in a circle: a -> c -> b -> a",
		},
	})
}

func TestALongCircleIsShortened(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("jobs:\n")
	for i := range 26 {
		b.WriteString("  " + string(rune('a'+i)) + ": {needs: " + string(rune('a'+(i+1)%26)) + ", steps: [{run: x}]}\n")
	}
	require.Contains(t, refuse(t, b.String()), "a -> b -> c -> d -> e -> f -> ... -> u -> v -> w -> x -> y -> z -> a")
}

func TestWhatGitHubHasAndWeLackIsRefusedWithAHint(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"container", "services", "environment", "secrets", "snapshot", "cancel-timeout-minutes",
		"background", "wait", "parallel",
	} {
		for _, src := range []string{"jobs: {a: {steps: [{run: x}]}}\n" + key + ": x", job(key + ": x"), step(key + ": x")} {
			require.Regexp(t, `"`+key+`" is not supported in this version \(.+\)$`, refuse(t, src))
		}
	}
}

func TestAFaultDoesNotCauseOthers(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"jobs: !x {a: {steps: [{run: x}]}}", "jobs: {a: !x {}}", "jobs: {a: {steps: !x []}}", "jobs: {a: {steps: [!x {}]}}",
		"jobs: {a: {uses: x}}", "jobs: {a: {steps: [{run: !x y}]}}", job("<<: !x {}"), job("runs-on: !x y"),
		job("timeout-minutes: !x 1"), job("continue-on-error: !x true"), job("yardmaster: {priority: !x 1, retry: 1}"),
		job("yardmaster: {retry: !x {}}"), job("env: {A: !x b}"), job("strategy: {matrix: {a: [!x b]}}"),
		job("needs: !x a"), job("strategy: {matrix: !x {}}"), "on: !x push\n" + job(),
	} {
		want := strings.Count(src, "!x") + strings.Count(src, "uses") + strings.Count(src, "retry: 1")
		require.Equal(t, want, 1+strings.Count(refuse(t, src), "\n"), refuse(t, src))
	}
}
