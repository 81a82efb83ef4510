package observe_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/actors"
	"yardmaster/cluster/bridge"
	"yardmaster/cluster/natsjs"
	"yardmaster/observe"
	"yardmaster/supervisor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type families map[string]*dto.MetricFamily

// scrape asks a handler over HTTP, as Prometheus does.
func scrape(t *testing.T, h http.Handler) families {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, res.Header.Get("Content-Type"), "text/plain")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(res.Body)
	require.NoError(t, err)
	return all
}

// labelsOf writes the labels of a metric as name=value, in their order.
func labelsOf(m *dto.Metric) string {
	parts := make([]string, len(m.GetLabel()))
	for i, l := range m.GetLabel() {
		parts[i] = l.GetName() + "=" + l.GetValue()
	}
	return strings.Join(parts, ",")
}

// value returns the value of one metric; of a histogram, its sum.
func (f families) value(t *testing.T, name, labels string) float64 {
	t.Helper()
	for _, m := range f[name].GetMetric() {
		if labelsOf(m) != labels {
			continue
		}
		switch f[name].GetType() { //nolint:exhaustive // the others are not looked for
		case dto.MetricType_COUNTER:
			return m.GetCounter().GetValue()
		case dto.MetricType_GAUGE:
			return m.GetGauge().GetValue()
		default:
			return m.GetHistogram().GetSampleSum()
		}
	}
	require.FailNow(t, "no such metric", "%s{%s}", name, labels)
	return 0
}

// text lists our own metrics: name, type, labels and help.
func (f families) text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !strings.HasPrefix(name, "yardmaster_") {
			continue // those of the libraries change with them
		}
		fmt.Fprintf(&b, "%s %s\n  %s\n", name, strings.ToLower(f[name].GetType().String()), f[name].GetHelp())
		for _, m := range f[name].GetMetric() {
			if labels := labelsOf(m); labels != "" {
				fmt.Fprintf(&b, "    %s\n", labels)
			}
		}
	}
	return b.String()
}

// golden compares got with a file in testdata, or writes it when UPDATE is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// hooked is what nodes and workers both offer.
type hooked interface {
	Handler() http.Handler
	Connectivity(change natsjs.Change, err error)
	Bridge() bridge.Hooks
	Supervision() supervisor.Hooks
}

// callAll calls every hook that both have.
func callAll(h hooked) {
	for _, c := range []natsjs.Change{
		natsjs.Connected, natsjs.SlowConsumer, natsjs.Failed, natsjs.Disconnected, natsjs.Reconnected,
	} {
		h.Connectivity(c, nil)
	}
	b := h.Bridge()
	b.FrameSent(3, 100)
	b.FrameSent(4, 100)
	b.FrameReceived(5, 100)
	b.Dropped(bridge.ReasonQueue, 6)
	b.Refused(bridge.ReasonPolicy)
	b.BreakerChanged("half-open")
	s := h.Supervision()
	s.Restarted(supervisor.Failure{ID: "jobs/1", Class: "jobs/*"})
	s.Restarted(supervisor.Failure{ID: "jobs/2", Class: "jobs/*"})
	s.Escalated(supervisor.Failure{ID: "jobs", Class: "jobs"})
	s.Quarantined(supervisor.Failure{ID: "jobs/1", Class: "jobs/*"})
}

func TestWhatHooksAreToldIsShownByNodesAndWorkers(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]hooked{"node": observe.NewNode(), "worker": observe.NewWorker()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callAll(h)
			f := scrape(t, h.Handler())
			for _, tt := range []struct {
				name, labels string
				want         float64
			}{
				{"yardmaster_nats_connected", "", 1},
				{"yardmaster_nats_changes_total", "change=connected", 1},
				{"yardmaster_nats_changes_total", "change=slow_consumer", 1},
				{"yardmaster_bridge_frames_total", "direction=sent", 2},
				{"yardmaster_bridge_frames_total", "direction=received", 1},
				{"yardmaster_bridge_messages_total", "direction=sent", 7},
				{"yardmaster_bridge_messages_total", "direction=received", 5},
				{"yardmaster_bridge_dropped_total", "reason=queue", 6},
				{"yardmaster_bridge_refused_total", "reason=policy", 1},
				{"yardmaster_breaker_open", "breaker=bridge", 0.5},
				{"yardmaster_actor_failures_total", "class=jobs/*,outcome=restarted", 2},
				{"yardmaster_actor_failures_total", "class=jobs,outcome=escalated", 1},
				{"yardmaster_actor_failures_total", "class=jobs/*,outcome=quarantined", 1},
			} {
				assert.InDelta(t, tt.want, f.value(t, tt.name, tt.labels), 1e-9, "%s{%s}", tt.name, tt.labels)
			}
			assert.Contains(t, f, "go_goroutines")
			assert.Contains(t, f, "promhttp_metric_handler_errors_total")
		})
	}
}

func TestTheConnectionIsShownAsItIs(t *testing.T) {
	t.Parallel()
	w := observe.NewWorker()
	connected := func() float64 { return scrape(t, w.Handler()).value(t, "yardmaster_nats_connected", "") }
	assert.Zero(t, connected(), "before the first connection")
	for _, tt := range []struct {
		change natsjs.Change
		want   float64
	}{
		{natsjs.Connected, 1},
		{natsjs.Failed, 1},
		{natsjs.Disconnected, 0},
		{natsjs.SlowConsumer, 0},
		{natsjs.Reconnected, 1},
		{natsjs.Closed, 0},
	} {
		w.Connectivity(tt.change, errors.New("why"))
		assert.InDelta(t, tt.want, connected(), 0, tt.change.String())
	}
}

func TestBreakersShowTheirState(t *testing.T) {
	t.Parallel()
	n := observe.NewNode()
	bridge, journal := n.Bridge(), n.Journal()
	before := scrape(t, n.Handler())
	assert.Zero(t, before.value(t, "yardmaster_breaker_open", "breaker=bridge"), "before the first change")
	assert.Zero(t, before.value(t, "yardmaster_breaker_open", "breaker=journal"), "before the first change")
	for state, want := range map[string]float64{"open": 1, "half-open": 0.5, "closed": 0} {
		bridge.BreakerChanged(state)
		journal.Breaker(state)
		f := scrape(t, n.Handler())
		assert.InDelta(t, want, f.value(t, "yardmaster_breaker_open", "breaker=bridge"), 0, state)
		assert.InDelta(t, want, f.value(t, "yardmaster_breaker_open", "breaker=journal"), 0, state)
	}
}

func TestANodeShowsItsJournalAndItsJobs(t *testing.T) {
	t.Parallel()
	n := observe.NewNode()
	n.Watch(actors.NewRoster(n.Actors.Assignments()))
	h := n.Journal()
	h.Appended(3, 1000, 4*time.Millisecond)
	h.Appended(1, 24, 2*time.Millisecond)
	h.Retrying(errors.New("busy"), time.Second)
	n.Actors.QueueWait(2 * time.Second)
	n.Actors.EndToEnd(5 * time.Second)
	n.Actors.Assigned(30 * time.Millisecond)

	f := scrape(t, n.Handler())
	for _, tt := range []struct {
		name, labels string
		want         float64
	}{
		{"yardmaster_journal_append_seconds", "", 0.006},
		{"yardmaster_journal_batch_events", "", 4},
		{"yardmaster_journal_bytes_total", "", 1024},
		{"yardmaster_journal_retries_total", "", 1},
		{"yardmaster_queue_wait_seconds", "", 2},
		{"yardmaster_job_seconds", "", 5},
		{"yardmaster_assignment_seconds", "", 0.03},
		{"yardmaster_jobs", "state=PENDING", 0},
		{"yardmaster_jobs_ended_total", "state=SUCCESS", 0},
		{"yardmaster_reports_refused_total", "", 0},
		{"yardmaster_mailbox_messages", "class=job", 0},
		{"yardmaster_mailbox_refused_total", "class=gateway", 0},
		{"yardmaster_workers", "state=AVAILABLE", 0},
		{"yardmaster_workers", "state=RUNNING", 0},
		{"yardmaster_alerts_total", "alert=worker_unreachable", 0},
	} {
		assert.InDelta(t, tt.want, f.value(t, tt.name, tt.labels), 1e-9, "%s{%s}", tt.name, tt.labels)
	}
	appends := f["yardmaster_journal_append_seconds"].GetMetric()[0].GetHistogram()
	assert.Equal(t, uint64(2), appends.GetSampleCount())
	for _, b := range appends.GetBucket() {
		if b.GetUpperBound() == .002 || b.GetUpperBound() == .003 {
			assert.Equal(t, uint64(1), b.GetCumulativeCount())
		}
	}
}

func TestAWorkerShowsItsSizeAsItIs(t *testing.T) {
	t.Parallel()
	w, size := observe.NewWorker(), actors.WorkerSize{Slots: 4, Busy: 3, CPU: 0.25}
	w.Watch(func() actors.WorkerSize { return size })
	for range 2 {
		f := scrape(t, w.Handler())
		assert.InDelta(t, size.Slots, f.value(t, "yardmaster_worker_slots", ""), 0)
		assert.InDelta(t, size.Busy, f.value(t, "yardmaster_worker_busy", ""), 0)
		assert.InDelta(t, size.CPU, f.value(t, "yardmaster_worker_cpu", ""), 0)
		size = actors.WorkerSize{Slots: 9, Busy: 9, CPU: 1}
	}
}

// TestMetricsAreAnInterface keeps names, labels and help in a file, because
// dashboards and alerts rely on them. UPDATE=1 writes it anew.
func TestMetricsAreAnInterface(t *testing.T) {
	t.Parallel()
	n, w := observe.NewNode(), observe.NewWorker()
	n.Watch(actors.NewRoster(n.Actors.Assignments()))
	w.Watch(func() actors.WorkerSize { return actors.WorkerSize{} })
	n.WatchLogs(func() actors.LogUse { return actors.LogUse{} })
	n.WatchPool("decoders", func() observe.PoolUse { return observe.PoolUse{} })
	n.Journal().Breaker("closed")
	for _, h := range []hooked{n, w} {
		callAll(h)
		h.Connectivity(natsjs.Closed, nil)
	}
	golden(t, "node.txt", scrape(t, n.Handler()).text())
	golden(t, "worker.txt", scrape(t, w.Handler()).text())
}
