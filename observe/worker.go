package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"yardmaster/actors"
)

// Watch shows how much a worker takes and does.
func (w *Worker) Watch(size func() actors.WorkerSize) {
	gauge := func(name, help string, value func(actors.WorkerSize) float64) {
		w.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(size()) }))
	}
	gauge("yardmaster_worker_slots", "Attempts that the worker takes at once.",
		func(s actors.WorkerSize) float64 { return float64(s.Slots) })
	gauge("yardmaster_worker_busy", "Attempts that the worker runs.",
		func(s actors.WorkerSize) float64 { return float64(s.Busy) })
	gauge("yardmaster_worker_cpu", "Share of the processors of the worker's machine in use, from 0 to 1.",
		func(s actors.WorkerSize) float64 { return s.CPU })
}
