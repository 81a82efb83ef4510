package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"yardmaster/actors"
	"yardmaster/domain/scale"
)

// scaling shows what was decided about classes of workers. Of a class about which
// nothing is known yet it shows nothing, rather than 0.
type scaling struct {
	view   *actors.ScalingView
	gauges []scalingGauge
}

type scalingGauge struct {
	desc *prometheus.Desc
	of   func(scale.Verdict) int
}

// WatchScaling shows how many workers there are and should be of each class.
func (n *Node) WatchScaling(view *actors.ScalingView) {
	gauge := func(name, help string, of func(scale.Verdict) int) scalingGauge {
		return scalingGauge{prometheus.NewDesc("yardmaster_scaling_"+name, help, []string{"class"}, nil), of}
	}
	n.registry.MustRegister(&scaling{view, []scalingGauge{
		gauge("desired", "Workers that there should be of a class.", func(v scale.Verdict) int { return v.Desired }),
		gauge("connected", "Workers of a class that take jobs.", func(v scale.Verdict) int { return v.Connected }),
		gauge("booting", "Workers of a class that were asked for and have not come yet.",
			func(v scale.Verdict) int { return v.Booting }),
		gauge("waiting_jobs", "Jobs that wait and could run on workers of a class.",
			func(v scale.Verdict) int { return v.Waiting }),
		gauge("alert", "Whether workers of a class do not come or go as they should: 1 or 0.", func(v scale.Verdict) int {
			if v.Alert != "" {
				return 1
			}
			return 0
		}),
	}})
}

// Describe implements prometheus.Collector.
func (s *scaling) Describe(out chan<- *prometheus.Desc) {
	for _, g := range s.gauges {
		out <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (s *scaling) Collect(out chan<- prometheus.Metric) {
	for _, class := range s.view.Classes() {
		v, known := s.view.Of(class)
		if !known {
			continue
		}
		for _, g := range s.gauges {
			out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(g.of(v)), class)
		}
	}
}
