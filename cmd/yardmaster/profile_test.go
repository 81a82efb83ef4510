package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAProfileIsWrittenOnceAtATime does not run in parallel: a process has one
// profiler.
func TestAProfileIsWrittenOnceAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu")
	ran := false
	require.NoError(t, cpuProfile(path).profiled(func() error {
		ran = true
		assert.ErrorContains(t, cpuProfile(path+"2").profiled(func() error { return nil }), "--cpuprofile")
		return nil
	}))
	assert.True(t, ran)
	written, err := os.Stat(path)
	require.NoError(t, err)
	assert.Positive(t, written.Size())
	assert.ErrorContains(t, cpuProfile(t.TempDir()).profiled(func() error { return nil }), "--cpuprofile")
}
