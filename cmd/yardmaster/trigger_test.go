package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
)

func TestARepositoryIsNamedWithoutSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://example.org/acme/web.git": "acme/web", "https://ann:hunter2@example.org/acme/web": "acme/web",
		"git@example.org:acme/web.git": "acme/web", "ssh://git@example.org:22/acme/web/": "acme/web",
		"git@example.org:web.git": "", "/srv/git/acme/web.git": "", "../acme/web": "", "": "",
	} {
		assert.Equal(t, want, repositoryOf(url), url)
	}
}

func TestWhereARepositoryIsIsSaidWithoutSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://example.org/acme/web.git":          "https://example.org/acme/web.git",
		"https://ann:hunter2@example.org/acme/web":  "https://example.org/acme/web",
		"https://hunter2@example.org/acme/web":      "https://example.org/acme/web",
		"git@example.org:acme/web.git":              "git@example.org:acme/web.git",
		"ssh://git:hunter2@example.org:22/acme/web": "ssh://git@example.org:22/acme/web",
		"/srv/git/a web.git":                        "file:///srv/git/a%20web.git",
		"../acme/web":                               "", "acme/web": "", "": "", "ext::sh -c x": "",
		"--upload-pack=x": "",
	} {
		assert.Equal(t, want, withoutCredentials(url), url)
	}
}

func TestARunHereHasTheProgramsOfItsMachine(t *testing.T) {
	t.Parallel()
	c := newCLI(t, nil)
	wf := &plan.Workflow{Jobs: []plan.Job{{Key: "a", RunsOn: []string{"git", "big"}}}}
	a := newApp(c.stops, c.streams(strings.NewReader("")), c.launch)
	for _, given := range [][]string{{"big"}, nil} {
		labels, err := a.localLabels(wf, given)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"git", "big"}, labels)
		assert.NotContains(t, c.err.String(), "git")
	}
	assert.Contains(t, c.err.String(), `stands in for "big"`)
}

func TestARunHereFindsItsRepositoryHere(t *testing.T) {
	t.Parallel()
	dir, sha := repository(t)
	top, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	c := newCLI(t, nil)
	a := newApp(c.stops, c.streams(strings.NewReader("")), c.launch)
	trigger, err := a.trigger(filepath.Join(dir, "ci.yml"), &triggerOptions{here: true})
	require.NoError(t, err)
	assert.Equal(t, "file://"+top, trigger.GetGithub()["repositoryUrl"])
	assert.Equal(t, sha, trigger.GetGithub()["sha"])
	trigger, err = a.trigger(filepath.Join(dir, "ci.yml"), &triggerOptions{
		github: map[string]string{"repository": "acme/other"},
	})
	require.NoError(t, err)
	assert.NotContains(t, trigger.GetGithub(), "repositoryUrl", "that is where the other one is")
}

// inputFile declares an input.
const inputFile = `on: {workflow_dispatch: {inputs: {dry: {type: boolean, default: false}}}}
jobs: {greet: {steps: [{run: "true"}]}}
`

// repository returns a directory with a workflow file that is committed.
func repository(t *testing.T) (dir, sha string) {
	t.Helper()
	dir = t.TempDir()
	git := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		out, err := cmd.Output()
		require.NoError(t, err, "git %v", args)
		return string(out)
	}
	git("init", "--quiet", "--initial-branch=trunk")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ci.yml"), []byte(inputFile), 0o600))
	git("add", ".")
	git("commit", "--quiet", "--message=one")
	git("remote", "add", "origin", "https://ann:hunter2@example.org/acme/web.git")
	return dir, git("rev-parse", "HEAD")[:40]
}

func TestARunKnowsItsCommit(t *testing.T) {
	t.Parallel()
	dir, sha := repository(t)
	b := retried()
	c := newCLI(t, b)
	file := filepath.Join(dir, "ci.yml")
	github := "actor=ann,ref=refs/tags/v1"
	require.Zero(t, c.run("submit", file, "--github", github, "-i", "dry=true", "--var", "REGION=eu"), c.err.String())
	context := func(i int) string { return b.Submissions()[i].Plan.Context }
	assert.JSONEq(t, `{
		"github": {
			"sha": "`+sha+`", "ref": "refs/tags/v1", "ref_name": "v1", "ref_type": "tag", "repository": "acme/web",
			"repositoryUrl": "https://example.org/acme/web.git", "repository_owner": "acme", "actor": "ann",
			"event": {"inputs": {"dry": "true"}}
		}, "inputs": {"dry": true}, "vars": {"REGION": "eu"}
	}`, context(0), "what is said goes before what Git says")

	require.Zero(t, c.run("submit", file))
	assert.Contains(t, context(1), `"ref":"refs/heads/trunk"`)
	require.Zero(t, c.run("submit", file, "--no-git"))
	assert.NotContains(t, context(2), sha)
	require.Zero(t, c.run("submit", workflowFile(t, inputFile), "-i", "dry=true"), "outside any repository")
	assert.NotContains(t, context(3), `"sha"`)
	digests := map[[32]byte]bool{}
	for _, s := range b.Submissions() {
		digests[s.Digest] = true
	}
	assert.Len(t, digests, 4, "the same file for another commit is another submission")
}

func TestAnEventIsAJSONObject(t *testing.T) {
	t.Parallel()
	b := retried()
	c := newCLI(t, b)
	file := workflowFile(t, helloFile)
	event := filepath.Join(t.TempDir(), "event.json")
	require.NoError(t, os.WriteFile(event, []byte(`{"number": 7}`), 0o600))
	require.Zero(t, c.run("submit", file, "--event", "pull_request", "--event-file", event), c.err.String())
	assert.JSONEq(t, `{"github": {"event_name": "pull_request", "event": {"number": 7}}, "inputs": {}, "vars": {}}`,
		b.Submissions()[0].Plan.Context)

	for text, want := range map[string]string{"[]": "does not hold a JSON object", "null": "does not hold a JSON object"} {
		require.NoError(t, os.WriteFile(event, []byte(text), 0o600))
		assert.Equal(t, exitUsage, c.run("submit", file, "--event-file", event))
		assert.Contains(t, c.err.String(), want)
	}
	assert.Equal(t, exitUsage, c.run("submit", file, "--event-file", event+"x"))
	assert.Contains(t, c.err.String(), "--event-file: ")
	assert.Equal(t, exitUsage, c.run("submit", "-", "--event-file", "-"))
}
