package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
