package api

import (
	"context"
	"sync"

	"yardmaster/domain/plan"
	"yardmaster/workflow"
)

const (
	maxPlans     = 256      // plans kept
	maxPlanBytes = 64 << 20 // kept in all: their files, and an estimate of the plans
)

// planKey names a plan. The file's name counts, because a workflow that does not
// name itself is named after its file.
type planKey struct {
	digest [32]byte // of the file, and of what was submitted beside it
	name   string
}

// cachedPlan is a file being parsed, or parsed.
type cachedPlan struct {
	parse func() (*plan.Workflow, error) // at most once
	used  uint64                         // tick of the last use
	bytes int                            // 0 until parsed
}

// plans keeps the plans of the files submitted last, each parsed once however
// many ask for it at once. A file with faults is not kept.
type plans struct {
	maxCount, maxBytes int
	intake             *Intake

	mu    sync.Mutex
	kept  map[planKey]*cachedPlan
	bytes int
	tick  uint64
}

func newPlans(maxCount, maxBytes int, intake *Intake) *plans {
	return &plans{
		maxCount: maxCount, maxBytes: maxBytes, intake: intake, kept: make(map[planKey]*cachedPlan, maxCount),
	}
}

// get returns the plan of the file, or workflow.Faults. Who asks first waits for a
// decoder on behalf of all who ask for the same file, even when he is gone himself.
func (p *plans) get(ctx context.Context, key planKey, src []byte, beside workflow.Submission,
) (*plan.Workflow, error) {
	p.mu.Lock()
	c, ok := p.kept[key]
	if !ok {
		c = &cachedPlan{parse: sync.OnceValues(func() (wf *plan.Workflow, err error) {
			busy := p.intake.decode(context.WithoutCancel(ctx), func() {
				wf, err = workflow.Parse(key.name, src, beside)
			})
			if busy != nil {
				return nil, busy
			}
			return wf, err
		})}
		p.kept[key] = c
	}
	p.tick++
	c.used = p.tick
	done, parse := c.bytes > 0, c.parse
	p.mu.Unlock()

	wf, err := parse()
	if !done {
		p.settle(key, c, wf, len(src), err)
	}
	return wf, err
}

// settle accounts for a plan that was just parsed, or forgets one that could not be.
func (p *plans) settle(key planKey, c *cachedPlan, wf *plan.Workflow, size int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept[key] != c || c.bytes > 0 {
		return
	}
	if err != nil {
		delete(p.kept, key)
		return
	}
	c.bytes = size + wf.Memory()
	p.bytes += c.bytes
	// The closure held the source of the file; the plan is all that is needed.
	c.parse = func() (*plan.Workflow, error) { return wf, nil }
	for len(p.kept) > p.maxCount || p.bytes > p.maxBytes {
		p.evict()
	}
}

// evict forgets the plan that was not used for the longest time.
func (p *plans) evict() {
	var (
		oldest planKey
		found  *cachedPlan
	)
	for key, c := range p.kept {
		if found == nil || c.used < found.used {
			oldest, found = key, c
		}
	}
	delete(p.kept, oldest)
	p.bytes -= found.bytes
}
