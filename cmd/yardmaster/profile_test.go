package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

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

// TestMemoryIsProfiledWhenAskedAndAtTheEnd does not run in parallel: the signal is
// for the whole process.
func TestMemoryIsProfiledWhenAskedAndAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memory")
	require.NoError(t, memProfile(path).profiled(func() error {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
		require.Eventually(t, func() bool {
			written, err := os.Stat(path + ".1")
			return err == nil && written.Size() > 0
		}, partsDeadline, time.Millisecond)
		return nil
	}))
	written, err := os.Stat(path)
	require.NoError(t, err)
	assert.Positive(t, written.Size())
	require.ErrorContains(t, memProfile(t.TempDir()).profiled(func() error { return nil }), "--memprofile")
	require.NoError(t, memProfile("").profiled(func() error { return nil }))
}
