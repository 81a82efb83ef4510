// Package observe shows what happens on coordinator nodes and workers, as
// Prometheus metrics. It decides nothing and slows nothing down: whatever is
// counted elsewhere is read when somebody looks.
package observe

import (
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"yardmaster/actors"
	"yardmaster/cluster/journal"
	"yardmaster/domain/job"
	"yardmaster/supervisor"
)

// latencies are the bucket bounds of every latency histogram, in seconds: fine
// around the aims of 2.5 to 50 ms, coarse beyond.
var latencies = []float64{
	.0005, .001, .002, .003, .004, .006, .008, .01, .015, .02, .03, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
}

// Node is the metrics of a coordinator node.
type Node struct {
	// Actors and Mailboxes are what the actors count.
	Actors    *actors.Metrics
	Mailboxes *actors.Gauges

	shared
	journalTook   prometheus.Histogram
	journalEvents prometheus.Histogram
	journalBytes  prometheus.Counter
	journalRetry  prometheus.Counter
}

// NewNode returns metrics of a node that has not started.
func NewNode() *Node {
	n := &Node{Actors: actors.NewMetrics(), Mailboxes: new(actors.Gauges), shared: newShared()}
	queueWait := n.histogram("yardmaster_queue_wait_seconds",
		"From the submission of a job's run to its first assignment.")
	endToEnd := n.histogram("yardmaster_job_seconds", "From the submission of a job's run to the job's end.")
	assigned := n.histogram("yardmaster_assignment_seconds",
		"From a job's assignment to the beginning of its attempt on the worker, by the wall clocks of both.")
	n.Actors.QueueWait = func(d time.Duration) { queueWait.Observe(d.Seconds()) }
	n.Actors.EndToEnd = func(d time.Duration) { endToEnd.Observe(d.Seconds()) }
	n.Actors.Assigned = func(d time.Duration) { assigned.Observe(d.Seconds()) }
	n.journalTook = n.histogram("yardmaster_journal_append_seconds", "Time of one fsynced append to the journal.")
	n.journalEvents = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "yardmaster_journal_batch_events", Help: "Events in one append.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 13),
	})
	n.journalBytes = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "yardmaster_journal_bytes_total", Help: "Bytes appended to the journal.",
	})
	n.journalRetry = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "yardmaster_journal_retries_total", Help: "Appends that had to be tried again.",
	})
	n.registry.MustRegister(n.journalEvents, n.journalBytes, n.journalRetry)
	n.watchJobs()
	n.watchFleet()
	for name, gauge := range map[string]*supervisor.Gauge{
		"gateway": &n.Mailboxes.Gateway, "partition": &n.Mailboxes.Partitions,
		"job": &n.Mailboxes.Jobs, "run": &n.Mailboxes.Runs,
	} {
		n.watchMailbox(name, gauge)
	}
	return n
}

func (n *Node) watchJobs() {
	for _, state := range []job.State{job.Pending, job.Running} {
		n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yardmaster_jobs", Help: "Jobs that have not ended, by state.",
			ConstLabels: prometheus.Labels{"state": state.String()},
		}, func() float64 { return float64(n.Actors.Jobs()[state]) }))
	}
	for _, state := range []job.State{job.Success, job.Failed, job.Cancelled} {
		n.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "yardmaster_jobs_ended_total", Help: "Jobs that have ended since the node started, by state.",
			ConstLabels: prometheus.Labels{"state": state.String()},
		}, func() float64 { return float64(n.Actors.Jobs()[state]) }))
	}
	n.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "yardmaster_reports_refused_total", Help: "Reports of attempts that no longer counted.",
	}, func() float64 { return float64(n.Actors.Refused()) }))
	n.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "yardmaster_preemptions_total", Help: "Attempts that were ended for the sake of jobs of higher priority.",
	}, func() float64 { return float64(n.Actors.Preempted()) }))
}

func (n *Node) watchMailbox(class string, gauge *supervisor.Gauge) {
	labels := prometheus.Labels{"class": class}
	n.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yardmaster_mailbox_messages", Help: "Messages that wait in the mailboxes of a class of actors.",
			ConstLabels: labels,
		}, func() float64 { return float64(gauge.Depth()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "yardmaster_mailbox_refused_total", Help: "Messages that full mailboxes of a class refused.",
			ConstLabels: labels,
		}, func() float64 { return float64(gauge.Refused()) }),
	)
}

// Journal returns what the journals call.
func (n *Node) Journal() journal.Hooks {
	n.breaker("journal", "closed")
	return journal.Hooks{
		Appended: func(events, bytes int, took time.Duration) {
			n.journalTook.Observe(took.Seconds())
			n.journalEvents.Observe(float64(events))
			n.journalBytes.Add(float64(bytes))
		},
		Retrying: func(error, time.Duration) { n.journalRetry.Inc() },
		Breaker:  func(state string) { n.breaker("journal", state) },
	}
}

// shared is what nodes and workers both show.
type shared struct {
	registry  *prometheus.Registry
	connected prometheus.Gauge
	changes   *prometheus.CounterVec
	breakers  *prometheus.GaugeVec
	frames    *prometheus.CounterVec
	envelopes *prometheus.CounterVec
	dropped   *prometheus.CounterVec
	refused   *prometheus.CounterVec
	restarts  *prometheus.CounterVec
}

// Handler answers /metrics.
func (s *shared) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{Registry: s.registry})
}

func (s *shared) histogram(name, help string) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latencies})
	s.registry.MustRegister(h)
	return h
}

func newShared() shared {
	// What the last collection found alive: unlike all that is allocated, it holds
	// no garbage.
	liveHeap := collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$`)}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	s := shared{
		registry: prometheus.NewRegistry(),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "yardmaster_nats_connected", Help: "Whether the connection to NATS is there: 1 or 0.",
		}),
		changes: counter("yardmaster_nats_changes_total", "Changes of the connection to NATS, by kind.", "change"),
		breakers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "yardmaster_breaker_open", Help: "Circuit breakers: 0 closed, 0.5 half-open, 1 open.",
		}, []string{"breaker"}),
		frames:    counter("yardmaster_bridge_frames_total", "Frames between nodes, by direction.", "direction"),
		envelopes: counter("yardmaster_bridge_messages_total", "Messages between nodes, by direction.", "direction"),
		dropped: counter("yardmaster_bridge_dropped_total",
			"Messages to other nodes that were not sent, by reason.", "reason"),
		refused: counter("yardmaster_bridge_refused_total",
			"Messages from other nodes not delivered, by reason.", "reason"),
		restarts: counter("yardmaster_actor_failures_total",
			"Failures of actors, by class and what came of it.", "class", "outcome"),
	}
	s.registry.MustRegister(s.connected, s.changes, s.breakers, s.frames, s.envelopes, s.dropped, s.refused, s.restarts,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(liveHeap)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}
