package run

import (
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

// Next is what the state of a run asks for. Every part is safe to repeat.
type Next struct {
	// Release are the jobs that may be queued now, those released before included.
	Release []uint32
	// Skip are the jobs that can never start, with the reason why.
	Skip []Stop
	// Cancel are the released jobs that must stop.
	Cancel []Stop
}

// Stop is a job that shall not go on, and why.
type Stop struct {
	Index  uint32
	Cause  job.Cause
	Reason string
}

// View is what Next asks about the jobs of a run.
type View struct {
	// Released says which of the jobs were released before: those are stopped through
	// their owner, others are skipped.
	Released func(index uint32) bool
	// Holds evaluates the condition of a job whose needs have ended. It is asked for jobs
	// that have one, and for all jobs of a run in which one may follow a failure.
	Holds func(index uint32) (bool, error)
	// Held says that another run of its concurrency group goes before this one: nothing
	// of it may start.
	Held bool
}

// Next returns what the run asks for now.
func (r *Run) Next(v View) Next {
	var n Next
	if r.State.Final() || v.Held && !r.Cancelling {
		return n
	}
	d := decision{Run: r, View: v, broken: r.brokenGroups(), lenient: r.lenient()}
	d.parallel = make([]int, len(r.Plan.Groups))
	for i := range r.Jobs {
		if g := r.Plan.Jobs[i].Group; g >= 0 && r.Jobs[i] == Waiting && v.Released(uint32(i)) {
			d.parallel[g]++
		}
	}
	for i, s := range r.Jobs {
		if s != Waiting {
			continue
		}
		was := v.Released(uint32(i))
		stop, doomed := d.doomed(i, was)
		switch {
		case doomed && was:
			n.Cancel = append(n.Cancel, stop)
		case doomed:
			n.Skip = append(n.Skip, stop)
		case was || d.mayStart(i):
			n.Release = append(n.Release, uint32(i))
		}
	}
	return n
}

// brokenGroups marks each matrix that a failed cell has stopped.
func (r *Run) brokenGroups() []bool {
	broken := make([]bool, len(r.Plan.Groups))
	for i, s := range r.Jobs {
		if g := r.Plan.Jobs[i].Group; g >= 0 && s == Failed && r.Plan.Groups[g].FailFast {
			broken[g] = true
		}
	}
	return broken
}

// lenient reports whether a job of the run may start though one that it needs failed.
// Then a need that succeeded says nothing of those behind it.
func (r *Run) lenient() bool {
	for i := range r.Plan.Jobs {
		if r.Plan.Jobs[i].AsksStatus {
			return true
		}
	}
	return false
}

// decision is one call of Next under way.
type decision struct {
	*Run
	View
	broken   []bool // by group
	lenient  bool
	parallel []int // by group, the jobs that are released and have not ended
}

// doomed says whether and why the job at i must not go on.
func (d *decision) doomed(i int, released bool) (Stop, bool) {
	index, spec := uint32(i), &d.Plan.Jobs[i]
	if spec.Group >= 0 && d.broken[spec.Group] {
		return Stop{index, job.CauseFailFast, "another job of its matrix failed"}, true
	}
	if !spec.AsksStatus || d.Held {
		if stop, doomed := d.doomedWithOthers(i); doomed || released {
			return stop, doomed
		}
	}
	if released && !d.Cancelling || !d.ready(i) {
		return Stop{}, false
	}
	return d.judge(index, spec)
}

// doomedWithOthers is doomed for a job that starts only after success.
func (d *decision) doomedWithOthers(i int) (Stop, bool) {
	index := uint32(i)
	if d.Cancelling {
		return Stop{index, job.CauseRequested, d.Reason}, true
	}
	for _, need := range d.Plan.Jobs[i].Needs {
		switch d.Jobs[need] {
		case Failed, Cancelled, Skipped:
			return Stop{index, job.CauseNeeds, "needs " + d.Plan.Jobs[need].Key + ", which did not succeed"}, true
		case Waiting, Succeeded:
		}
	}
	return Stop{}, false
}

// ready reports whether all that the job at i needs has ended.
func (d *decision) ready(i int) bool {
	for _, need := range d.Plan.Jobs[i].Needs {
		if d.Jobs[need] == Waiting {
			return false
		}
	}
	return true
}

// judge is doomed as far as the job's condition says so.
func (d *decision) judge(index uint32, spec *plan.Job) (Stop, bool) {
	if spec.If == "" && !d.lenient {
		return Stop{}, false
	}
	holds, err := d.Holds(index)
	switch {
	case err != nil:
		return Stop{index, job.CauseExpression, "its condition cannot be evaluated: " + err.Error()}, true
	case holds:
		return Stop{}, false
	case d.Cancelling:
		return Stop{index, job.CauseRequested, d.Reason}, true
	case spec.If == "":
		return Stop{index, job.CauseNeeds, "a job before those that it needs did not succeed"}, true
	}
	return Stop{index, job.CauseCondition, "its condition is false: " + clip(spec.If)}, true
}

// maxShown bounds the text of a condition that is shown, in bytes.
const maxShown = 200

// clip cuts a text at a character, and shows that it did.
func clip(text string) string {
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for end > 0 && text[end]&0xc0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}

// mayStart reports whether an unreleased job that is not doomed may be released, and
// counts it.
func (d *decision) mayStart(i int) bool {
	spec := &d.Plan.Jobs[i]
	if !d.ready(i) {
		return false
	}
	if spec.Group < 0 {
		return true
	}
	if limit := d.Plan.Groups[spec.Group].MaxParallel; limit > 0 && d.parallel[spec.Group] >= limit {
		return false
	}
	d.parallel[spec.Group]++
	return true
}

// WaitsFor returns the keys of the unfinished jobs that the job at index needs.
func (r *Run) WaitsFor(index uint32) []string {
	var keys []string
	for _, need := range r.Plan.Jobs[index].Needs {
		if r.Jobs[need] == Waiting {
			keys = append(keys, r.Plan.Jobs[need].Key)
		}
	}
	return keys
}
