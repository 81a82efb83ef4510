package actors

import (
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
)

// defaultPlanRoom is how many bytes of plans may be live unless an operator says
// otherwise: 100,000 small ones, each of its own, beside what their jobs take.
const defaultPlanRoom = 256 << 20

// livePlans counts the bytes of plans whose runs have not ended, and of requests that
// were admitted and are not stored yet: of each once, however many share it. Jobs may
// be few and plans large, so that a limit on jobs alone would not bound them.
type livePlans struct {
	by      map[*plan.Workflow]livePlan
	bytes   int64
	refused int64
}

type livePlan struct{ bytes, holders int64 }

// admits returns why a plan of so many bytes may not become live, or nil.
func (p *livePlans) admits(w *plan.Workflow, bytes, most int64) error {
	_, held := p.by[w]
	switch {
	case held: // it takes nothing more
	case bytes > most:
		return problem.New(problem.Invalid, "a plan of %d bytes is more than the server holds at all (%d): split it",
			bytes, most)
	case p.bytes+bytes > most:
		p.refused++
		return problem.RetryIn(problem.Exhausted, fullRetry,
			"the plans of runs that have not ended take %d bytes and %d may be taken, so one of %d more is refused",
			p.bytes, most, bytes)
	}
	return nil
}

// hold has one more hold a plan, whose bytes count with the first.
func (p *livePlans) hold(w *plan.Workflow, bytes int64) {
	of, held := p.by[w]
	if !held {
		if p.by == nil {
			p.by = map[*plan.Workflow]livePlan{}
		}
		of.bytes = bytes
		p.bytes += bytes
	}
	of.holders++
	p.by[w] = of
}

// drop has one less hold a plan. It does nothing about one that nobody holds: a run
// may end that a replay has counted already.
func (p *livePlans) drop(w *plan.Workflow) {
	of, held := p.by[w]
	if !held {
		return
	}
	if of.holders--; of.holders > 0 {
		p.by[w] = of
		return
	}
	p.bytes -= of.bytes
	delete(p.by, w)
}

// planBytes returns what a plan takes, which is worked out only if nobody holds it.
func (w *waiting) planBytes(of *plan.Workflow) int64 {
	w.mu.Lock()
	p, held := w.plans.by[of]
	w.mu.Unlock()
	if held {
		return p.bytes
	}
	return int64(of.Memory())
}

// holdPlan counts the plan of a run that lives.
func (w *waiting) holdPlan(of *plan.Workflow) {
	bytes := w.planBytes(of)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plans.hold(of, bytes)
}

// dropPlan counts the plan of a run that has ended no more.
func (w *waiting) dropPlan(of *plan.Workflow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plans.drop(of)
}

// PlanUse is how much the plans take of runs that have not ended.
type PlanUse struct {
	Size, InUse int64 // bytes that there may be, and are
	Refused     int64 // submissions
}

// PlanUse returns how much the plans take of runs that have not ended.
func (n *Node) PlanUse() PlanUse {
	w := &n.metrics.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	return PlanUse{Size: n.gatewayEnv.planRoom, InUse: w.plans.bytes, Refused: w.plans.refused}
}
