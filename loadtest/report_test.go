package loadtest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/loadtest"
)

func TestAHistogramTellsPercentilesInMilliseconds(t *testing.T) {
	t.Parallel()
	h := loadtest.NewHistogram("times")
	for i := range 1000 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	got := h.Latency()
	assert.Equal(t, "times", got.Name)
	assert.EqualValues(t, 1000, got.Count)
	for want, is := range map[float64]float64{
		500: got.P50, 900: got.P90, 950: got.P95, 990: got.P99, 999: got.P999, 1000: got.Max,
	} {
		assert.InEpsilon(t, want, is, 0.002)
	}
}

func TestAHistogramDropsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := loadtest.NewHistogram("any")
		all := rapid.SliceOfN(rapid.Int64(), 1, 50).Draw(t, "nanoseconds")
		for _, d := range all {
			h.Add(time.Duration(d))
		}
		l := h.Latency()
		if l.Count != int64(len(all)) {
			t.Fatalf("%d of %d recorded", l.Count, len(all))
		}
		if l.P50 > l.P90 || l.P90 > l.P95 || l.P95 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
			t.Fatalf("percentiles fall: %+v", l)
		}
	})
}

// full is a report with everything in it.
func full() *loadtest.Report {
	return &loadtest.Report{
		Scenario: "burst", Question: "How many jobs a second?",
		Params:  []loadtest.Param{{Name: "jobs", Value: "1000"}, {Name: "keys", Value: "true"}},
		Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Faults:  []string{"1 runs were acknowledged and did not end"},
		Load:    &loadtest.Load{Offered: 500, Acknowledged: 499.6, Finished: 498.4, Seconds: 2.0049},
		Counts: &loadtest.Counts{
			Planned: 1000, Acknowledged: 1000, Finished: 999, Succeeded: 999, Lost: 1, Refused: 7, Resyncs: 2, Listed: 30,
			Errors: 1, FirstError: "unavailable: gone",
		},
		Latencies: []loadtest.Latency{
			{Name: "submit to start", Count: 999, P50: 1.5, P90: 2.25, P95: 3, P99: 8, P999: 21.125, Max: 40},
		},
		Rates: []loadtest.Rate{{Name: "1 to 1", Unit: "messages/s", Median: 8e6, Least: 7e6, Most: 9e6}},
		Sizes: []loadtest.Size{
			{Mix: "compute", Slots: "2", Seconds: 12.34, RunsPerSecond: 5.2, CPU: 0.987, Switches: 1234.5, Most: 2},
			{Mix: "compute", Slots: "auto", Seconds: 12.5, RunsPerSecond: 5.1, CPU: 0.99, Switches: 1500, Most: 3},
		},
		Memory: &loadtest.Memory{
			Jobs: 1000, RSSBefore: 30 << 20, RSSAfter: 32 << 20, RSSPerJob: 2097.2, HeapBefore: 6 << 20,
			HeapAfter: 7 << 20, HeapPerJob: 1048.6, Collections: 1,
		},
		Processes: []loadtest.Process{
			{Name: "server", PID: 7, CPUSeconds: 1.25, CPUPerRun: 1250, RSS: 64 << 20, PeakRSS: 65 << 20},
		},
		Machine: loadtest.Machine{
			OS: "linux/amd64", CPU: "a processor", Cores: 2, Memory: "16 kB", Go: "go1.26", Load: "0.10",
			Build: loadtest.Build{Version: "v1", Commit: "abc", Modified: true}, Fsync: "every step; p50 150µs",
		},
		Notes: []string{"latencies count from the intended start"},
	}
}

func TestTheReportAsText(t *testing.T) {
	t.Parallel()
	golden(t, "report.txt", full().Text())
	empty := loadtest.Report{Scenario: "mailbox", Question: "How many?", Machine: loadtest.Machine{Cores: 1}}
	golden(t, "report_empty.txt", empty.Text())
}

func TestTheReportAsJSON(t *testing.T) {
	t.Parallel()
	b, err := json.MarshalIndent(full(), "", "  ")
	require.NoError(t, err)
	golden(t, "report.json", string(b)+"\n")
}

func TestProgressSaysWhereThingsAre(t *testing.T) {
	t.Parallel()
	before := loadtest.Sample{Planned: 100, Acknowledged: 20, Done: 10}
	now := loadtest.Sample{Planned: 100, Acknowledged: 60, Done: 40}
	assert.Equal(t, "  3.0s  submitted 60 of 100 (20/s)  done 40 (15/s)  queue 20",
		loadtest.ProgressLine(3*time.Second, 2*time.Second, before, now))
}
