package workflow_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow"
)

const mebibyte = 1 << 20

func repeat(s string, bytes int) string { return strings.Repeat(s, bytes/len(s)) }

// hostile returns inputs made to cost time or memory, by name. Each is refused.
func hostile() map[string]string {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10))
	}
	var wide strings.Builder
	wide.WriteString("jobs:\n  a: &a {steps: [" + strings.Repeat("{run: x},", 900) + "]}\n")
	for i := range 1000 {
		fmt.Fprintf(&wide, "  j%d: *a\n", i)
	}
	var merges strings.Builder
	merges.WriteString("env: &e {" + strings.Repeat("a", 1))
	for i := range 10_000 {
		fmt.Fprintf(&merges, ": 1, k%d", i)
	}
	merges.WriteString(": 1}\nx:\n")
	for range 5_000 {
		merges.WriteString("- {<<: [*e, *e, *e]}\n")
	}
	var needs strings.Builder
	needs.WriteString("jobs:\n")
	for i := range 500 {
		fmt.Fprintf(&needs, "  j%d: {needs: [", i)
		for k := range 100 {
			fmt.Fprintf(&needs, "j%d,", (i+k+1)%500)
		}
		needs.WriteString("], steps: [{run: x}]}\n")
	}
	return map[string]string{
		"alias bomb":        bomb.String(),
		"aliases of jobs":   wide.String(),
		"merges":            merges.String(),
		"circles":           needs.String(),
		"open lists":        repeat("[", mebibyte),
		"open mappings":     repeat("{", mebibyte),
		"dashes":            repeat("- ", mebibyte),
		"question marks":    repeat("? ", mebibyte),
		"commas":            "[" + repeat("1,", mebibyte-2) + "]",
		"commas allowed":    "[" + strings.Repeat("1,", workflow.MaxMarks-10) + "]",
		"pairs allowed":     "[" + strings.Repeat("a: 1,", workflow.MaxMarks/2-10) + "]",
		"anchors allowed":   "[" + strings.Repeat("&a 1,", workflow.MaxMarks-10) + "]",
		"unknown keys":      unknownKeys(workflow.MaxMarks/2 - 10),
		"expressions":       "env:\n" + expressions(900) + "on: [" + strings.Repeat("'${{',", 25_000) + "]\n",
		"escaped markers":   "on: [" + strings.Repeat(`"\x24{{",`, 25_000) + "]\n" + repeat("#x", mebibyte/4),
		"comments":          repeat("#\n", mebibyte),
		"one comment":       repeat("#", mebibyte),
		"spaces":            repeat(" ", mebibyte),
		"one word":          repeat("a", mebibyte),
		"words":             repeat("a ", mebibyte),
		"an open quote":     `"` + repeat("é", mebibyte-1),
		"one key":           "? " + repeat("a", mebibyte-100) + "\n: 1\n",
		"late error":        repeat("# \n", 200_000) + "a: b: c",
		"late indent":       "a:\n" + repeat("  - xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", mebibyte-100) + " b: c\n",
		"dense late indent": "a:\n" + repeat("  - b\n", 128_000) + " b: c",
		"documents":         repeat("---\n", 200_000),
		"NULs":              repeat("\x00", mebibyte),
		"stairs":            stairs(),
		"exclusions":        exclusions(),
		"plan too large": "jobs:\n  a:\n    strategy: {matrix: {a: [1,2,3,4], b: [1,2,3,4], c: [1,2,3,4]}}\n" +
			"    steps:\n      - run: " + repeat("x", 900_000),
		"chains":         script("${{ " + strings.Repeat("1&&", 6000) + "1 }}"),
		"indexes":        script("${{ github" + strings.Repeat(".*", 40) + " }}"),
		"empty":          script("${{}}"),
		"wrong contexts": script("${{ x }}"),
		"secrets":        script("${{ secrets.A }}"),
		"unclosed":       script("${{ 'x }}"),
		"steps":          wrongSteps(),
		"later steps":    laterSteps(),
		"conditions":     conditions(),
		"one line":       oneLine(),
		"near names":     nearNames(),
		"bombs": evaluations(100, "a: [1]", "${{ format('"+strings.Repeat("{0}", 300)+"', format('"+
			strings.Repeat("{0}", 300)+"', 'aaaaaaaaaa')) }}"),
		"long names": evaluations(16, "a: "+numbers(256), "${{ matrix.a }}${{ "+strings.Repeat("1&&", 6000)+"1 }}"),
		"searches": evaluations(16, "a: "+numbers(256),
			"${{ contains(format('"+repeat("A", 20_000)+"'), 'b') && matrix.a }}"),
		"values":          evaluations(30, "a: \"${{ fromJSON('["+strings.Repeat("0,", 2000)+"0]') }}\"", "x"),
		"large values":    largeValues(),
		"aliased scripts": aliased(),
		"outputs":         outputs(),
		"too many needs":  fan(8, 256),
		"too many jobs":   fan(20, 256),
		"variables":       variables(),
	}
}

func unknownKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	return b.String()
}

func expressions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  K%d: ${{ x }}\n", i)
	}
	return b.String()
}

func stairs() string {
	var b strings.Builder
	for i := 0; b.Len() < mebibyte-2000; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func exclusions() string {
	var b strings.Builder
	b.WriteString("jobs:\n")
	for i := range 60 {
		const eight = "[1, 2, 3, 4, 5, 6, 7, 8]"
		fmt.Fprintf(&b, "  j%d: {steps: [{run: x}], strategy: {matrix: {a: %s, b: %s, c: %s, exclude: [%s]}}}\n",
			i, eight, eight, eight, strings.Repeat("{a: 9, b: 9},", 250))
	}
	return b.String()
}

// fan returns n matrix jobs of the given number of cells, each needing the one before.
func fan(n, cells int) string {
	var b strings.Builder
	b.WriteString("jobs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  j%d:\n    steps: [{run: x}]\n    strategy: {matrix: {n: [", i)
		for k := range cells {
			fmt.Fprintf(&b, "%d,", k)
		}
		b.WriteString("]}}\n")
		if i > 0 {
			fmt.Fprintf(&b, "    needs: j%d\n", i-1)
		}
	}
	return b.String()
}

func variables() string {
	var b strings.Builder
	b.WriteString("env:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  VARIABLE_%d: value\n", i)
	}
	b.WriteString("jobs:\n")
	for i := range 4000 {
		fmt.Fprintf(&b, "  j%d: {env: {OWN: 1}, steps: [{run: x}]}\n", i)
	}
	return b.String()
}

// TestHostileInputIsRefusedInLittleMemory runs alone, as it measures allocations.
func TestHostileInputIsRefusedInLittleMemory(t *testing.T) { //nolint:paralleltest // measures
	for name, src := range hostile() {
		require.LessOrEqual(t, len(src), mebibyte, name)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), name)
	}
}

func TestAliasBombsAreRefusedWhereTheyGoOff(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^ci\.yml:5:\d+: the file holds more than 100000 values with its aliases written out`,
		refuse(t, hostile()["alias bomb"]))
}

func TestThePlanIsBounded(t *testing.T) {
	t.Parallel()
	h := hostile()
	require.Contains(t, refuse(t, h["plan too large"]), "the plan has more than 2097152 bytes with its matrices")
	require.Contains(t, refuse(t, h["variables"]), "the plan has more than 2097152 bytes with its matrices")
	require.Contains(t, refuse(t, h["too many needs"]), "the jobs have more than 262144 needs with their matrices")
	require.Contains(t, refuse(t, h["too many jobs"]), "the workflow has more than 4096 jobs with its matrices")
	require.Contains(t, refuse(t, h["exclusions"]), "the matrices of this file are too much work to expand")
	require.Len(t, parse(t, fan(4, 256)).Jobs, 1024)
	require.Len(t, parse(t, copies(3, "run: "+repeat("x", 680<<10))).Jobs, 3, "what the server takes is not refused")
}

// copies returns a job of n cells, with a step of the given lines.
func copies(n int, lines ...string) string {
	return "jobs:\n  a:\n    strategy: {matrix: {n: " + numbers(n) + "}}\n    steps:\n      - " +
		strings.Join(lines, "\n        ") + "\n"
}

func TestWhatEachCellIsGivenCountsForEachCell(t *testing.T) {
	t.Parallel()
	long := repeat("x", 16<<10)
	plain := copies(256, "run: x\n"+strings.Repeat("      - run: x\n", 10))
	for name, src := range map[string]string{
		"shell of the workflow":     "defaults: {run: {shell: 'sh " + long[:1000] + " {0}'}}\n" + plain,
		"directory of the job":      plain + "    defaults: {run: {working-directory: " + long[:1000] + "}}\n",
		"variables of the workflow": "env: {A: " + long + "}\n" + plain,
		"values in matrix, key and name": job("strategy: {matrix: {n: " + numbers(256) + ", include: [{" +
			strings.ReplaceAll(unknownKeys(30), "1\n", long[:200]+",") + "}]}}"),
		"needs":        "env: {A: " + long[:1450] + "}\n" + fan(4, 256),
		"ids of steps": copies(256, "run: x\n"+steps(100)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Regexp(t, `:\d+:3: the plan has more than 2097152 bytes with its matrices`, refuse(t, src))
		})
	}
}

// steps returns n more steps with long ids.
func steps(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "      - {run: x, id: %s%d}\n", strings.Repeat("i", 90), i)
	}
	return b.String()
}

func TestMembersOfListsAreBounded(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{
			"jobs", "jobs:\n" + strings.ReplaceAll(unknownKeys(4097), "key", "  key"),
			"ci.yml:2:3: the workflow has more than 4096 jobs",
		},
		{
			"steps", "jobs: {a: {steps: [" + strings.Repeat("{run: x},", 1001) + "]}}",
			"the job has more than 1000 steps",
		},
		{
			"variables", "env:\n" + strings.ReplaceAll(unknownKeys(1001), "key", "  key"),
			"env has more than 1000 variables",
		},
		{
			"includes", job("strategy: {matrix: {include: [" + strings.Repeat("{a: 1},", 257) + "]}}"),
			"the list has more than 256 entries",
		},
		{
			"axes", job("strategy: {matrix: {" + strings.ReplaceAll(unknownKeys(33), "1\n", "[1],") + "}}"),
			"a matrix may have 32 keys",
		},
	})
}

// script returns a file whose script is one text many times, in all about as much as a
// file may have.
func script(text string) string {
	return "jobs:\n  a:\n    steps:\n      - run: |\n" +
		strings.Repeat("          "+text+"\n", min((mebibyte-100)/(len(text)+11), workflow.MaxMarks/3-10))
}

func wrongSteps() string {
	var b strings.Builder
	b.WriteString("jobs:\n  a:\n    steps:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "      - {id: step-%s-%d, run: \"%s\"}\n", strings.Repeat("s", 30), i,
			strings.Repeat(fmt.Sprintf("${{ steps.step-%s-x%d.outputs.a }}", strings.Repeat("s", 30), i), 10))
	}
	return b.String()
}

func laterSteps() string {
	var b strings.Builder
	b.WriteString("jobs:\n  a:\n    steps:\n      - run: |\n")
	b.WriteString(strings.Repeat("          ${{ steps.s990.outputs.a }}\n", 20_000))
	for i := range 999 {
		fmt.Fprintf(&b, "      - {id: s%d, run: x}\n", i)
	}
	return b.String()
}

func conditions() string {
	var b strings.Builder
	b.WriteString("jobs:\n")
	for i := range 4000 {
		fmt.Fprintf(&b, "  j%d: {if: \"needs.j%d.result == '%s'\", needs: j0, steps: [{run: x}]}\n", i, i,
			strings.Repeat("x", 150))
	}
	return b.String()
}

func oneLine() string {
	return "jobs: {a: {steps: [" + strings.Repeat("{run: 'é ${{ x }}'}, ", 900) + "]}, b: {steps: [{run: \"" +
		strings.Repeat(`\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9 ${{ x }} `, 20_000) + "\"}]}}"
}

// evaluations returns n jobs that have a matrix and a name.
func evaluations(n int, matrix, name string) string {
	var b strings.Builder
	b.WriteString("jobs:\n")
	for i := 0; i < n && b.Len() < mebibyte-2*len(name)-len(matrix)-200; i++ {
		fmt.Fprintf(&b, "  j%d: {strategy: {matrix: {%s}}, name: \"%s\", runs-on: \"${{ 'a b' }}\", steps: [{run: x}]}\n",
			i, matrix, name)
	}
	return b.String()
}

func largeValues() string {
	var b strings.Builder
	b.WriteString("jobs:\n  a:\n    name: ${{ matrix.k0 }}\n    steps: [{run: x}]\n    strategy:\n      matrix:\n")
	fmt.Fprintf(&b, "        a: %s\n        include:\n", numbers(256))
	for i := range 30 {
		fmt.Fprintf(&b, "          - {k%d: [%s]}\n", i, strings.Repeat("[0],", 100))
	}
	return b.String()
}

func aliased() string {
	var b strings.Builder
	b.WriteString("jobs:\n  a: &a\n    if: " + strings.Repeat("always() && ", 1000) + "true\n    steps:\n      - run: |\n")
	b.WriteString(repeat("          ${{ github.ref }} ${{ x }}\n", 500_000))
	for i := range 4000 {
		fmt.Fprintf(&b, "  j%d: *a\n", i)
	}
	return b.String()
}

func outputs() string {
	var b strings.Builder
	b.WriteString("jobs:\n")
	for i := range 150 {
		fmt.Fprintf(&b, "  j%d: {needs: [j%d], steps: [{run: x}], outputs: {", i, (i+149)%150)
		for k := range 100 {
			fmt.Fprintf(&b, "k%d: \"${{ needs.j%d.outputs.k }}\",", k, i)
		}
		b.WriteString("}}\n")
	}
	return b.String()
}

func nearNames() string {
	var b strings.Builder
	b.WriteString("jobs:\n  a:\n    steps:\n")
	for i := range 190 {
		fmt.Fprintf(&b, "      - {id: %s-%d, run: x}\n", strings.Repeat("s", 30), i)
	}
	for range 50 {
		fmt.Fprintf(&b, "      - run: %s\n", strings.Repeat("${{ steps."+strings.Repeat("s", 28)+"-x.outputs.a }}", 90))
	}
	return b.String()
}
