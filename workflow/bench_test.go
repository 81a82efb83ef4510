package workflow_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow"
)

func bench(b *testing.B, src []byte, refused bool) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := workflow.Parse("ci.yml", src, workflow.Submission{}); (err != nil) != refused {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseOneJob(b *testing.B) {
	src, err := os.ReadFile("../examples/hello.yml")
	require.NoError(b, err)
	bench(b, src, false)
}

func BenchmarkParseFiftyJobs(b *testing.B) {
	var s strings.Builder
	s.WriteString("name: fifty\nenv: {A: 1}\njobs:\n")
	for i := range 50 {
		fmt.Fprintf(&s, "  job%d:\n    runs-on: [linux, x64]\n    timeout-minutes: 10\n    env: {B: %d}\n", i, i)
		if i > 0 {
			fmt.Fprintf(&s, "    needs: [job%d]\n", i-1)
		}
		for k := range 4 {
			if k == 0 {
				s.WriteString("    steps:\n")
			}
			fmt.Fprintf(&s, "      - name: step %d\n        run: |\n          echo one\n          echo two: %d\n", k, k)
		}
	}
	bench(b, []byte(s.String()), false)
}

// BenchmarkParseAThousandJobs reads a file of 1,000 jobs, half of them of matrices, that
// have conditions, outputs and expressions.
func BenchmarkParseAThousandJobs(b *testing.B) {
	var s strings.Builder
	s.WriteString("name: thousand\nenv: {A: \"${{ github.ref }}\"}\njobs:\n")
	for i := range 500 {
		fmt.Fprintf(&s, "  build%d:\n    outputs: {tag: \"${{ steps.make.outputs.tag }}\"}\n", i)
		fmt.Fprintf(&s, "    steps: [{id: make, run: 'make ${{ github.sha }}'}]\n")
	}
	for i := range 125 {
		fmt.Fprintf(&s, "  test%d:\n    needs: build%d\n    if: needs.build%d.result == 'success' || failure()\n", i, i, i)
		s.WriteString("    name: ${{ matrix.os }} ${{ matrix.v }}\n    runs-on: ${{ matrix.os }}\n")
		s.WriteString("    strategy: {matrix: {os: [linux, mac], v: [1, 2]}}\n")
		fmt.Fprintf(&s, "    steps: [{run: 'test ${{ needs.build%d.outputs.tag }} ${{ matrix.v }}', if: matrix.v == 1}]\n", i)
	}
	bench(b, []byte(s.String()), false)
}

// BenchmarkRefuse measures what it costs to refuse each hostile input.
func BenchmarkRefuse(b *testing.B) {
	for name, src := range hostile() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) { bench(b, []byte(src), true) })
	}
}
