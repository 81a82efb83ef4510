package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"yardmaster/actors"
	"yardmaster/domain/worker"
)

// counts is what was counted under the values of one label, read when somebody
// looks. It implements prometheus.Collector.
type counts struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(tell func(value string, n float64))
}

func newCounts(kind prometheus.ValueType, name, label, help string, read func(func(string, float64))) *counts {
	return &counts{desc: prometheus.NewDesc(name, help, []string{label}, nil), kind: kind, read: read}
}

// Describe implements prometheus.Collector.
func (c *counts) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *counts) Collect(to chan<- prometheus.Metric) {
	c.read(func(value string, n float64) { to <- prometheus.MustNewConstMetric(c.desc, c.kind, n, value) })
}

// watchFleet shows what is counted of workers as a whole.
func (n *Node) watchFleet() {
	n.registry.MustRegister(
		newCounts(prometheus.CounterValue, "yardmaster_alerts_total", "alert",
			"What was worth somebody's attention since the node started, by kind.",
			func(tell func(string, float64)) { tell("worker_unreachable", float64(n.Actors.Unreachable())) }),
		newCounts(prometheus.CounterValue, "yardmaster_assignments_total", "label",
			"Assignments of jobs that demand a label, since the node started; beyond 100 labels all others are one.",
			func(tell func(string, float64)) {
				for label, times := range n.Actors.Assignments().Used() {
					tell(label, float64(times))
				}
			}),
	)
}

// Watch shows the workers of a roster, by state.
func (n *Node) Watch(roster *actors.Roster) {
	n.registry.MustRegister(newCounts(prometheus.GaugeValue, "yardmaster_workers", "state",
		"Workers that the node knows, by state.", func(tell func(string, float64)) {
			states := roster.States()
			for _, s := range []worker.State{worker.Available, worker.Running, worker.Unhealthy, worker.Draining} {
				tell(s.String(), float64(states[s]))
			}
		}))
}
