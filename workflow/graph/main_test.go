package graph_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
	"yardmaster/workflow/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares got with a file of testdata; UPDATE=1 rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// parse returns the graph of a workflow file.
func parse(t testing.TB, src string) *graph.Graph {
	t.Helper()
	w, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
	require.NoError(t, err)
	return graph.Of(w)
}

// example returns the graph of one of the example files.
func example(t testing.TB, name string) *graph.Graph {
	t.Helper()
	src, err := os.ReadFile("../../examples/" + name + ".yml")
	require.NoError(t, err)
	return parse(t, string(src))
}

// of returns the graph of jobs that need those of the given numbers.
func of(needs ...[]int) *graph.Graph {
	w := &plan.Workflow{Name: "w"}
	for i, n := range needs {
		id := fmt.Sprintf("j%d", i)
		w.Jobs = append(w.Jobs, plan.Job{Key: id, ID: id, Name: id, Needs: n, Group: plan.NoGroup})
	}
	return graph.Of(w)
}

// ci is a workflow of the shape that large ones have, with n jobs: stages that need
// some jobs of the one before, and now and then one far back.
func ci(n, stage int) string {
	var b strings.Builder
	b.WriteString("name: large\njobs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  job%d:\n    steps: [{run: make}]\n", i)
		if first := i / stage * stage; first > 0 {
			needs := map[int]bool{first - 1 - i%stage: true, first - 1 - (i*7+3)%stage: true}
			if i%10 == 0 {
				needs[first/2] = true
			}
			var ids []string
			for k := range i {
				if needs[k] {
					ids = append(ids, fmt.Sprintf("job%d", k))
				}
			}
			fmt.Fprintf(&b, "    needs: [%s]\n", strings.Join(ids, ", "))
		}
	}
	return b.String()
}
