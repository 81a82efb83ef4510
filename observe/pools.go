package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"yardmaster/actors"
)

// PoolUse is how much of a pool is in use, and who waits for it.
type PoolUse struct{ Size, InUse, Waiting, Refused float64 }

// WatchPool shows a pool under a name. use is called when somebody looks.
func (n *Node) WatchPool(name string, use func() PoolUse) {
	labels := prometheus.Labels{"pool": name}
	gauge := func(metric, help string, value func(PoolUse) float64) {
		n.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: metric, Help: help, ConstLabels: labels}, func() float64 { return value(use()) }))
	}
	gauge("yardmaster_pool_size", "What a pool has in all, in its own unit.",
		func(u PoolUse) float64 { return u.Size })
	gauge("yardmaster_pool_in_use", "What of a pool is in use.", func(u PoolUse) float64 { return u.InUse })
	gauge("yardmaster_pool_waiting", "Who waits for a part of a pool.", func(u PoolUse) float64 { return u.Waiting })
	n.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "yardmaster_pool_refused_total", Help: "Who was told to come back, because a pool was used up.",
		ConstLabels: labels,
	}, func() float64 { return use().Refused }))
}

// WatchLogs shows how much of the memory for logs is in use.
func (n *Node) WatchLogs(use func() actors.LogUse) {
	gauge := func(name, help string, value func(actors.LogUse) float64) {
		n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(use()) }))
	}
	gauge("yardmaster_log_room_bytes", "Bytes of logs that may wait to be stored, of all attempts.",
		func(u actors.LogUse) float64 { return float64(u.Size) })
	gauge("yardmaster_log_in_flight_bytes", "Bytes of logs that wait to be stored.",
		func(u actors.LogUse) float64 { return float64(u.InUse) })
	gauge("yardmaster_log_in_flight_attempts", "Attempts with logs that wait to be stored.",
		func(u actors.LogUse) float64 { return float64(u.Attempts) })
	n.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "yardmaster_log_put_off_total", Help: "Pieces of logs that found no room, and were sent again later.",
	}, func() float64 { return float64(use().PutOff) }))
}
