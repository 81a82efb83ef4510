package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
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

// TestAProjectsFileIsReadAgain asks for that after each change of the file.
func TestAProjectsFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := projectsFile(t, "default: {queued: 5}\n")
	var log bytes.Buffer
	n := &part{}
	held, err := loadProjects(path)
	require.NoError(t, err)
	r := &projectsReader{path: path, log: slog.New(slog.NewTextHandler(&log, nil)), node: n, held: held}
	for _, c := range []struct {
		write func()
		says  string
		told  int
	}{
		{func() {}, "changes=[]", 1},
		{func() { write(t, path, "projects: {web: {running: 3}}") }, "default: queued is unlimited, was 5", 2},
		{func() { write(t, path, "projects: {web: {running: -3}}") }, "projects.yml:1:27: running must be", 2},
		{func() { n.deaf = errors.New("deaf"); write(t, path, "default: {}") }, "may hold in part: send SIGHUP again", 3},
		{func() { n.deaf = nil }, "project web: running is unlimited, was 3", 4},
		{func() { require.NoError(t, os.Remove(path)) }, "no such file", 4},
		{func() { require.NoError(t, syscall.Mkfifo(path, 0o600)) }, "is no regular file", 4},
	} {
		c.write()
		log.Reset()
		r.read(t.Context())
		assert.Contains(t, log.String(), c.says)
		assert.Len(t, n.projects, c.told)
	}
	assert.Equal(t, project.Set{}, r.held)
}

func write(t *testing.T, path, src string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
}

func TestAHangupHasOneUseOnly(t *testing.T) {
	t.Parallel()
	var none *hangups
	assert.Nil(t, none.use())
	h := &hangups{signals: make(chan os.Signal, 1)}
	assert.False(t, h.used(), "it is a wish to stop")
	asked := h.use()
	t.Cleanup(func() { signal.Stop(h.signals) })
	assert.Equal(t, asked, h.use())
	assert.True(t, h.used())
	assert.True(t, h.used(), "it is not heard yet, and that is enough")
	<-asked
	assert.Empty(t, asked)
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
