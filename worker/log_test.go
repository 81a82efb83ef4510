//go:build unix

package worker_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

func lines(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d\n", i+1)
	}
	return b.Bytes()
}

func everyByte() []byte {
	b := make([]byte, 0, 300_001)
	for i := range cap(b) {
		b = append(b, byte(i*7))
	}
	return b
}

func TestTheLogIsWhatTheProcessWrote(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		shell, run string
		want       []byte
	}{
		"a million lines": {"", "seq 1000000", lines(1_000_000)},
		"every byte, without a newline": {
			"python", "import os\nos.write(1, bytes(i * 7 & 255 for i in range(300001)))", everyByte(),
		},
		"one line of 10 MB":   {"", "head -c 10000000 /dev/zero | tr '\\0' x", bytes.Repeat([]byte("x"), 10_000_000)},
		"nothing":             {"", "true", nil},
		"both in one order":   {"", "for i in $(seq 500); do echo $i; echo $i >&2; done", both(500)},
		"after the first end": {"", "(echo a; echo b) & wait; echo c", []byte("a\nb\nc\n")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, h := execute(t, worker.Config{}, task(plan.Step{Shell: c.shell, Run: c.run}))
			require.Equal(t, job.OutcomeSucceeded, res.Outcome, res.Reason)
			assert.Equal(t, uint64(len(c.want)), res.Log.Bytes)
			assert.True(t, bytes.Equal(c.want, []byte(h.output())), "the log differs")
			assert.Equal(t, sha256.Sum256(c.want), res.Log.SHA256)
			assert.Zero(t, res.Log.Dropped)
		})
	}
}

func both(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d\n%d\n", i+1, i+1)
	}
	return b.Bytes()
}

func TestAChattyStepMakesFewChunks(t *testing.T) {
	t.Parallel()
	res, h := execute(t, worker.Config{}, task(plan.Step{
		Shell: "python", Run: "import os\nfor i in range(2000): os.write(1, b'line\\n')",
	}))
	assert.Equal(t, uint64(10_000), res.Log.Bytes)
	assert.Less(t, len(h.chunks), 1000)
}

func TestASlowStepIsSeenLive(t *testing.T) {
	t.Parallel()
	flag := filepath.Join(t.TempDir(), "seen")
	h := &heard{onChunk: func(attempt.Chunk) { _ = os.WriteFile(flag, nil, 0o600) }}
	res, _ := executeUntil(context.Background(), t, worker.Config{}, task(plan.Step{
		Run: "printf waiting; while ! [ -e " + flag + " ]; do sleep 0.01; done; echo seen",
	}), h)
	assert.Equal(t, job.OutcomeSucceeded, res.Outcome)
	assert.Equal(t, "waitingseen\n", h.output())
}

func TestALogIsCutAtItsCapAndTheStepGoesOn(t *testing.T) {
	t.Parallel()
	const limit = 100_001
	all := lines(1_000_000)
	res, h := execute(t, worker.Config{LogCap: limit}, task(
		plan.Step{Run: "seq 1000000"}, plan.Step{Run: "echo more; exit 3"}))
	assert.Equal(t, 3, res.ExitCode)
	assert.Equal(t, job.OutcomeSucceeded, res.Steps[0].Outcome)
	assert.Equal(t, string(all[:limit]), h.output())
	assert.Equal(t, uint64(len(all)-limit+len("more\n")), res.Log.Dropped)
	notices := h.text(attempt.Notice)
	assert.Equal(t, 1, strings.Count(notices, "… log cut at 100001 bytes …\n"), notices)
	assert.Equal(t, attempt.Notice, h.chunks[len(h.chunks)-1].Kind)
}
