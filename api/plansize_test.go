package api_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"yardmaster/domain/plan"
	"yardmaster/messages"
	"yardmaster/workflow"
)

// fillers is how many cells share the text that fills a plan up: a file is short
// of that, and quickly read.
const fillers = 64

// TestAFileWhosePlanTheServerCannotTakeIsRefusedWithItsPlace makes a file with
// whatever costs bytes, and fills its plan up to just beyond the limit.
func TestAFileWhosePlanTheServerCannotTakeIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z]{100,200}|é{100}`)
		src := strings.Builder{}
		fmt.Fprintf(&src, "on: [push, pull_request]\nname: %q\nrun-name: %q\n", text.Draw(t, "name"), text.Draw(t, "name"))
		fmt.Fprintf(&src, "env: {A: %q, B: %q}\n", text.Draw(t, "value"), text.Draw(t, "value"))
		fmt.Fprintf(&src, "defaults: {run: {shell: '%s {0}', working-directory: '%s'}}\n",
			text.Draw(t, "shell"), text.Draw(t, "directory"))
		src.WriteString("yardmaster: {retry: {attempts: 100, delay: 20h, factor: 3, max-delay: 23h, exit-codes: [1, 255]}, " +
			"priority: -100, idempotent: true}\njobs:\n")
		before := ""
		for i := range rapid.IntRange(1, 3).Draw(t, "jobs") {
			before = job(t, &src, i, before, text)
		}
		full := plan.MaxBytes - encoded(t, src.String()) // missing to the limit
		filler := fmt.Sprintf("  z:\n    strategy: {matrix: {n: [%s]}}\n    steps: [{run: %s}]\n",
			numbered(fillers), strings.Repeat("x", full/fillers+1))
		_, err := workflow.Parse("ci.yml", []byte(src.String()+filler), workflow.Submission{})
		if err == nil || !strings.Contains(err.Error(), "the plan has more than") {
			t.Fatalf("not refused: %v", err)
		}
	})
}

// job writes a job of many cells, and returns its id.
func job(t *rapid.T, src *strings.Builder, i int, before string, text *rapid.Generator[string]) (id string) {
	id = fmt.Sprint(strings.Repeat("j", rapid.IntRange(1, 90).Draw(t, "id")), i)
	fmt.Fprintf(src, "  %s:\n    runs-on: [linux, %s]\n    timeout-minutes: 50400\n    continue-on-error: true\n",
		id, rapid.StringMatching(`[a-z]{1,60}`).Draw(t, "label"))
	fmt.Fprintf(src, "    strategy:\n      max-parallel: 200\n      matrix:\n        k: [%s]\n        l: [a, bb, ccc]\n",
		numbered(20))
	fmt.Fprintf(src, "        include: [{k: 1, m: %q}, {m: %q, n: %q, o: {p: [1]}}]\n",
		text.Draw(t, "included"), text.Draw(t, "included"), text.Draw(t, "included"))
	if i > 0 {
		fmt.Fprintf(src, "    needs: %s\n", before)
	}
	if rapid.Bool().Draw(t, "named") {
		fmt.Fprintf(src, "    name: %q\n", text.Draw(t, "name"))
	}
	fmt.Fprintf(src, "    if: \"github.ref == '%s'\"\n    outputs: {a: %q, b: '${{ steps.s0.outputs.x }}'}\n",
		text.Draw(t, "condition"), text.Draw(t, "output"))
	fmt.Fprintf(src, "    env: {C: %q}\n    steps:\n", text.Draw(t, "value"))
	for s := range rapid.IntRange(1, 3).Draw(t, "steps") {
		fmt.Fprintf(src, "      - {run: %q, id: s%d, timeout-minutes: 50400, continue-on-error: true, env: {D: %q}, "+
			"if: 'true'}\n", text.Draw(t, "run"), s, text.Draw(t, "value"))
		src.WriteString("      - {run: x, timeout-minutes: '${{ matrix.k }}', continue-on-error: '${{ env.A }}'}\n")
	}
	return id
}

// numbered is the numbers from 1 to n.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",%d", i+1)
	}
	return b.String()[1:]
}

// encoded returns how many bytes the plan of a file takes.
func encoded(t *rapid.T, src string) int {
	w, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return len(messages.EncodePlan(w))
}
