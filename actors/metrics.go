package actors

import (
	"sync/atomic"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
)

// Metrics counts what happens on a node. Package observe shows it; the gateway
// reads from it how much waits. Set its functions before the node starts.
type Metrics struct {
	pending, running         atomic.Int64
	success, failed, stopped atomic.Int64
	refused, preempted       atomic.Int64
	waiting                  waiting
	unreachable              atomic.Int64
	assignments              *Assignments

	// QueueWait is told how long a job waited for its first attempt.
	QueueWait func(time.Duration)
	// Assigned is told how long it took from an assignment to the beginning of the
	// attempt on its worker, by the wall clocks of both.
	Assigned func(time.Duration)
	// EndToEnd is told how long a job took from the submission of its run.
	EndToEnd func(time.Duration)
}

// NewMetrics returns metrics that nobody is told of.
func NewMetrics() *Metrics {
	nobody := func(time.Duration) {}
	return &Metrics{assignments: NewAssignments(), QueueWait: nobody, Assigned: nobody, EndToEnd: nobody}
}

// Jobs returns how many jobs wait or run, and how many have ended in each state
// since the node started.
func (m *Metrics) Jobs() map[job.State]int64 {
	return map[job.State]int64{
		job.Pending: m.pending.Load(), job.Running: m.running.Load(), job.Success: m.success.Load(),
		job.Failed: m.failed.Load(), job.Cancelled: m.stopped.Load(),
	}
}

// Refused returns how many reports came under a stale token.
func (m *Metrics) Refused() int64 { return m.refused.Load() }

// Preempted returns how many attempts were ended for the sake of other jobs since the
// node started.
func (m *Metrics) Preempted() int64 { return m.preempted.Load() }

// Unreachable returns how many workers were given up after nothing was heard of
// them, although they had not said that they would leave.
func (m *Metrics) Unreachable() int64 { return m.unreachable.Load() }

// Assignments shows which attempts workers have.
func (m *Metrics) Assignments() *Assignments { return m.assignments }

func (m *Metrics) of(s job.State) *atomic.Int64 {
	switch s {
	case job.Pending:
		return &m.pending
	case job.Running:
		return &m.running
	case job.Success:
		return &m.success
	case job.Failed:
		return &m.failed
	case job.Cancelled:
		return &m.stopped
	case job.Unknown:
	}
	return new(atomic.Int64)
}

// submitted counts the jobs of a new run, less those that it takes over.
func (m *Metrics) submitted(e *ledger.Entry) {
	if !e.Run.State.Final() {
		m.waiting.holdPlan(e.Run.Plan)
	}
	m.pending.Add(int64(e.Run.Left))
	m.waiting.add(e.Run.Project, int64(e.Run.Left))
}

// runEnded counts the end of a run.
func (m *Metrics) runEnded(e *ledger.Entry) { m.waiting.dropPlan(e.Run.Plan) }

// jobChanged counts a change of a job, of a run of project that was submitted at
// submitted.
func (m *Metrics) jobChanged(project string, before, after *job.Job, submitted time.Time) {
	m.waiting.add(project, waits(after)-waits(before))
	m.assignments.changed(before, after)
	if after.Preempted() > before.Preempted() {
		m.preempted.Add(1)
	}
	if before.State == after.State {
		return
	}
	m.of(before.State).Add(-1)
	m.of(after.State).Add(1)
	switch {
	case after.State == job.Running:
		m.QueueWait(after.StartedAt.Sub(submitted))
	case after.State.Final():
		m.EndToEnd(after.EndedAt.Sub(submitted))
		if n := len(after.Attempts); n > 0 && !after.Attempts[n-1].Result.StartedAt.IsZero() {
			m.Assigned(after.Attempts[n-1].Result.StartedAt.Sub(after.Attempts[n-1].AssignedAt))
		}
	}
}

// waits returns 1 for a job that waits for a worker, or will, and else 0.
func waits(j *job.Job) int64 {
	if j.Queued() {
		return 1
	}
	return 0
}

func (m *Metrics) reportRefused() { m.refused.Add(1) }

// replayed counts what lives in a partition's ledger, instead of what lived in
// the one before, nil at first.
func (m *Metrics) replayed(before, after *ledger.Ledger) {
	m.count(before, -1)
	m.count(after, 1)
	m.assignments.replayed(before, after)
}

func (m *Metrics) count(l *ledger.Ledger, sign int64) {
	if l == nil {
		return
	}
	for e := range l.Live() {
		if sign > 0 {
			m.waiting.holdPlan(e.Run.Plan)
		} else {
			m.waiting.dropPlan(e.Run.Plan)
		}
		n := int64(0)
		for _, j := range e.Jobs {
			if !j.State.Final() {
				m.of(j.State).Add(sign)
				n += waits(j)
			}
		}
		m.waiting.add(e.Run.Project, sign*n)
	}
}
