package loadtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/loadtest"
	"yardmaster/workflow"
)

func metricsText(heap, rss, collections int) string {
	return fmt.Sprintf("# HELP x y\ngo_memstats_heap_alloc_bytes_total 1\ngo_memstats_heap_alloc_bytes %d\n"+
		"process_resident_memory_bytes %d\ngo_gc_duration_seconds_count %d\n", heap, rss, collections)
}

func TestTheWorkflowIsAccepted(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"", "somewhere"} {
		plan, faults := workflow.Parse("loadtest.yml", loadtest.Workflow(label), workflow.Submission{})
		require.NoError(t, faults)
		require.Len(t, plan.Jobs, 1)
		assert.Equal(t, "noop", plan.Jobs[0].Executor)
	}
}

func TestCPUTimeIsReadBehindAnyName(t *testing.T) {
	t.Parallel()
	rest := " S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0"
	assert.InDelta(t, 3.0, loadtest.CPUSeconds([]byte("7 (yardmaster)"+rest)), 0)
	assert.InDelta(t, 3.0, loadtest.CPUSeconds([]byte("7 (a (b) c)"+rest)), 0)
	assert.Zero(t, loadtest.CPUSeconds([]byte("7 (cut")))
	assert.Zero(t, loadtest.CPUSeconds(nil))
	assert.EqualValues(t, 2048, loadtest.Kilobytes("2 kB"))
	assert.Zero(t, loadtest.Kilobytes(""))
}

func TestAMetricIsFoundByItsWholeName(t *testing.T) {
	t.Parallel()
	text := []byte(metricsText(1500, 2, 3))
	assert.InDelta(t, 1500, loadtest.Metric(text, "go_memstats_heap_alloc_bytes"), 0)
	assert.Zero(t, loadtest.Metric(text, "go_memstats"))
	assert.Zero(t, loadtest.Metric(nil, "x"))
}

func TestMetricsAreReadWithTheToken(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != "/metrics" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("x 1\n"))
	}))
	defer srv.Close()
	text, err := loadtest.Metrics(srv.URL, "secret")(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 1, loadtest.Metric(text, "x"), 0)
	_, err = loadtest.Metrics(srv.URL, "")(t.Context())
	require.ErrorContains(t, err, "401")
	assert.NotContains(t, err.Error(), "secret")
}

func TestTheReadyLineIsFoundInPieces(t *testing.T) {
	t.Parallel()
	api, last := loadtest.ReadyLine("no json\n{\"msg\":\"other\"}\n{\"msg\":\"server re",
		"ady\",\"api\":\"http://x\"}\nlate\n")
	assert.Equal(t, "http://x", api)
	assert.Equal(t, "late", last)
	api, _ = loadtest.ReadyLine(`{"msg":"server ready","api":"http://x"}`)
	assert.Empty(t, api, "the line has not ended")
}

func TestTheEnvironmentCannotChangeTheFlags(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"PATH=/bin"}, loadtest.Environment([]string{"YARDMASTER_API=x", "PATH=/bin"}))
}

func TestAnAlarmWaitsAndCanBeCalledOff(t *testing.T) {
	t.Parallel()
	rang, err := loadtest.Wait(t.Context(), time.Millisecond)
	require.NoError(t, err)
	assert.True(t, rang)
	rang, _ = loadtest.Wait(t.Context(), -time.Second)
	assert.True(t, rang, "the moment has passed")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(5*time.Millisecond, cancel)
	rang, _ = loadtest.Wait(ctx, time.Hour)
	assert.False(t, rang)
	rang, _ = loadtest.Wait(ctx, 0)
	assert.False(t, rang)
}

func FuzzProcAndMetrics(f *testing.F) {
	f.Add([]byte("7 (a) S 1 2 3 4 5 6 7 8 9 10 250 50 0"))
	f.Add([]byte("x 1\nx \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if loadtest.CPUSeconds(b) != loadtest.CPUSeconds(b) {
			t.Fatal("not a number")
		}
		_ = loadtest.Metric(b, "x")
		_, _ = loadtest.ReadyLine(string(b))
	})
}
