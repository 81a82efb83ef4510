package actors

import (
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

type (
	// askDemand asks the coordinator what waits and runs.
	askDemand struct{}
	// demandOf answers it.
	demandOf struct {
		demands []scale.Demand
		// held is how many attempts each worker has been given, those under way to
		// it included.
		held map[worker.ID]int
	}
	// askHeld asks the coordinator, in the name of the scaler, how much a worker
	// holds that takes no more. What its session said before has been heard by then.
	askHeld struct {
		id         worker.ID
		registered bool // its session knows it
		held       int  // attempts that it says it has
		to         *actor.PID
	}
	// workerHeld answers it, to the scaler.
	workerHeld struct {
		id         worker.ID
		registered bool
		held       int
	}
)

// maxKinds is how many kinds of jobs are remembered of which none is there.
const maxKinds = 1000

// kindOfJob is what jobs have in common that ask for the same.
type kindOfJob struct {
	labels    []string
	resources resource.Amount
	typical   time.Duration // how long they took lately
}

// kindOf returns the kind of a job.
func (c *Coordinator) kindOf(labels []string, demand *messages.JobDemand) *kindOfJob {
	labels = worker.CanonicalLabels(labels)
	res := resource.Amount{
		CPU: int64(demand.GetResources().GetCpuMilli()), Memory: int64(demand.GetResources().GetMemoryBytes()),
	}
	key := strings.Join(labels, "\x00") + "\x00\x00" + res.String()
	k := c.kinds[key]
	if k == nil {
		if len(c.kinds) >= maxKinds {
			clear(c.kinds) // what jobs hold on to they keep
		}
		k = &kindOfJob{labels: labels, resources: res}
		c.kinds[key] = k
	}
	return k
}

// took notes how long an attempt took.
func (k *kindOfJob) took(d time.Duration) {
	if k == nil {
		return
	}
	if k.typical == 0 {
		k.typical = d
	}
	k.typical += (d - k.typical) / 4
}

// demand answers the scaler.
func (c *Coordinator) demand(ctx actor.Context) {
	if ctx.Sender() == nil {
		return
	}
	now := time.Now()
	at := map[*kindOfJob]int{}
	m := demandOf{held: make(map[worker.ID]int, len(c.nodes))}
	for _, t := range c.jobs {
		if t.kind == nil {
			continue
		}
		i, known := at[t.kind]
		if !known {
			i = len(m.demands)
			at[t.kind] = i
			m.demands = append(m.demands, scale.Demand{
				Labels: t.kind.labels, Resources: t.kind.resources, Typical: t.kind.typical,
			})
		}
		d := &m.demands[i]
		if t.worker != "" {
			d.Held++
			continue
		}
		d.Waiting++
		d.OldestWait = max(d.OldestWait, now.Sub(t.since))
	}
	for w := range c.nodes {
		m.held[w] = len(c.yard.HeldBy(w))
	}
	ctx.Respond(m)
}

// tellHeld tells the scaler what a worker holds: what it says, or what it has been
// given, whichever is more.
func (c *Coordinator) tellHeld(ctx actor.Context, m askHeld) {
	given := slices.DeleteFunc(slices.Concat(c.yard.HeldBy(m.id), c.expected[m.id]), func(id job.ID) bool {
		t := c.jobs[id]
		return t == nil || t.worker != m.id
	})
	ctx.Send(m.to, workerHeld{id: m.id, registered: m.registered, held: max(m.held, len(given))})
}
