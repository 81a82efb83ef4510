package run_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/run"
)

func TestAKeyStandsForWhatWasAskedFor(t *testing.T) {
	t.Parallel()

	file := [32]byte{1}
	assert.Equal(t, file, run.Purpose(file, "", false))
	assert.Equal(t, file, run.Purpose(file, "", true), "nothing can be taken over from no run")
	seen := map[[32]byte]bool{}
	for _, s := range []run.Submission{
		{Digest: file},
		{Digest: [32]byte{2}},
		{Digest: file, RetryOf: "01J"},
		{Digest: file, RetryOf: "01J", Reused: []run.Reuse{{}}},
		{Digest: file, RetryOf: "01K"},
		{Digest: [32]byte{2}, RetryOf: "01J"},
	} {
		assert.False(t, seen[s.Purpose()], s)
		seen[s.Purpose()] = true
	}
	assert.Equal(t, [32]byte{1}, file)
	one := run.Submission{RetryOf: "01J", Reused: []run.Reuse{{}}}
	other := run.Submission{RetryOf: "01J", Reused: []run.Reuse{{Index: 1}, {Index: 2}}}
	assert.Equal(t, one.Purpose(), other.Purpose(), "which jobs follows from the run")
}
