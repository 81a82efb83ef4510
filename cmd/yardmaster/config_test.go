package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/worker"
	"yardmaster/workflow"
)

// goodWorker is a configuration that nothing is wrong with.
func goodWorker() workerConfig {
	return workerConfig{
		Server: "nats://" + defaultNATSListen, ID: "w1", WorkDir: "work", Slots: 1, Grace: time.Second,
		DrainTimeout: time.Second, LogCap: 1,
	}
}

func TestAGraceOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	c := goodWorker()
	require.NoError(t, c.validate())
	for _, grace := range []time.Duration{0, -time.Second} {
		c.Grace = grace
		assert.EqualError(t, c.validate(), "--grace is not positive")
	}
}

// TestALabelHasOneFormEverywhere holds the flag against what a file may demand and
// what the coordinator admits.
func TestALabelHasOneFormEverywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.OneOf(
			rapid.StringMatching(`[A-Za-z0-9._=/-]{1,64}`), rapid.StringMatching(`[a-z]{62,64}`),
			rapid.StringMatching(`[a-z_:@é]{1,3}`),
		).Draw(t, "label")
		c := goodWorker()
		c.Labels = []string{label}
		given := c.validate() == nil
		_, err := workflow.Parse("ci.yml", []byte(
			"jobs: {a: {runs-on: "+strconv.Quote(label)+", steps: [{run: x}]}}"), workflow.Submission{})
		if demanded := err == nil; given != demanded {
			t.Fatalf("given to a worker: %t, demanded by a file: %t, %v", given, demanded, err)
		}
		admitted := worker.Register{ID: "w", Incarnation: "a", Slots: 1, Labels: c.Labels}.Validate()
		if given && admitted != nil || !given && admitted == nil {
			t.Fatalf("given to a worker: %t, admitted by the coordinator: %v", given, admitted)
		}
	})
	c := goodWorker()
	c.Labels = []string{" GPU=a100 ", "kubernetes.io/os"}
	require.NoError(t, c.validate())
	assert.Equal(t, []string{"gpu=a100", "kubernetes.io/os"}, c.Labels)
}

func TestTheUserGuideListsEveryFlagOfServerAndWorker(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/user-guide.md")
	require.NoError(t, err)
	a := newApp(stops{}, streams{getenv: func(string) string { return "" }}, launcher{})
	for _, cmd := range []*cobra.Command{a.serverCommand(), a.workerCommand()} {
		n := 0
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			n++
			assert.Contains(t, string(guide), "\n| `--"+f.Name+"` | ", "a row of the table of %s", cmd.Name())
		})
		assert.Greater(t, n, 5)
	}
}
