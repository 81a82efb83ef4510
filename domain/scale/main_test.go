package scale_test

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"yardmaster/domain/scale"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// class returns a class of up to 10 workers with two slots that boot in a minute.
func class(name string, labels ...string) scale.Class {
	return scale.Class{
		Name: name, Labels: labels, Slots: 2, Most: 10, Boot: time.Minute, CooldownUp: 10 * time.Second,
		CooldownDown: time.Minute, Idle: 5 * time.Minute, Cost: 1, Provider: "fake",
	}
}

// of returns n workers of a class in a phase, each with so many attempts, since noon.
func of(c scale.Class, phase scale.Phase, n, held int) (all []scale.Worker) {
	for i := range n {
		all = append(all, scale.Worker{
			Name: fmt.Sprintf("%s-%d%d%d", c.Name, phase, held, i), Class: c.Name, Phase: phase, Labels: c.Labels,
			Pool: c.Pool, Slots: c.Slots, Resources: c.Resources, Held: held, Since: noon,
		})
	}
	return all
}

// wait returns n jobs that wait and take so long.
func wait(n int, typical time.Duration, labels ...string) scale.Demand {
	return scale.Demand{Labels: labels, Waiting: n, Typical: typical}
}
