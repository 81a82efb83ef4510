package loadtest_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/problem"
	"yardmaster/loadtest"
)

// TestAFloodEndsToTheLastRun runs the program as a user does, against a queue that
// is too short for the flood: what is refused is submitted again.
func TestAFloodEndsToTheLastRun(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), program, "loadtest", "flood", "--spawn", "--spawn-dir", t.TempDir(),
		"--jobs", "600", "--bursts", "2", "--clients", "100", "--rate", "20", "--quiet", "2500ms", "--slots", "2",
		"--server-arg=--queue-limit=300", "--output", "json")
	out, err := cmd.Output()
	require.NoError(t, err)
	var r loadtest.Report
	require.NoError(t, json.Unmarshal(out, &r))
	assert.Empty(t, r.Faults)
	assert.Greater(t, r.Counts.Acknowledged, 1200, "the others' are among them")
	assert.Equal(t, r.Counts.Acknowledged, r.Counts.Succeeded)
	assert.Positive(t, r.Counts.Refused)
	var names []string
	for _, l := range r.Latencies {
		names = append(names, l.Name)
		assert.Positive(t, l.Count, l.Name)
	}
	assert.Equal(t, []string{
		"all: call to acknowledged", "quiet: submit to acknowledged", "quiet: submit to start", "quiet: submit to finished",
		"flooded: submit to acknowledged", "flooded: submit to start", "flooded: submit to finished",
	}, names)
	assert.Contains(t, strings.Join(r.Notes, "\n"), "times as long as when they are alone")
}

// flood is a scenario against a server that is not there.
func flood(t *testing.T, s *server) (loadtest.Flood, loadtest.Target) {
	t.Helper()
	target := s.start(t)
	f := loadtest.Flood{
		Jobs: 100, Bursts: 1, Clients: 70, Rate: 50, Quiet: 2100 * time.Millisecond, MostRSS: 1 << 40,
		Dial: s.dial,
	}
	return f, target
}

func TestEachProjectOfAFloodHasItsOwnKeysAndName(t *testing.T) {
	t.Parallel()
	s := &server{}
	f, target := flood(t, s)
	r := run(t, f, target)
	assert.Empty(t, r.Faults)
	projects, keys := map[string]int{}, map[string]bool{}
	for _, sub := range s.Submissions() {
		projects[sub.Project] += len(sub.Keys)
		for _, key := range sub.Keys {
			assert.False(t, keys[key], key)
			keys[key] = true
		}
	}
	assert.Equal(t, 100, projects["loadtest-flood"])
	assert.Greater(t, projects["loadtest-others"], 50)
	assert.Len(t, projects, 2)
}

func TestAFloodThatIsNotAnsweredIsAFault(t *testing.T) {
	t.Parallel()
	s := &server{refuse: func(n int) error {
		if n == 50 {
			return problem.New(problem.Internal, "no")
		}
		return nil
	}}
	f, target := flood(t, s)
	r := run(t, f, target)
	assert.Equal(t, []string{"1 submissions failed"}, r.Faults)
}

func TestAFloodHasBounds(t *testing.T) {
	t.Parallel()
	good := loadtest.Flood{Jobs: 1, Bursts: 1, Clients: 1, Rate: 1, Quiet: time.Minute}
	require.NoError(t, good.Validate())
	for want, spoil := range map[string]func(*loadtest.Flood){
		"jobs is 0":           func(f *loadtest.Flood) { f.Jobs = 0 },
		"bursts is 0":         func(f *loadtest.Flood) { f.Bursts = 0 },
		"jobs x bursts is":    func(f *loadtest.Flood) { f.Jobs, f.Bursts = 10_000_000, 1000 },
		"clients is 0":        func(f *loadtest.Flood) { f.Clients = 0 },
		"quiet is 1s":         func(f *loadtest.Flood) { f.Quiet = time.Second },
		"rate is more than 0": func(f *loadtest.Flood) { f.Rate = 0 },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), want)
	}
	_, err := loadtest.Run(t.Context(), good, loadtest.Target{}, loadtest.Settings{Timeout: time.Second})
	require.ErrorIs(t, err, loadtest.ErrNoServer)
}
