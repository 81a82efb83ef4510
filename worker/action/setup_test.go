//go:build unix

package action

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/workflow/action"
)

func isLacking(err error) bool { return errors.As(err, new(lacking)) }

func TestAFileSaysAVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ action, name, text, want string }{
		{action.SetupGo, "go.mod", "module x\n\ngo 1.25.0\n", ">=1.25.0"},
		{action.SetupGo, "go.mod", "go 1.25\ntoolchain go1.26.8\n", ">=1.26.8"},
		{action.SetupGo, "go.mod", "go 1.25\ntoolchain default\n", ">=1.25"},
		{action.SetupGo, "go.work", "go 1.25\nuse .\n", ">=1.25"},
		{action.SetupGo, "go.mod", "module x\n", ""},
		{action.SetupGo, ".go-version", "1.26.8\n", "1.26.8"},
		{action.SetupGo, ".tool-versions", "nodejs 20.1.0\ngolang 1.26.8 # ours\n", "1.26.8"},
		{action.SetupNode, ".nvmrc", "# ours\nv20\n", "20"},
		{action.SetupNode, ".nvmrc", "lts/iron\n", "lts/iron"},
		{action.SetupNode, ".tool-versions", "nodejs 20.1.0\n", "20.1.0"},
		{action.SetupNode, "package.json", `{"engines": {"node": ">=18"}}`, ">=18"},
		{action.SetupNode, "package.json", `{"engines": {"node": ">=18"}, "volta": {"node": "20.1.0"}}`, "20.1.0"},
		{action.SetupNode, "package.json", `[]`, ""},
		{action.SetupPython, ".python-version", "3.12\n", "3.12"},
		{action.SetupPython, ".tool-versions", "python 3.12.1\n", "3.12.1"},
		{action.SetupPython, "pyproject.toml", "[project]\nrequires-python = \">=3.9,<4\"\n", ">=3.9,<4"},
		{action.SetupPython, "pyproject.toml", "[project]\n", ""},
		{action.SetupJava, ".java-version", "21.0\n", "21.0"},
		{action.SetupJava, ".tool-versions", "java temurin-21.0.3+9\n", "21.0.3+9"},
		{action.SetupJava, ".tool-versions", "golang 1.26\n", ""},
	} {
		tool, ok := toolOf(tt.action)
		require.True(t, ok)
		got := tool.versionIn(tt.name, tt.text)
		assert.Equal(t, tt.want, got, "%s: %q", tt.name, tt.text)
		if got != "" {
			_, err := action.ParseSpec(got)
			require.NoError(t, err, got)
		}
	}
}

// program writes one that says a text.
func program(t *testing.T, path, says string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755))
}

// machine is a worker with some tools.
type machine struct {
	root string
	env  texts
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	root := t.TempDir()
	m := &machine{root, texts{
		"PATH":                  root + "/a/bin:" + root + "/b/bin:relative:/usr/bin:/bin",
		"RUNNER_TOOL_CACHE":     root + "/cache",
		"GITHUB_WORKSPACE":      root + "/work",
		"RUNNER_TEMP":           root + "/tmp",
		"HOME":                  root + "/home",
		"YARDMASTER_IRRELEVANT": "",
	}}
	program(t, root+"/a/bin/go", "go version go1.25.3 linux/amd64")
	program(t, root+"/b/bin/go", "go version go1.26.1 linux/amd64")
	program(t, root+"/a/bin/node", "v18.19.0")
	program(t, root+"/a/bin/java", `openjdk version "1.8.0_392"`)
	program(t, root+"/b/bin/python3", "Python 3.99.1")
	for _, arch := range []string{"x64", "arm64"} {
		program(t, root+"/cache/go/1.26.8/"+arch+"/bin/go", "")
		program(t, root+"/cache/node/20.11.1/"+arch+"/bin/node", "")
		program(t, root+"/cache/Java_Temurin-Hotspot_jdk/21.0.3-9/"+arch+"/bin/java", "")
		program(t, root+"/cache/go/nonsense/"+arch+"/bin/go", "")
	}
	require.NoError(t, os.MkdirAll(root+"/work", 0o755))
	return m
}

func (m *machine) setUp(t *testing.T, name string, inputs texts) (Result, string, error) {
	t.Helper()
	var log bytes.Buffer
	a, ok := Find(name)
	require.True(t, ok)
	r, err := a.Run(t.Context(), &Call{
		Inputs: inputs, Log: &log, Getenv: func(name string) string { return m.env[name] },
		Environ: []string{"PATH=" + m.env["PATH"]},
	})
	return r, log.String(), err
}

func value(vars []plan.Var, name string) string {
	for _, v := range vars {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

func TestTheNewestVersionThatWillDoIsChosen(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for spec, want := range map[string]string{
		"": "1.25.3", "1.25": "1.25.3", "1.26.1": "1.26.1", "1.26": "1.26.8", "^1": "1.26.8", "stable": "1.26.8",
		"<1.26": "1.25.3",
	} {
		r, log, err := m.setUp(t, action.SetupGo, texts{"go-version": spec})
		require.NoError(t, err, spec)
		assert.Equal(t, want, value(r.Outputs, "go-version"), spec)
		assert.Contains(t, log, "Go "+want+" in "+m.root)
		assert.Equal(t, m.root+"/home/go/bin", r.Paths[0])
		switch want {
		case "1.25.3": // is what steps find already
			assert.Len(t, r.Paths, 1)
		case "1.26.1":
			assert.Equal(t, m.root+"/b/bin", r.Paths[1])
		default:
			assert.Regexp(t, `/cache/go/1\.26\.8/\w+/bin$`, r.Paths[1])
		}
	}
}

func TestWhatAWorkerLacksIsSaid(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	_, _, err := m.setUp(t, action.SetupGo, texts{"go-version": "1.27"})
	require.EqualError(t, err, "this worker has no such Go; it has 1.26.8, 1.26.1, 1.25.3")
	assert.True(t, isLacking(err), "another worker may have it")
	m.env["PATH"], m.env["RUNNER_TOOL_CACHE"] = "", ""
	_, _, err = m.setUp(t, action.SetupNode, texts{"node-version": "20"})
	require.ErrorContains(t, err, "this worker has no Node; runs-on: node")
	assert.True(t, isLacking(err))
}

func TestAVersionMayStandInAFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(m.root, "work", name), []byte(text), 0o600))
	}
	write("go.mod", "module x\n\ngo 1.26.0\n")
	write(".nvmrc", "20.11\n")
	write("empty", "\n")
	write("odd", "new\n")
	outside := filepath.Join(t.TempDir(), "version")
	require.NoError(t, os.WriteFile(outside, []byte("1.26.0\n"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(m.root, "work", "link")))
	r, _, err := m.setUp(t, action.SetupGo, texts{"go-version-file": "go.mod"})
	require.NoError(t, err)
	assert.Equal(t, "1.26.8", value(r.Outputs, "go-version"))
	r, _, err = m.setUp(t, action.SetupNode, texts{"node-version-file": ".nvmrc"})
	require.NoError(t, err)
	assert.Equal(t, "v20.11.1", value(r.Outputs, "node-version"))
	for file, want := range map[string]string{
		"none": "does not name a file", "link": "does not name a file", "empty": "says no version of Go",
		".": "does not name", "odd": "go-version-file says no version",
	} {
		_, _, err := m.setUp(t, action.SetupGo, texts{"go-version-file": file})
		require.ErrorContains(t, err, want, file)
		assert.False(t, isLacking(err), file)
	}
}

func TestOtherToolsAreSetUpAsScriptsExpect(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	r, _, err := m.setUp(t, action.SetupJava, texts{"java-version": "21", "distribution": "temurin"})
	require.NoError(t, err)
	assert.Equal(t, "21.0.3", value(r.Outputs, "version"))
	home := value(r.Env, "JAVA_HOME")
	assert.Equal(t, []string{home + "/bin"}, r.Paths)
	assert.FileExists(t, home+"/bin/java")
	r, _, err = m.setUp(t, action.SetupJava, texts{"java-version": "8"})
	require.NoError(t, err)
	assert.Equal(t, "8.0.0", value(r.Outputs, "version"))
	assert.Empty(t, r.Paths)

	for range 2 { // the second time all is there
		r, _, err = m.setUp(t, action.SetupPython, texts{"python-version": "3.99"})
		require.NoError(t, err)
		assert.Equal(t, m.root+"/b/bin/python3", value(r.Outputs, "python-path"))
		target, err := os.Readlink(filepath.Join(r.Paths[0], "python"))
		require.NoError(t, err)
		assert.Equal(t, m.root+"/b/bin/python3", target)
	}
	r, _, err = m.setUp(t, action.SetupPython, texts{"python-version": "3.99", "update-environment": "false"})
	require.NoError(t, err)
	assert.Empty(t, r.Paths)
}
