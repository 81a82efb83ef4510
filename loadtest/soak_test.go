package loadtest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/domain/problem"
	"yardmaster/loadtest"
	"yardmaster/messages"
	"yardmaster/workflow"
)

// TestASoakFollowsEveryErrandToItsEnd runs the program as a user does. Whether
// something grows, seconds cannot tell.
func TestASoakFollowsEveryErrandToItsEnd(t *testing.T) {
	t.Parallel()
	profiles := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "loadtest", "soak", "--spawn", "--spawn-dir", t.TempDir(),
		"--rate", "40", "--duration", "5s", "--warmup", "1s", "--every", "100ms", "--comers", "1", "--stay", "600ms",
		"--memprofiles", profiles, "--output", "json")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode(), string(exit.Stderr))
	}
	var r loadtest.Report
	require.NoError(t, json.Unmarshal(out, &r))
	for _, fault := range r.Faults {
		assert.Contains(t, fault, "grows by", "all else went well")
	}
	assert.Equal(t, r.Counts.Acknowledged, r.Counts.Succeeded)
	assert.Positive(t, r.Counts.Succeeded)
	var names []string
	for _, s := range r.Series {
		names = append(names, s.Name)
		assert.Len(t, s.Values, len(s.At))
		assert.NotNil(t, s.Growth, s.Name)
		assert.Positive(t, s.Values[len(s.Values)-1], s.Name)
	}
	assert.Equal(t, []string{
		"server: resident", "server: live heap", "server: stacks", "server: goroutines", "server: threads",
		"server: open files", "worker 1: resident", "worker 1: live heap", "worker 1: stacks", "worker 1: goroutines",
		"worker 1: threads", "worker 1: open files", "data directory",
	}, names)
	for _, name := range []string{"server", "server.1", "server.2", "worker-1", "worker-1.1", "worker-1.2", "comer-1"} {
		written, err := os.Stat(filepath.Join(profiles, name))
		require.NoError(t, err)
		assert.Positive(t, written.Size(), name)
	}
}

// TestErrandsAreSpread counts how often each comes, and how soon each has come.
func TestErrandsAreSpread(t *testing.T) {
	t.Parallel()
	shares, files, total := loadtest.ErrandShares()
	came := map[string]int{}
	for n := range total {
		came[loadtest.ErrandAt(n)]++
		if n == total/2 {
			assert.Len(t, came, len(shares), "each comes soon")
		}
	}
	assert.Equal(t, shares, came)
	for name, file := range files {
		_, faults := workflow.Parse("loadtest.yml", file, workflow.Submission{})
		assert.NoError(t, faults, name)
	}
}

func TestAnErrandThatGoesWrongIsAFault(t *testing.T) {
	t.Parallel()
	s := &server{state: failed} // whatever is asked of it
	s.refuse = func(n int) error {
		if n%10 == 0 {
			return problem.RetryIn(problem.Exhausted, time.Millisecond, "later")
		}
		return nil
	}
	target := s.start(t)
	s.OnRetry = func(*messages.RetryRunRequest, string) (*messages.RetryRunResponse, error) {
		runs, err := s.submit(api.Submission{Keys: []string{""}})
		if err != nil {
			return nil, err
		}
		return &messages.RetryRunResponse{Run: runs[0]}, nil
	}
	r := loadtest.RunErrands(t, target, 400, 200)
	assert.Equal(t, 200, r.Counts.Acknowledged)
	assert.Positive(t, r.Counts.Refused)
	assert.Equal(t, 3, r.Counts.Succeeded, "those that shall fail")
	require.NotEmpty(t, r.Faults)
	assert.Equal(t, "197 of 200 errands did not go as they should", r.Faults[0])
	assert.Contains(t, r.Faults[1], "ended as JOB_STATE_FAILED, not as JOB_STATE_")
}

// TestAnEndThatWasNotToldIsAskedFor has the watch say nothing.
func TestAnEndThatWasNotToldIsAskedFor(t *testing.T) {
	t.Parallel()
	s := &server{tell: func([]*messages.RunChange) *messages.WatchRunsResponse {
		return &messages.WatchRunsResponse{Resync: true}
	}}
	r := loadtest.RunErrands(t, s.start(t), 1000, 2)
	assert.Equal(t, 2, r.Counts.Finished)
	assert.Equal(t, 2, r.Counts.Listed)
	assert.Positive(t, r.Counts.Resyncs)
}

func TestASoakHasBounds(t *testing.T) {
	t.Parallel()
	good := loadtest.Soak{Rate: 1, Duration: time.Minute, Every: time.Second, Stay: time.Second, Clients: 1}
	require.NoError(t, good.Validate())
	for want, spoil := range map[string]func(*loadtest.Soak){
		"duration is 1ms":         func(s *loadtest.Soak) { s.Duration = time.Millisecond },
		"warmup is 1m0s":          func(s *loadtest.Soak) { s.Warmup = time.Minute },
		"every and stay":          func(s *loadtest.Soak) { s.Stay = 0 },
		"bound is negative":       func(s *loadtest.Soak) { s.Bound = -1 },
		"rate x duration is 0":    func(s *loadtest.Soak) { s.Rate = 0 },
		"comers is -1":            func(s *loadtest.Soak) { s.Comers = -1 },
		"clients is 0; it can be": func(s *loadtest.Soak) { s.Clients = 0 },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), want)
	}
	_, err := loadtest.Run(t.Context(), good, loadtest.Target{}, loadtest.Settings{Timeout: time.Second})
	require.ErrorIs(t, err, loadtest.ErrNoServer)
	_, err = loadtest.Run(t.Context(), good, (&server{}).start(t), loadtest.Settings{Timeout: time.Second})
	require.ErrorIs(t, err, loadtest.ErrNotSpawned)
}
