package workflow_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow"
)

func TestAllFaultsOfAFileAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/faults.yml")
	require.NoError(t, err)
	_, err = workflow.Parse("faults.yml", src, workflow.Submission{})
	golden(t, "faults.golden", err.Error()+"\n")
}

func TestAFaultIsShownInItsLine(t *testing.T) {
	t.Parallel()
	long := "    key: " + strings.Repeat("x", 200) + "!"
	tests := []struct {
		name  string
		src   string
		fault workflow.Fault
		want  string
	}{
		{"plain", "a\n  bad: 1\n", workflow.Fault{Line: 2, Column: 3}, "    2 |   bad: 1\n      |   ^\n"},
		{"byte order mark", "\ufeffab\n", workflow.Fault{Line: 1, Column: 2}, "    1 | ab\n      |  ^\n"},
		{"CRLF", "a\r\nbc\r\nd", workflow.Fault{Line: 2, Column: 2}, "    2 | bc\n      |  ^\n"},
		{"lone CR", "a\rbc\rd", workflow.Fault{Line: 2, Column: 1}, "    2 | bc\n      | ^\n"},
		{"tab and escape", "\t\x1b[31mx", workflow.Fault{Line: 1, Column: 2}, "    1 |  ·[31mx\n      |  ^\n"},
		{"invalid UTF-8", "a\xffb", workflow.Fault{Line: 1, Column: 3}, "    1 | a·b\n      |   ^\n"},
		{"beyond the line", "ab", workflow.Fault{Line: 1, Column: 99}, "    1 | ab\n      |   ^\n"},
		{"beyond the file", "ab", workflow.Fault{Line: 9, Column: 1}, ""},
		{"no line", "ab", workflow.Fault{}, ""},
		{
			"long line", long,
			workflow.Fault{Line: 1, Column: 210},
			"    1 | " + long[110:] + "\n      | " + strings.Repeat(" ", 99) + "^\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.fault.Snippet([]byte(tt.src)))
		})
	}
}

func TestFaultsAreSortedAndCut(t *testing.T) {
	t.Parallel()
	for _, n := range []int{99, 100, 101, 250, 5000} {
		var b strings.Builder
		b.WriteString("jobs:\n  a:\n    steps: [{run: x}]\n")
		for i := range n {
			fmt.Fprintf(&b, "key%d: 1\n", i)
		}
		_, err := workflow.Parse("ci.yml", []byte(b.String()), workflow.Submission{})
		var faults workflow.Faults
		require.ErrorAs(t, err, &faults)
		for i := range min(n, workflow.MaxFaults) {
			require.Equal(t, i+4, faults[i].Line)
		}
		if n > workflow.MaxFaults {
			require.Len(t, faults, workflow.MaxFaults+1)
			require.Equal(t, fmt.Sprintf("and %d more", n-workflow.MaxFaults), faults[workflow.MaxFaults].Message)
		} else {
			require.Len(t, faults, n)
		}
	}
}

func TestAFaultReachedThroughAliasesIsToldOnce(t *testing.T) {
	t.Parallel()
	got := refuse(t, "jobs:\n  a: &a\n    steps: [{run: x, wiht: 1}]\n  b: *a\n  c: *a\n")
	require.Equal(t, 0, strings.Count(got, "\n"), got)
}

func TestValuesOfVariablesAreNotRepeated(t *testing.T) {
	t.Parallel()
	got := refuse(t, step(`env: {A: "hunter2${{ x }}", B: ["hunter2"], C: "hunter2\0"}`))
	require.NotContains(t, got, "hunter2")
	require.Equal(t, 2, strings.Count(got, "\n"), got)
}
