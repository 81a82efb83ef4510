package scale_test

import (
	"fmt"
	"testing"
	"time"

	"yardmaster/domain/scale"
)

// BenchmarkDecide decides about 10 classes with 10,000 workers and 100 demands.
func BenchmarkDecide(b *testing.B) {
	var classes []scale.Class
	s := scale.Situation{Now: noon}
	for i := range 10 {
		c := class(fmt.Sprintf("class-%d", i), fmt.Sprintf("label-%d", i), "linux")
		c.Most, c.Cost = 2000, float64(i+1)
		classes = append(classes, c)
		for n := range 1000 {
			s.Workers = append(s.Workers, scale.Worker{
				Name: fmt.Sprintf("%s-%04d", c.Name, n), Class: c.Name, Phase: scale.Ready, Labels: c.Labels, Slots: 2,
				Held: n % 3, Since: noon,
			})
		}
	}
	for i := range 100 {
		s.Demands = append(s.Demands, scale.Demand{
			Labels: []string{fmt.Sprintf("label-%d", i%10)}, Waiting: 1000 + i, Typical: time.Duration(i+1) * time.Second,
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		scale.Decide(classes, nil, s)
	}
}
