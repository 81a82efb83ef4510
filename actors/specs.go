package actors

import (
	"sync/atomic"

	"yardmaster/domain/plan"
	"yardmaster/messages"
)

// specCache remembers how a few job specifications look on the wire. Jobs of one
// plan share theirs, so bursts of equal jobs convert it once.
type specCache struct {
	slots [64]atomic.Pointer[specPair]
	next  atomic.Uint32
}

type specPair struct {
	spec *plan.Job
	wire *messages.JobSpec
}

// of returns spec as it is sent.
func (c *specCache) of(spec *plan.Job) *messages.JobSpec {
	for i := range c.slots {
		p := c.slots[i].Load()
		if p == nil {
			break
		}
		if p.spec == spec {
			return p.wire
		}
	}
	wire := messages.JobSpecToProto(spec)
	c.slots[(c.next.Add(1)-1)%uint32(len(c.slots))].Store(&specPair{spec, wire})
	return wire
}
