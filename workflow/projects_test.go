package workflow_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/project"
	"yardmaster/workflow"
)

func TestProjectsHaveWhatTheDefaultSaysUnlessTheySayOtherwise(t *testing.T) {
	t.Parallel()
	set, err := workflow.ParseProjects("projects.yml", []byte(`
projects:
  web: {weight: 3, queued: 500, pool: trusted}
  batch.night: {running: 0, starts-per-second: 0.5}
  same: {}
default: {weight: 0.5, running: 20, queued: 1000, starts-per-second: 2}
`))
	require.NoError(t, err)
	others := project.Limits{Weight: 0.5, Running: 20, Queued: 1000, StartsPerSecond: 2}
	require.Equal(t, project.Set{Others: others, By: map[string]project.Limits{
		"web":         {Weight: 3, Running: 20, Queued: 500, StartsPerSecond: 2, Pool: "trusted"},
		"batch.night": {Weight: 0.5, Queued: 1000, StartsPerSecond: 0.5},
		"same":        others,
	}}, set)

	set, err = workflow.ParseProjects("projects.yml", []byte("projects: {web: {running: 1}}"))
	require.NoError(t, err)
	require.Equal(t, project.Limits{Running: 1}, set.Of("web"))
	require.Zero(t, set.Of("api"))
}

func TestAllFaultsOfAProjectsFileAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/projects.yml")
	require.NoError(t, err)
	set, err := workflow.ParseProjects("projects.yml", src)
	require.Zero(t, set)
	require.Error(t, err)
	golden(t, "projects.golden", err.Error()+"\n")
}

func TestAProjectsFileThatSaysNothingIsRefused(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"":                         "p.yml:1:1: the file is empty (give default: or projects:, or no file)",
		"# nothing\n":              "p.yml:1:1: the file is empty (give default:",
		"- a":                      "p.yml:1:1: expected a mapping, found a list",
		"projects: 1":              "p.yml:1:11: expected a mapping of projects, found a number",
		"projects: {a: {}":         "not valid YAML",
		"default: {}\n---\nx: 1\n": "p.yml:2:1: the file holds more than one YAML document",
		"default: !x {}":           "YAML tags",
	} {
		set, err := workflow.ParseProjects("p.yml", []byte(src))
		require.ErrorContains(t, err, want, src)
		require.Zero(t, set)
	}
}

// FuzzParseProjects looks for panics, and for limits that nothing could keep.
func FuzzParseProjects(f *testing.F) {
	for _, src := range []string{
		"", "default: {weight: 2}", "projects: {web: {queued: 5, pool: a}}", "projects: {a: &a {running: 1}, b: *a}",
		"projects: {a: {<<: {running: 1}}}", "default: {starts-per-second: 1e-9}", "projects: {'': {}}",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		set, err := workflow.ParseProjects("f.yml", src)
		if err != nil {
			var faults workflow.Faults
			require.ErrorAs(t, err, &faults)
			require.Zero(t, set)
			return
		}
		for name, l := range set.By {
			require.NoError(t, project.CheckName(name))
			require.Positive(t, l.Share())
			require.GreaterOrEqual(t, min(l.Running, l.Queued), 0)
			require.GreaterOrEqual(t, l.StartsPerSecond, 0.0)
			require.Equal(t, l, set.Of(name))
		}
	})
}
