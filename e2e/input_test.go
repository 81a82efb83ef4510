//go:build linux

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aliasBomb is a small file that would be a billion nodes when its aliases are followed.
func aliasBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10))
	}
	return b.String()
}

// badFiles are workflow files that must be refused, with what is said about them.
func badFiles() map[string]struct{ src, want string } {
	const step = "steps: [{run: 'true'}]"
	return map[string]struct{ src, want string }{
		"malformed":  {"jobs:\n  a: [\n", `bad\.yml:\d+:\d+: `},
		"not text":   {"jobs:\n  a:\n    steps: [{run: \"\x00\x01\"}]\n", `bad\.yml:\d+:\d+: `},
		"empty":      {"", `bad\.yml:1:1: `},
		"too large":  {"# " + strings.Repeat("x", 2<<20), `bad\.yml has more than 1048576 bytes`},
		"alias bomb": {aliasBomb(), `bad\.yml:\d+:\d+: `},
		"deep":       {"jobs: " + strings.Repeat("[", 5000), `bad\.yml:\d+:\d+: `},
		"circle": {
			"jobs:\n  a: {needs: b, " + step + "}\n  b: {needs: a, " + step + "}\n", `bad\.yml:[23]:\d+: .*a.*b`,
		},
		"unknown key":   {"jobs:\n  a:\n    stpes: [{run: 'true'}]\n", `bad\.yml:3:5: unknown key "stpes"`},
		"wrong type":    {"jobs:\n  a:\n    timeout-minutes: soon\n    " + step + "\n", `bad\.yml:3:22: `},
		"duplicate job": {"jobs:\n  a: {" + step + "}\n  a: {" + step + "}\n", `bad\.yml:3:3: `},
		"unknown need":  {"jobs:\n  a: {needs: z, " + step + "}\n", `bad\.yml:2:\d+: .*"?z"?`},
		"no job":        {"name: x\n", `bad\.yml:\d+:\d+: `},
	}
}

// TestBadFilesAreRefused submits and runs files that are wrong, and shows that
// users are told where, and that nothing is stored.
func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	for name, bad := range badFiles() {
		path := file(t, "bad.yml", bad.src)
		for _, command := range []string{"submit", "run"} {
			p := y.cli(command, path)
			assert.Equal(t, 2, p.exit(), "%s %s: %s", command, name, p.err.String())
			assert.Regexp(t, bad.want, p.err.String(), "%s %s", command, name)
			assert.Empty(t, p.out.String(), "%s %s", command, name)
			assert.NotContains(t, p.err.String(), "goroutine", "%s %s", command, name)
		}
	}
	assert.Empty(t, y.listed())
}

// listed is what `list` shows.
func (y *yard) listed() []json.RawMessage {
	y.t.Helper()
	p := y.cli("list", "--output", "json")
	require.Zero(y.t, p.exit(), p.err.String())
	var answer struct {
		Runs []json.RawMessage `json:"runs"`
	}
	require.NoError(y.t, json.Unmarshal([]byte(p.out.String()), &answer), p.out.String())
	return answer.Runs
}

// TestBadArgumentsAreRefused calls commands with arguments that cannot be right.
func TestBadArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	const unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	good := file(t, "good.yml", "jobs: {a: {steps: [{run: 'true'}]}}")
	tests := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"show", unknown}, 2, unknown},
		{[]string{"show", "01"}, 2, "too short"},
		{[]string{"show", "nosuch"}, 2, "nosuch"},
		{[]string{"show", "@"}, 2, "no run"},
		{[]string{"logs", unknown + "/a"}, 2, unknown},
		{[]string{"why", unknown + "/a"}, 2, unknown},
		{[]string{"cancel", unknown}, 2, unknown},
		{[]string{"submit"}, 2, "submit takes the workflow file"},
		{[]string{"submit", "/does/not/exist.yml"}, 2, "/does/not/exist.yml"},
		{[]string{"submit", good, "--count", "0"}, 2, "--count"},
		{[]string{"submit", good, "--key", strings.Repeat("k", 300)}, 2, "255"},
		{[]string{"submit", good, "--no-such-flag"}, 2, "no-such-flag"},
		{[]string{"nosuch"}, 2, "nosuch"},
		{[]string{"list", "--output", "xml"}, 2, "--output"},
		{[]string{"list", "--api", "nonsense"}, 2, "nonsense"},
		{[]string{"worker", "--labels", "a b"}, 2, "--labels"},
		{[]string{"worker", "--labels", "a,,b"}, 2, "--labels"},
		{[]string{"worker", "--slots", "0"}, 2, "--slots"},
		{[]string{"worker", "--id", "a.b"}, 2, "--id"},
		{[]string{"worker", "--server", "http://x"}, 2, "--server"},
		{[]string{"server", "--lease", "1s"}, 2, "--lease"},
		{[]string{"server", "--partitions", "0"}, 2, "--partitions"},
		{[]string{"server", "--nats-listen", "x"}, 2, "--nats-listen"},
		{[]string{"server", "--listen", "0.0.0.0:1"}, 2, "--token-file"},
		{[]string{"list", "--api", "http://" + freeAddress(t)}, 3, "cannot reach the server"},
		{[]string{"submit", good, "--api", "http://" + freeAddress(t)}, 3, "cannot reach the server"},
	}
	for _, tt := range tests {
		p := y.cli(tt.args...)
		assert.Equal(t, tt.code, p.exit(), "%v: %s", tt.args, p.err.String())
		assert.Contains(t, p.err.String(), tt.want, "%v", tt.args)
		assert.Contains(t, p.err.String(), "yardmaster: ", "%v", tt.args)
	}
	assert.Empty(t, y.listed())
}

// TestServerRefusesToStart starts a server where it must not, and shows that it
// says why, and leaves the one that runs alone.
func TestServerRefusesToStart(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	_, apiPort, err := net.SplitHostPort(y.api)
	require.NoError(t, err)
	plain := file(t, "plain", "")
	open := file(t, "tokens", "alice:"+strings.Repeat("s", 40)+"\n")
	require.NoError(t, os.Chmod(open, 0o644)) //nolint:gosec // that is what must be refused
	short := file(t, "short", "alice:secret\n")
	newer := filepath.Join(t.TempDir(), "newer")
	other := newYard(t)
	other.dir = newer
	other.start()
	other.stop()
	format := filepath.Join(newer, "yardmaster.json")
	fewer := newYard(t)
	fewer.start()
	fewer.stop()
	raw, err := os.ReadFile(format)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(format, []byte(strings.Replace(string(raw), `"format":1`, `"format":99`, 1)), 0o600))

	pid := fmt.Sprintf("pid %d", y.server.pid())
	tests := []struct {
		name string
		args map[string]string
		want []string
	}{
		{"the API's port is in use", map[string]string{"--listen": y.api}, []string{"--listen", apiPort}},
		{"the port of NATS is in use", map[string]string{"--nats-listen": y.nats}, []string{"--nats-listen", y.nats}},
		{"the directory is in use", map[string]string{"--data-dir": y.dir}, []string{y.dir, pid}},
		{"the format is newer", map[string]string{"--data-dir": newer}, []string{format, "99"}},
		{
			"other partitions",
			map[string]string{"--data-dir": fewer.dir, "--partitions": "7"},
			[]string{fewer.dir, "4 partitions", "7"},
		},
		{"the directory is a file", map[string]string{"--data-dir": plain}, []string{plain}},
		{"the directory cannot be made", map[string]string{"--data-dir": "/proc/yardmaster"}, []string{"/proc/yardmaster"}},
		{"all can read the tokens", map[string]string{"--token-file": open}, []string{open, "chmod 600"}},
		{"a token is short", map[string]string{"--token-file": short}, []string{short, "line 1", "shorter"}},
		{"there are no tokens", map[string]string{"--token-file": plain}, []string{plain}},
		{"the token file is missing", map[string]string{"--token-file": "/does/not/exist"}, []string{"/does/not/exist"}},
	}
	for _, tt := range tests {
		args := map[string]string{
			"--data-dir": filepath.Join(t.TempDir(), "data"), "--listen": freeAddress(t), "--nats-listen": freeAddress(t),
		}
		line := []string{"server"}
		for flag, value := range tt.args {
			args[flag] = value
		}
		for flag, value := range args {
			line = append(line, flag, value)
		}
		p := yardmaster(t, nil, line...)
		assert.Contains(t, []int{2, 3}, p.code, "%s: %s", tt.name, p.err.String())
		for _, want := range tt.want {
			assert.Contains(t, p.err.String(), want, tt.name)
		}
		assert.NotContains(t, p.err.String(), "secret", tt.name)
		t.Logf("%s: exit %d: %s", tt.name, p.code, lastLine(p.err.String()))
	}
	assert.Empty(t, y.listed(), "the one that runs goes on")
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// TestTokensAdmit starts a server with tokens: who has one is let in, who has
// none or another is not.
func TestTokensAdmit(t *testing.T) {
	t.Parallel()
	tokens := file(t, "tokens", "alice:"+strings.Repeat("a", 40)+"\n")
	wrong := file(t, "wrong", "alice:"+strings.Repeat("b", 40)+"\n")
	y := newYard(t, "--token-file", tokens)
	y.start()
	good := file(t, "good.yml", "jobs: {a: {steps: [{run: 'true'}]}}")
	for _, args := range [][]string{{"submit", good}, {"submit", good, "--token-file", wrong}} {
		p := y.cli(args...)
		assert.Equal(t, 2, p.exit(), p.err.String())
		assert.NotContains(t, p.err.String(), strings.Repeat("b", 40))
	}
	assert.Equal(t, "no run", y.firstOf("list", "--token-file", tokens, "--output", "json"))
	p := y.cli("submit", good, "--token-file", tokens)
	assert.Zero(t, p.exit(), p.err.String())
	assert.Contains(t, y.firstOf("list", "--token-file", tokens, "--output", "json"), `"principal": "alice"`)
	assert.NotContains(t, y.server.err.String(), strings.Repeat("a", 40))
}

// firstOf runs a list command and returns its output, or "no run".
func (y *yard) firstOf(args ...string) string {
	y.t.Helper()
	p := y.cli(args...)
	require.Zero(y.t, p.exit(), p.err.String())
	if !strings.Contains(p.out.String(), "run_id") {
		return "no run"
	}
	return p.out.String()
}
