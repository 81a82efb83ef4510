package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/project"
	"yardmaster/messages"
)

func projectsFile(t *testing.T, src string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "projects.yml")
	require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
	return path
}

func TestTheProjectsFileIsReadAtTheStart(t *testing.T) {
	t.Parallel()
	cfg := testNode(t)
	cfg.ProjectsFile = projectsFile(t, "default: {queued: 5}\nprojects: {web: {queued: 2, weight: 3}}\n")
	require.NoError(t, cfg.validate())
	assert.Equal(t, project.Set{
		Others: project.Limits{Queued: 5}, By: map[string]project.Limits{"web": {Queued: 2, Weight: 3}},
	}, cfg.Projects)

	cfg.ProjectsFile += ".not"
	require.ErrorContains(t, cfg.validate(), "--projects-file: open ")
	cfg.ProjectsFile = t.TempDir()
	require.ErrorContains(t, cfg.validate(), "--projects-file: read ")
}

func TestAServerDoesNotStartWithABadProjectsFile(t *testing.T) {
	t.Parallel()
	c := newCLI(t, nil)
	path := projectsFile(t, "default: {queued: -5}\nprojects: {Web: {weight: 0}}\n")
	assert.Equal(t, exitUsage, c.run("server", "--projects-file", path, "--partitions", "0"))
	golden(t, "bad_projects_file.txt", c.err.String())
}

// TestAProjectIsHeldToItsLimit submits through the API of a real node.
func TestAProjectIsHeldToItsLimit(t *testing.T) {
	t.Parallel()
	cfg := testNode(t)
	cfg.ProjectsFile = projectsFile(t, "projects: {web: {queued: 1}}\n")
	require.NoError(t, cfg.validate())
	u := userOf(t, nodeOf(t, cfg))
	request := func(name string) *messages.SubmitRunsRequest {
		return &messages.SubmitRunsRequest{FileName: "ci.yml", Workflow: []byte(helloFile), Project: name}
	}
	res, err := u.SubmitRuns(u.Context(), request("web"))
	require.NoError(t, err)
	assert.Equal(t, []string{"no worker is connected: its jobs wait until one is"}, res.GetWarnings())
	_, err = u.SubmitRuns(u.Context(), request("web"))
	require.ErrorContains(t, err, "project web has its share of the queue: 1 of its jobs wait and 1 may")
	_, err = u.SubmitRuns(u.Context(), request("api"))
	require.NoError(t, err)
}
