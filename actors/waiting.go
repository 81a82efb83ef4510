package actors

import (
	"sync"
	"time"

	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
)

var errNobodyWaits = problem.New(problem.Unavailable, "nobody waits for the answer any more")

// waiting counts the jobs of each project that wait for a worker, from their
// submission to their assignment and again after an attempt that was not the last,
// and beside them the jobs of requests that were admitted and are not stored yet.
// It remembers the projects alone that have such jobs. It also counts the plans of
// runs that have not ended. Its zero value is ready.
type waiting struct {
	mu       sync.Mutex
	by       map[string]projectWait
	promised int64 // of all projects
	plans    livePlans
}

type projectWait struct{ jobs, promised int64 }

// add counts n more jobs of a project that wait, or fewer.
func (w *waiting) add(project string, n int64) {
	if n == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change(project, n, 0)
}

func (w *waiting) change(project string, jobs, promised int64) {
	p := w.by[project]
	p.jobs += jobs
	p.promised += promised
	w.promised += promised
	if p == (projectWait{}) {
		delete(w.by, project)
		return
	}
	if w.by == nil {
		w.by = map[string]projectWait{}
	}
	w.by[project] = p
}

// fullRetry is when one who finds the queue full may come back.
const fullRetry = time.Second

// room is what a request was promised of the queue, until its runs are counted or
// nobody waits for them any more.
type room struct {
	project       string
	jobs          int64
	plan          *plan.Workflow
	planBytes     int64
	entered, left bool
}

// limits are what waiting jobs are held to. A project's limit of 0 is none.
type limits struct {
	pending, all int64 // jobs of all projects that are PENDING, and may be
	project      int64
	plans        int64 // bytes of plans that are live
}

// enter promises room for the jobs of r, or says which limit is in the way and how
// far it is reached.
func (w *waiting) enter(r *room, l limits) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.by[r.project]
	here := p.jobs + p.promised
	switch pending := l.pending + w.promised; {
	case r.left:
		return errNobodyWaits
	case r.jobs > l.all:
		return problem.New(problem.Invalid, "%d jobs are more than the queue takes at all (%d)", r.jobs, l.all)
	case l.project > 0 && r.jobs > l.project:
		return problem.New(problem.Invalid, "%d jobs are more than project %s may have waiting at all (%d)",
			r.jobs, r.project, l.project)
	case pending+r.jobs > l.all:
		return problem.RetryIn(problem.Exhausted, fullRetry,
			"the queue is full: %d jobs wait and %d may, so %d more are refused", pending, l.all, r.jobs)
	case l.project > 0 && here+r.jobs > l.project:
		return problem.RetryIn(problem.Exhausted, fullRetry,
			"project %s has its share of the queue: %d of its jobs wait and %d may, so %d more are refused",
			r.project, here, l.project, r.jobs)
	}
	if err := w.plans.admits(r.plan, r.planBytes, l.plans); err != nil {
		return err
	}
	r.entered = true
	w.plans.hold(r.plan, r.planBytes)
	w.change(r.project, 0, r.jobs)
	return nil
}

// leave gives the room back. It may be called again, and before the room was
// entered: then it never is.
func (w *waiting) leave(r *room) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.entered && !r.left {
		w.change(r.project, 0, -r.jobs)
		w.plans.drop(r.plan)
	}
	r.left = true
}
