package loadtest_test

import (
	"encoding/json"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/loadtest"
)

func TestPoolComparesSizesSideBySide(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), program, "loadtest", "pool", "--spawn", "--spawn-dir", t.TempDir(),
		"--jobs", "8", "--compute", "20ms", "--wait", "50ms", "--sizes", "1,4", "--most", "8", "--output", "json").Output()
	require.NoError(t, err)
	var r loadtest.Report
	require.NoError(t, json.Unmarshal(out, &r))
	assert.Empty(t, r.Faults)
	require.Len(t, r.Sizes, 9)
	for i, s := range r.Sizes {
		assert.Equal(t, []string{"compute", "wait", "mixed"}[i/3], s.Mix)
		assert.Equal(t, []string{"1", "4", "auto"}[i%3], s.Slots)
		assert.Positive(t, s.Seconds)
		assert.Positive(t, s.RunsPerSecond)
		assert.Positive(t, s.Most)
		assert.LessOrEqual(t, s.CPU, 1.0)
	}
	assert.Less(t, r.Sizes[4].Seconds, r.Sizes[3].Seconds, "four wait at once")
	assert.Len(t, r.Notes, 3)
	assert.Equal(t, 3*(8+8+4), r.Counts.Succeeded)
}

func TestPoolNeedsAServerThatItMayStartWorkersBeside(t *testing.T) {
	t.Parallel()
	pool := loadtest.Pool{Jobs: 2, Compute: time.Second, Wait: time.Second, Sizes: []int{1}, Most: 1}
	_, err := loadtest.Run(t.Context(), pool, loadtest.Target{}, loadtest.Settings{Timeout: time.Second})
	require.ErrorIs(t, err, loadtest.ErrNoServer)
	_, err = loadtest.Run(t.Context(), pool, (&server{}).start(t), loadtest.Settings{Timeout: time.Second})
	require.ErrorIs(t, err, loadtest.ErrNotSpawned)
	for want, bad := range map[string]loadtest.Pool{
		"jobs is 1":            {Jobs: 1, Compute: time.Second, Wait: time.Second, Sizes: []int{1}, Most: 1},
		"size is 0":            {Jobs: 2, Compute: time.Second, Wait: time.Second, Sizes: []int{0}, Most: 1},
		"number of sizes is 0": {Jobs: 2, Compute: time.Second, Wait: time.Second, Most: 1},
		"compute is 1ms":       {Jobs: 2, Compute: time.Millisecond, Wait: time.Second, Sizes: []int{1}, Most: 1},
		"wait is 1h0m0s":       {Jobs: 2, Compute: time.Second, Wait: time.Hour, Sizes: []int{1}, Most: 1},
	} {
		require.ErrorContains(t, bad.Validate(), want)
	}
}

func TestTheMachineIsReadFromItsOwnWords(t *testing.T) {
	t.Parallel()
	busy, total, switches := loadtest.ParseSystem("cpu  10 1 5 100 20 2 3 4 7 7\n" +
		"cpu0 1 1 1 1 1 1 1 1 1 1\nctxt 12345\nbtime 1\n")
	assert.Equal(t, []int64{25, 145, 12345}, []int64{busy, total, switches})
	busy, total, switches = loadtest.ParseSystem("cpu x\n\nctxt -1\n")
	assert.Zero(t, busy+total+switches)
}
