package run

import "yardmaster/domain/job"

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

// Next returns what the run asks for now. released says which of the jobs were
// released before: those are stopped through their owner, others are skipped.
func (r *Run) Next(released func(index uint32) bool) Next {
	var n Next
	if r.State.Final() {
		return n
	}
	broken := r.brokenGroups()
	parallel := make([]int, len(r.Plan.Groups))
	for i := range r.Jobs {
		if g := r.Plan.Jobs[i].Group; g >= 0 && r.Jobs[i] == Waiting && released(uint32(i)) {
			parallel[g]++
		}
	}
	for i, s := range r.Jobs {
		if s != Waiting {
			continue
		}
		index, was := uint32(i), released(uint32(i))
		stop, doomed := r.doomed(i, broken)
		switch {
		case doomed && was:
			n.Cancel = append(n.Cancel, stop)
		case doomed:
			n.Skip = append(n.Skip, stop)
		case was || r.mayStart(i, parallel):
			n.Release = append(n.Release, index)
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

// doomed says whether and why the job at i must not go on.
func (r *Run) doomed(i int, broken []bool) (Stop, bool) {
	index, spec := uint32(i), &r.Plan.Jobs[i]
	if r.Cancelling {
		return Stop{index, job.CauseRequested, r.Reason}, true
	}
	for _, need := range spec.Needs {
		switch r.Jobs[need] {
		case Failed, Cancelled, Skipped:
			return Stop{index, job.CauseNeeds, "needs " + r.Plan.Jobs[need].Key + ", which did not succeed"}, true
		case Waiting, Succeeded:
		}
	}
	if spec.Group >= 0 && broken[spec.Group] {
		return Stop{index, job.CauseFailFast, "another job of its matrix failed"}, true
	}
	return Stop{}, false
}

// mayStart reports whether an unreleased job may be released, and counts it.
func (r *Run) mayStart(i int, parallel []int) bool {
	spec := &r.Plan.Jobs[i]
	for _, need := range spec.Needs {
		if r.Jobs[need] != Succeeded {
			return false
		}
	}
	if spec.Group < 0 {
		return true
	}
	if limit := r.Plan.Groups[spec.Group].MaxParallel; limit > 0 && parallel[spec.Group] >= limit {
		return false
	}
	parallel[spec.Group]++
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
