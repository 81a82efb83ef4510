package actors_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/internal/testkit"
	"yardmaster/supervisor"
)

// golden requires that the file holds text, or writes it when UPDATE is set.
func golden(t testing.TB, file, text string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with UPDATE=1 and look at what it writes")
	require.Equal(t, string(want), text)
}

func TestTheSupervisionTreesAreDrawn(t *testing.T) {
	t.Parallel()
	y := testkit.NewYard(t)
	c := y.NodeConfig()
	c.System, c.Partitions = supervisor.NewSystem(c.Log), 1
	n := actors.NewNode(c)
	t.Cleanup(func() { require.NoError(t, n.Stop(t.Context())) })
	w := actors.NewWorkerNode(actors.WorkerConfig{Log: c.Log, System: c.System, ID: "w1"})
	var b strings.Builder
	b.WriteString("Supervision trees, drawn by the tests of package actors from the very\n" +
		"specifications that run. UPDATE=1 go test ./actors -run Drawn rewrites this.\n\n" +
		"A coordinator node (with one partition; each further one is like it)\n\n")
	b.WriteString(n.Draw())
	b.WriteString("\nA worker\n\n")
	b.WriteString(w.Draw())
	golden(t, "../docs/supervision-tree.txt", b.String())
}
