package action_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/workflow/action"
)

func TestWhereARepositoryIs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]action.Source{
		"acme/web":                     {URL: "https://git.example.org/acme/web"},
		"acme/web.site":                {URL: "https://git.example.org/acme/web.site"},
		"https://example.org/a/b.git":  {URL: "https://example.org/a/b.git"},
		"ssh://git@example.org:22/a/b": {URL: "ssh://git@example.org:22/a/b"},
		"git@example.org:a/b.git":      {URL: "git@example.org:a/b.git"},
		"file:///srv/git/a":            {URL: "file:///srv/git/a", Local: true},
		"/srv/git/a b":                 {URL: "file:///srv/git/a%20b", Local: true},
	} {
		got, err := action.ParseRepository(text, "https://git.example.org/")
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	got, err := action.ParseRepository("acme/web", "")
	require.NoError(t, err)
	assert.Equal(t, "https://github.com/acme/web", got.URL)

	for _, text := range []string{
		"", "web", "a/b/c", "../b", "./b", "a/..", "-a/b:c", "--upload-pack=x", "ext::sh -c id", "ext::sh", "fd::3/a",
		"https://a:b@example.org/c", "https://token@example.org/c", "ftp://example.org/a", "https:///a",
		"https://example.org",
		"file://host/a", "ssh://-oProxyCommand=id/a", "-oProxyCommand=id:a/b", "git@-x:a", "a/\x00b", "host:-x",
		"ssh://git:secret@example.org/a", strings.Repeat("a", 2000) + "/b",
	} {
		require.Error(t, action.CheckRepository(text), text)
	}
	_, err = action.ParseRepository("a/b", "https://x:y@example.org")
	require.ErrorContains(t, err, "the server of the repository must be a URL")
}

func TestWhatNamesACommit(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"main", "v1.2.0", "feature/x", "refs/heads/main", "refs/pull/7/merge", "a@b", "a-b"} {
		require.NoError(t, action.CheckRef(ref), ref)
	}
	for _, ref := range []string{
		"", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", `a\b`, "@{u}", "a@{1}", "@", "a/", "/a", "a//b",
		".a", "a/.b", "a.lock", "a.lock/b", "a.", "a\n", "a\x7f", strings.Repeat("a", 2000),
	} {
		require.Error(t, action.CheckRef(ref), ref)
	}
	assert.True(t, action.IsCommit(strings.Repeat("a", 40)))
	assert.True(t, action.IsCommit(strings.Repeat("0", 64)))
	assert.False(t, action.IsCommit(strings.Repeat("a", 41)))
	assert.False(t, action.IsCommit(strings.Repeat("g", 40)))
}

func TestEveryInputTakesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range action.Names() {
		a, ok := action.Find(name + "@v4")
		require.True(t, ok)
		seen := map[string]bool{}
		for _, in := range a.Inputs {
			problem, _ := in.Check(" ")
			assert.Empty(t, problem, "%s of %s", in.Name, name)
			assert.False(t, seen[strings.ToLower(in.Name)], in.Name)
			seen[strings.ToLower(in.Name)] = true
			if in.Refused && in.Name != "token" {
				problem, hint := in.Check("something")
				assert.NotEmpty(t, problem, in.Name)
				assert.NotEmpty(t, hint, in.Name)
			}
		}
		_, ok = action.Find(name)
		assert.False(t, ok, "a version must be named")
	}
	_, ok := action.Find("acme/other@v1")
	assert.False(t, ok)
}

// FuzzInputs checks that whatever passes is safe to hand to Git.
func FuzzInputs(f *testing.F) {
	for _, seed := range []string{"acme/web", "git@example.org:a/b", "ext::sh -c id", "https://a:b@c/d", "../..", "-x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if source, err := action.ParseRepository(text, ""); err == nil {
			require.NotEqual(t, byte('-'), source.URL[0])
			require.NotContains(t, source.URL, "::")
			if u, err := url.Parse(source.URL); err == nil && u.User != nil {
				_, secret := u.User.Password()
				require.False(t, secret)
			}
		}
		if action.CheckRef(text) == nil {
			require.NotEqual(t, byte('-'), text[0])
			require.False(t, strings.ContainsAny(text, ": \n\x00*"))
		}
		if action.CheckPath(text) == nil {
			require.True(t, path.Join("/w", text) == "/w" || strings.HasPrefix(path.Join("/w", text), "/w/"))
		}
	})
}
