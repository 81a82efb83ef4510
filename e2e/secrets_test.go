//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const secretFile = `
name: secrets
jobs:
  use:
    runs-on: linux
    steps:
      - env: {TOKEN: "${{ secrets.TOKEN }}"}
        run: |
          echo "plain $TOKEN"
          printf '%s' "$TOKEN" | base64
          printf '%s' "x:$TOKEN" | base64
          echo "length ${#TOKEN}"
`

// setSecret sets a secret from a file as standard input.
func (y *yard) setSecret(name, value string, flags ...string) *process {
	y.t.Helper()
	p := prepare(y.t, "yardmaster secret set", []string{"YARDMASTER_API=http://" + y.api},
		append([]string{"secret", "set", name}, flags...)...)
	p.cmd.Stdin = strings.NewReader(value)
	p.begin()
	p.exit()
	return p
}

// newKey writes a key for secrets and returns the path of its file.
func newKey(t *testing.T) string {
	t.Helper()
	p := yardmaster(t, nil, "secret", "key")
	require.Zero(t, p.code, p.err.String())
	return file(t, "secrets.key", p.out.String())
}

// assertNowhere checks that no file below a directory holds any of the texts.
func assertNowhere(t *testing.T, dir string, texts ...string) {
	t.Helper()
	files := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		raw, err := os.ReadFile(path)
		for _, text := range texts {
			assert.False(t, bytes.Contains(raw, []byte(text)), "%s holds %q", path, text)
		}
		return err
	}))
	require.NotZero(t, files)
}

// TestASecretIsUsedAndSeenByNobody sets a secret, uses it in a step, kills the server,
// uses it again, and looks for it in all that was said and stored. Another project does
// not see it, and another key does not open it.
func TestASecretIsUsedAndSeenByNobody(t *testing.T) {
	t.Parallel()
	const value = "correct+horse/battery"
	plain := base64.StdEncoding.EncodeToString([]byte(value))
	shifted := base64.StdEncoding.EncodeToString([]byte("x:" + value))
	key := newKey(t)
	y := newYard(t, "--secrets-key-file", key)
	y.start()
	w := y.worker("w1", 1)
	p := y.setSecret("token", value+"\n", "--project", "web")
	require.Zero(t, p.code, p.err.String())
	said := p.out.String() + p.err.String()

	path := file(t, "secrets.yml", secretFile)
	use := func(project string) string {
		t.Helper()
		p := y.cli("submit", "--wait", path, "--project", project)
		require.Zero(t, p.code, p.err.String())
		id, _, _ := strings.Cut(p.out.String(), "\n")
		log, show := y.cli("logs", id), y.cli("show", id, "-o", "json")
		require.Zero(t, log.code, log.err.String())
		said += p.out.String() + p.err.String() + log.out.String() + show.out.String()
		return log.out.String()
	}
	log := use("web")
	assert.Contains(t, log, "plain ***\n***")
	assert.Contains(t, log, "length 21")
	assert.Contains(t, use("other"), "length 0")

	list := y.cli("secret", "list", "--project", "web")
	assert.Regexp(t, `TOKEN +\S+ \S+ +local`, list.out.String())
	said += list.out.String() + y.cli("secret", "list", "--project", "web", "-o", "json").out.String()
	assert.NotContains(t, y.cli("secret", "list").out.String(), "TOKEN")

	y.server.kill()
	said += y.server.err.String()
	y.start()
	assert.Contains(t, use("web"), "length 21")
	y.stop()
	said += y.server.err.String() + w.err.String()
	for _, text := range []string{value, plain, shifted[4 : len(shifted)-4]} {
		assert.NotContains(t, said, text)
		assertNowhere(t, y.dir, text)
	}

	y.more = []string{"--secrets-key-file", newKey(t)}
	y.launch()
	require.Equal(t, 3, y.server.exit())
	assert.Contains(t, y.server.err.String(), "--secrets-key-file: it is not the key that the secrets were sealed with")
	assert.Contains(t, y.server.err.String(), "the secret TOKEN of the project web")

	y.more = []string{"--secrets-key-file", filepath.Join(y.dir, "key")}
	raw, err := os.ReadFile(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(y.dir, "key"), raw, 0o600))
	y.launch()
	require.Equal(t, 2, y.server.exit())
	assert.Contains(t, y.server.err.String(), "lies in the data directory")

	y.more = nil
	y.start()
	p = y.setSecret("OTHER", value)
	assert.NotZero(t, p.code)
	assert.Contains(t, p.err.String(), "--secrets-key-file")
	require.Zero(t, y.cli("secret", "rm", "TOKEN", "--project", "web").code)
	y.stop()
}

// TestALocalRunHasSecrets gives a workflow a secret without a server.
func TestALocalRunHasSecrets(t *testing.T) {
	t.Parallel()
	path := file(t, "secrets.yml", secretFile)
	p := yardmaster(t, []string{"TOKEN=correct-horse"}, "run", path, "--secret", "TOKEN")
	require.Zero(t, p.code, p.err.String())
	assert.Contains(t, p.out.String(), "plain ***")
	assert.Contains(t, p.out.String(), "length 13")
	assert.NotContains(t, p.out.String()+p.err.String(), "correct-horse")
}
