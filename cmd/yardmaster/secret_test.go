package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/domain/secret"
)

func TestASecretIsReadFromStandardInput(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"value": "value", "value\n": "value", "value\r\n": "value", "a\nb\n\n": "a\nb\n", " value ": " value ",
	} {
		b := new(apitest.Backend)
		c := newCLI(t, b)
		c.in = in
		require.Zero(t, c.run("secret", "set", "Token", "--project", "web"), c.err.String())
		require.Len(t, b.SetSecrets(), 1)
		assert.Equal(t, want, b.SetSecrets()[0].GetValue(), "%q", in)
		assert.Equal(t, "web", b.SetSecrets()[0].GetProject())
		assert.Equal(t, "TOKEN is set\n", c.out.String())
		assert.Empty(t, c.err.String())
	}
}

func TestSecretsAreListedAndRemoved(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	set := newCLI(t, b)
	set.in, set.env["YARDMASTER_PROJECT"] = "hunter2", "web"
	require.Zero(t, set.run("secret", "set", "token", "-o", "json"), set.err.String())
	assert.Contains(t, set.out.String(), `"name": "TOKEN"`)
	call := func(code int, args ...string) *cli {
		c := newCLI(t, b)
		c.env["TZ"] = "UTC"
		require.Equal(t, code, c.run(args...), c.err.String())
		require.NotContains(t, c.out.String()+c.err.String(), "hunter2")
		return c
	}
	assert.Regexp(t, `^SECRET +SET +BY\nTOKEN +2026-03-01 .* alice\n$`,
		call(0, "secret", "list", "--project", "web").out.String())
	assert.Contains(t, call(0, "secret", "ls", "--project", "web", "-o", "json").out.String(), `"TOKEN"`)
	assert.Regexp(t, `^SECRET +SET +BY\n$`, call(0, "secret", "list").out.String())
	assert.Contains(t, call(2, "secret", "rm", "TOKEN").err.String(), "there is no secret")
	assert.Equal(t, "TOKEN is removed\n", call(0, "secret", "rm", "token", "--project", "web").out.String())
	assert.Empty(t, b.SetSecrets())
}

func TestABadSecretIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, want string
		args     []string
	}{
		{"hunter2", "is reserved", []string{"set", "GITHUB_TOKEN"}},
		{"", "it is empty", []string{"set", "A"}},
		{"hunter2\x00", "no UTF-8 text", []string{"set", "A"}},
		{strings.Repeat("hunter2", 10_000), "more than 49152", []string{"set", "A"}},
		{"", "bad name", []string{"rm", "a-b"}},
		{"", "takes set, list, rm or key", nil},
		{"", "takes the name of a secret", []string{"set", "A", "hunter2"}},
	} {
		b := new(apitest.Backend)
		c := newCLI(t, b)
		c.in = tt.in
		assert.Equal(t, exitUsage, c.run(append([]string{"secret"}, tt.args...)...), tt.want)
		assert.Contains(t, c.err.String(), tt.want)
		assert.NotContains(t, c.err.String(), "hunter2")
		assert.Empty(t, b.SetSecrets())
	}
	c := newCLI(t, &apitest.Backend{Fail: problem.New(problem.Refused, "no key")})
	c.in = "value"
	assert.NotZero(t, c.run("secret", "set", "A"))
	assert.Contains(t, c.err.String(), "no key")
}

func TestANewKeyIsPrinted(t *testing.T) {
	t.Parallel()
	first, second := newCLI(t, nil), newCLI(t, nil)
	require.Zero(t, first.run("secret", "key"))
	require.Zero(t, second.run("secret", "key"))
	assert.NotEqual(t, first.out.String(), second.out.String())
	_, err := secret.ParseKey(first.out.String())
	require.NoError(t, err)
}

func TestAKeyFileIsReadWithCare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, key := filepath.Join(dir, "data"), secret.FormatKey(randomBytes())
	require.NoError(t, os.MkdirAll(filepath.Join(data, "deep"), 0o700))
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	require.NoError(t, os.Symlink(write("data/deep/linked", key, 0o600), filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(data, filepath.Join(dir, "other-data")))
	for path, want := range map[string]string{
		write("open", key, 0o640):                       "others may read or change",
		write("data/key", key, 0o600):                   "lies in the data directory",
		write("data/deep/key", key, 0o600):              "lies in the data directory",
		filepath.Join(dir, "link"):                      "lies in the data directory",
		filepath.Join(dir, "other-data", "deep/key"):    "lies in the data directory",
		write("short", "c2hvcnQ=", 0o600):               "holds no key of 32 bytes",
		write("long", strings.Repeat(key, 1000), 0o600): "holds no key",
		filepath.Join(dir, "missing"):                   "no such file",
	} {
		c := nodeConfig{DataDir: data, SecretsFile: path}
		err := c.readSecretsKey()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "--secrets-key-file: ")
		assert.NotContains(t, err.Error(), key)
		assert.Nil(t, c.secretsKey)
	}
	for _, dataDir := range []string{data, filepath.Join(dir, "not-yet")} {
		c := nodeConfig{DataDir: dataDir, SecretsFile: write("good", key+"\n", 0o400)}
		require.NoError(t, c.readSecretsKey())
		require.NotNil(t, c.secretsKey)
		c.SecretsFile = "gone"
		require.NoError(t, c.readSecretsKey(), "it is read once")
		require.NoError(t, os.Remove(filepath.Join(dir, "good")))
	}
}

func TestALocalRunTakesSecretsFromItsEnvironment(t *testing.T) {
	t.Parallel()
	c := newCLI(t, nil)
	c.env["TOKEN"], c.env["BAD"] = "hunter2", "h"
	a := newApp(c.stops, c.streams(strings.NewReader("")), c.launch)
	all, err := a.localSecrets("ci.yml", runOptions{secrets: []string{"TOKEN"}})
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "hunter2", all[0].GetValue())
	for want, o := range map[string]runOptions{
		"no variable of that name":    {secrets: []string{"MISSING"}},
		"cannot be hidden":            {secrets: []string{"BAD"}},
		"bad name":                    {secrets: []string{"A-B"}},
		"cannot be used with --data-": {secrets: []string{"TOKEN"}, dataDir: "x"},
	} {
		_, err := a.localSecrets("ci.yml", o)
		var exit *exitError
		require.ErrorAs(t, err, &exit, want)
		assert.Equal(t, exitUsage, exit.code)
		assert.ErrorContains(t, err, want)
	}
}
