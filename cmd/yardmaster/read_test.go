package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api/apitest"
)

// streams are those of a call that reads in.
func (c *cli) streams(in io.Reader) streams {
	return streams{
		in: in, out: &c.out, err: &c.err,
		size:   func() (int, int, bool) { return c.width, 24, c.width > 0 },
		getenv: func(name string) string { return c.env[name] },
	}
}

func TestReadingAWorkflowCanBeInterrupted(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "ci.yml")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, command := range []string{"run", "submit"} {
		c := newCLI(t, nil)
		c.interrupt()
		assert.Equal(t, exitCancelled, c.run(command, pipe))
		assert.Empty(t, c.err.String())
		writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // for the reader that was left to end
		require.NoError(t, err)
		require.NoError(t, writer.Close())

		c = newCLI(t, nil)
		stdin, silent := io.Pipe()
		c.interrupt()
		assert.Equal(t, exitCancelled, newApp(c.stops, c.streams(stdin), c.launch).execute([]string{command, "-"}))
		require.NoError(t, silent.Close())
	}
}

func TestAWorkflowMayComeFromAPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "ci.yml")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	go func() { assert.NoError(t, os.WriteFile(pipe, []byte(helloFile), 0o600)) }()
	name, src, err := newApp(newCLI(t, nil).stops, streams{}, launcher{}).readWorkflow(pipe)
	require.NoError(t, err)
	assert.Equal(t, "ci.yml", name)
	assert.Equal(t, helloFile, string(src))
}

func TestBytesThatAreNoTextAreRefusedInFlagsAndReplacedInFileNames(t *testing.T) {
	t.Parallel()
	id := apitest.RunID(1)
	for _, args := range [][]string{
		{"submit", workflowFile(t, helloFile), "--key", "k\xff"},
		{"list", "--name", "\xff"},
		{"cancel", id, "--reason", "\xc3"},
		{"list", "--state", "\xff"},
		{"server", "--node-id", "\xff"},
	} {
		c := newCLI(t, filled())
		assert.Equal(t, exitUsage, c.run(args...), args)
		assert.Equal(t, "yardmaster: "+args[len(args)-2]+" is not valid UTF-8\n", c.err.String())
	}
	c := newCLI(t, filled())
	c.env["YARDMASTER_NODE_ID"] = "\xff"
	assert.Equal(t, exitUsage, c.run("server"))
	assert.Equal(t, exitUsage, c.run("show", id+"/\xff"), "a job of that name")

	path := filepath.Join(t.TempDir(), "c\xffi.yml")
	require.NoError(t, os.WriteFile(path, []byte(endless), 0o600))
	b := new(apitest.Backend)
	c = newCLI(t, b)
	require.Zero(t, c.run("submit", path), c.err.String())
	assert.Equal(t, "c·i.yml", b.Submissions()[0].Plan.Name)
}
