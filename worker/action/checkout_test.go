//go:build unix

package action

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/workflow/action"
)

var (
	someCommit = strings.Repeat("a1", 20)
	otherOne   = strings.Repeat("b2", 20)
)

type texts = map[string]string

func TestWhatACheckoutGets(t *testing.T) {
	t.Parallel()
	facts := texts{
		"repository": "acme/web", "sha": someCommit, "ref": "refs/heads/main", "server_url": "https://git.example.org",
	}
	local := texts{"repository": "acme/web", "repositoryUrl": "file:///srv/web", "sha": someCommit}
	for name, tt := range map[string]struct {
		in, facts       texts
		url, ref, start string
		specs           []string
	}{
		"of the run": {
			nil, facts, "https://git.example.org/acme/web", "refs/heads/main", someCommit,
			[]string{"+" + someCommit + ":refs/remotes/origin/main"},
		},
		"of a run here": {nil, local, "file:///srv/web", "", someCommit, []string{someCommit}},
		"of its repository by name": {
			texts{"repository": "Acme/Web"}, local, "file:///srv/web", "", someCommit, []string{someCommit},
		},
		"of another one": {
			texts{"repository": "acme/lib", "ref": "refs/heads/next"},
			facts, "https://git.example.org/acme/lib",
			"refs/heads/next", "refs/remotes/origin/next",
			[]string{"+refs/heads/next:refs/remotes/origin/next"},
		},
		"of a server": {
			texts{"github-server-url": "https://other.example.org"},
			local, "https://other.example.org/acme/web", "",
			someCommit,
			[]string{someCommit},
		},
		"a commit": {
			texts{"ref": strings.ToUpper(otherOne)},
			facts, "https://git.example.org/acme/web", "", otherOne,
			[]string{otherOne},
		},
		"a tag": {
			texts{"ref": "refs/tags/v1"},
			facts, "https://git.example.org/acme/web", "refs/tags/v1", "refs/tags/v1",
			[]string{"+refs/tags/v1:refs/tags/v1"},
		},
		"a run of a tag": {
			nil,
			texts{"repository": "a/b", "sha": someCommit, "ref": "refs/tags/v1"},
			"https://github.com/a/b", "refs/tags/v1",
			someCommit,
			[]string{someCommit, "+refs/tags/v1:refs/tags/v1"},
		},
		"a run of a pull request": {
			nil,
			texts{"repository": "a/b", "ref": "refs/pull/7/merge"},
			"https://github.com/a/b", "refs/pull/7/merge",
			"refs/remotes/pull/7/merge",
			[]string{"+refs/pull/7/merge:refs/remotes/pull/7/merge"},
		},
		"all of a branch": {
			texts{"fetch-depth": "0"},
			facts, "https://git.example.org/acme/web", "refs/heads/main", someCommit,
			[]string{"+refs/heads/*:refs/remotes/origin/*"},
		},
		"all of a pull request": {
			texts{"fetch-depth": "0", "ref": "refs/pull/7/head"},
			facts, "https://git.example.org/acme/web",
			"refs/pull/7/head", "refs/remotes/pull/7/head",
			[]string{"+refs/heads/*:refs/remotes/origin/*", "+refs/pull/7/head:refs/remotes/pull/7/head"},
		},
		"a run of nonsense": {
			nil,
			texts{"repository": "a/b", "sha": "-x", "ref": "--x"},
			"https://github.com/a/b", "", "refs/remotes/",
			[]string{""},
		},
	} {
		w, err := resolve(tt.in, tt.facts)
		require.NoError(t, err, name)
		assert.Equal(t, tt.url, w.source.URL, name)
		assert.Equal(t, tt.ref, w.ref, name)
		if tt.ref != "" || w.commit != "" {
			assert.Equal(t, tt.start, w.start(), name)
			assert.Equal(t, tt.specs, w.refspecs(), name)
		}
	}
	_, err := resolve(nil, nil)
	require.ErrorContains(t, err, "give repository")
	_, err = resolve(nil, texts{"repository": "ext::sh"})
	require.ErrorContains(t, err, "repository must be owner/name")
}

func TestTheDefaultBranchIsAsked(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]wanted{
		"ref: refs/heads/main\tHEAD\n" + someCommit + "\tHEAD": {ref: "refs/heads/main"},
		someCommit + "\tHEAD": {commit: someCommit},
	} {
		var w wanted
		require.NoError(t, w.isDefault(answer))
		assert.Equal(t, want, w)
	}
	for _, answer := range []string{"", "nonsense", "ref: refs/heads/-x..\tHEAD", "ref: --x\tHEAD"} {
		var w wanted
		require.ErrorContains(t, w.isDefault(answer), "no default branch", answer)
	}
}

func TestGitSeesNothingThatLeadsItElsewhere(t *testing.T) {
	t.Parallel()
	env := environOfGit([]string{
		"GIT_DIR=/x", "GIT_CONFIG_COUNT=1", "GIT_EXEC_PATH=/x", "GIT_SSH_COMMAND=ssh -i k", "HOME=/h",
	}, false)
	for _, kept := range []string{"GIT_SSH_COMMAND=ssh -i k", "HOME=/h", "GIT_TERMINAL_PROMPT=0"} {
		assert.Contains(t, env, kept)
	}
	for _, v := range env {
		for _, gone := range []string{"GIT_DIR", "GIT_CONFIG_COUNT", "GIT_EXEC_PATH"} {
			assert.False(t, strings.HasPrefix(v, gone), v)
		}
	}
	assert.Contains(t, env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git", "neither what runs a command, nor the disk")
	assert.Contains(t, environOfGit(nil, true), "GIT_ALLOW_PROTOCOL=https:http:ssh:git:file")
}

func TestNothingThatGitSaysIsACommand(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := &relay{to: &log}
	for _, piece := range []string{
		"::add-mask::x\r\n\n  ::set-", "env::y\nremote: fatal: gone\nfatal: more\n", strings.Repeat("z", 2*maxGitLine),
	} {
		n, err := r.Write([]byte(piece))
		require.NoError(t, err)
		require.Len(t, piece, n)
	}
	r.end()
	for line := range strings.Lines(log.String()) {
		assert.True(t, strings.HasPrefix(line, "git: "), line)
		assert.LessOrEqual(t, len(line), maxGitLine+len("git: \n"))
	}
	assert.Equal(t, "gone", r.fatal)
	assert.Contains(t, log.String(), "git: ::set-env::y\n")
}

func TestWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	for said, elsewhere := range map[string]bool{
		"unable to access 'https://x/': Could not resolve host: x": true, "early EOF": true,
		"unable to access 'https://x/': The requested URL returned error: 503": true,
		"couldn't find remote ref refs/heads/x":                                false,
		"repository 'https://x/' not found":                                    false,
	} {
		assert.Equal(t, elsewhere, isLacking(gitFailed("fetch", said, assert.AnError)), said)
	}
	assert.ErrorContains(t, gitFailed("fetch", "", assert.AnError), assert.AnError.Error())
}

func TestEveryActionCanBeRun(t *testing.T) {
	t.Parallel()
	for _, name := range action.Names() {
		_, ok := Find(name)
		assert.True(t, ok, name)
	}
	_, ok := Find("acme/other")
	assert.False(t, ok)
}
