package loadtest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/loadtest"
)

// TestScenariosAgainstRealProcesses spawns a server with two workers and runs
// each scenario against it. Every job must come through.
func TestScenariosAgainstRealProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fleet, err := loadtest.Spawn(t.Context(), loadtest.SpawnConfig{
		Program: program, Dir: dir, Workers: 2, Slots: 100, QueueLimit: 10_000, KeepRuns: 10_000,
		ServerArgs: []string{"--partitions", "2"},
	})
	require.NoError(t, err)
	target := fleet.Target()
	for _, s := range []loadtest.Scenario{
		loadtest.Burst{Jobs: 300, Batch: 50, Clients: 3, Keys: true},
		loadtest.Burst{Jobs: 200, Batch: 1, Clients: 3},
		loadtest.Steady{Rate: 100, Duration: time.Second, Clients: 8, Keys: true},
		loadtest.Queued{
			Jobs: 200, Batch: 100, Clients: 2, Settle: time.Millisecond, Metrics: loadtest.Metrics(fleet.APIURL(), ""),
		},
	} {
		report, err := loadtest.Run(t.Context(), s, target, loadtest.Settings{Timeout: 2 * time.Minute})
		require.NoError(t, err, s.Name())
		assert.Empty(t, report.Faults, s.Name())
		assert.Equal(t, report.Counts.Planned, report.Counts.Acknowledged, s.Name())
		if os.Getenv("TEST_VERBOSE") != "" {
			t.Log("\n" + report.Text())
		}
	}
	require.NoError(t, fleet.Stop(t.Context()))
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "the directory goes with the fleet")
	select {
	case err := <-fleet.Failed():
		t.Errorf("stopped, not failed: %v", err)
	default:
	}
}

func TestAServerThatDoesNotStartIsToldWithItsLastWords(t *testing.T) {
	t.Parallel()
	_, err := loadtest.Spawn(t.Context(), loadtest.SpawnConfig{
		Program: program, Dir: t.TempDir(), Workers: 1, Slots: 1, QueueLimit: 1, ServerArgs: []string{"--partitions", "-1"},
	})
	require.ErrorContains(t, err, "--partitions")
}

func TestAProgramThatIsNotThereIsToldOf(t *testing.T) {
	t.Parallel()
	_, err := loadtest.Spawn(t.Context(), loadtest.SpawnConfig{Program: "/does/not/exist", Dir: t.TempDir()})
	require.Error(t, err)
	_, err = loadtest.Spawn(t.Context(), loadtest.SpawnConfig{Workers: -1})
	require.ErrorContains(t, err, "workers is -1")
}

// TestAProcessThatDiesIsNoticed kills the server behind the fleet's back.
func TestAProcessThatDiesIsNoticed(t *testing.T) {
	t.Parallel()
	fleet, err := loadtest.Spawn(t.Context(), loadtest.SpawnConfig{
		Program: program, Dir: t.TempDir(), Workers: 0, Slots: 1, QueueLimit: 10, KeepRuns: 10,
	})
	require.NoError(t, err)
	p, err := os.FindProcess(fleet.Target().ServerPID)
	require.NoError(t, err)
	require.NoError(t, p.Kill())
	select {
	case err := <-fleet.Failed():
		require.ErrorContains(t, err, "server ended by itself")
	case <-t.Context().Done():
	}
	require.NoError(t, fleet.Stop(t.Context()))
}

// TestTheCommandSpawnsMeasuresAndCleansUp runs the program as a user does.
func TestTheCommandSpawnsMeasuresAndCleansUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "loadtest", "burst", "--spawn", "--spawn-dir", dir, "--jobs", "100",
		"--server-arg=--partitions=1", "--output", "json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var report loadtest.Report
	require.NoError(t, json.Unmarshal(out, &report))
	assert.Empty(t, report.Faults)
	assert.Equal(t, 100, report.Counts.Succeeded)
	assert.Len(t, report.Processes, 3)
	assert.Contains(t, stderr.String(), "submitted 100 of 100")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)

	err = exec.CommandContext(t.Context(), program, "loadtest", "burst", "--jobs", "0").Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 2, exit.ExitCode())
}

// TestIdleWorkersAreWeighedApart runs the program with workers within its process.
func TestIdleWorkersAreWeighedApart(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), program, "loadtest", "queued", "--spawn", "--spawn-dir", t.TempDir(),
		"--workers", "0", "--jobs", "100", "--idle", "5", "--settle", "1ms", "--output", "json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var report loadtest.Report
	require.NoError(t, json.Unmarshal(out, &report))
	assert.Empty(t, report.Faults)
	assert.Equal(t, 100, report.Memory.Jobs)
	assert.Equal(t, 5, report.Memory.Workers)
	assert.NotZero(t, report.Memory.HeapPerWorker)
}
