package run_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
)

// anyPlan returns a graph without cycles, its jobs in any order.
func anyPlan() *rapid.Generator[*plan.Workflow] {
	return rapid.Custom(func(t *rapid.T) *plan.Workflow {
		n := rapid.IntRange(1, 12).Draw(t, "jobs")
		place := rapid.Permutation(upTo(n)).Draw(t, "places")
		w := &plan.Workflow{Name: "ci", Jobs: make([]plan.Job, n)}
		for range rapid.IntRange(0, 3).Draw(t, "groups") {
			w.Groups = append(w.Groups, plan.Group{
				FailFast: rapid.Bool().Draw(t, "fail-fast"), MaxParallel: rapid.IntRange(0, 3).Draw(t, "max-parallel"),
			})
		}
		for i := range n {
			j := plan.Job{
				Key:             "j" + strconv.Itoa(place[i]),
				ContinueOnError: rapid.IntRange(0, 4).Draw(t, "tolerant") == 0,
				Group:           rapid.IntRange(plan.NoGroup, len(w.Groups)-1).Draw(t, "group"),
				If:              rapid.SampledFrom(conditions).Draw(t, "if"),
			}
			j.AsksStatus = strings.HasSuffix(j.If, "()")
			for k := range i {
				if rapid.IntRange(0, 3).Draw(t, "need") == 0 {
					j.Needs = append(j.Needs, place[k])
				}
			}
			w.Jobs[place[i]] = j
		}
		return w
	})
}

// conditions are those that an anyPlan may have, most often none.
var conditions = []string{"", "", "", "", "true", "false", "broken", "always()", "failure()", "cancelled()"}

// holds evaluates the condition of a job, whose needs must have ended.
func (c *course) holds(t *rapid.T, index uint32) (bool, error) {
	failed, others := false, false
	for _, i := range c.ancestors(int(index)) {
		failed = failed || c.r.Jobs[i] == run.Failed
		others = others || c.r.Jobs[i] == run.Cancelled || c.r.Jobs[i] == run.Skipped
	}
	for _, need := range c.r.Plan.Jobs[index].Needs {
		if c.r.Jobs[need] == run.Waiting {
			t.Fatalf("the condition of job %d is asked for while job %d goes on", index, need)
		}
	}
	success := !failed && !others && !c.r.Cancelling
	switch c.r.Plan.Jobs[index].If {
	case "", "true":
		return success, nil
	case "broken":
		return false, errors.New("broken")
	case "always()":
		return true, nil
	case "failure()":
		return failed && !c.r.Cancelling, nil
	case "cancelled()":
		return c.r.Cancelling, nil
	}
	return false, nil
}

// ancestors returns what a job needs, and what that needs.
func (c *course) ancestors(index int) (all []int) {
	for _, need := range c.r.Plan.Jobs[index].Needs {
		if !slices.Contains(all, need) {
			all = append(all, need)
			for _, i := range c.ancestors(need) {
				if !slices.Contains(all, i) {
					all = append(all, i)
				}
			}
		}
	}
	return all
}

func (c *course) next(t *rapid.T) run.Next {
	return c.r.Next(run.View{
		Released: func(i uint32) bool { return c.released[i] },
		Holds:    func(i uint32) (bool, error) { return c.holds(t, i) },
	})
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// course is a run on its way, as its owner would take it.
type course struct {
	r         run.Run
	released  map[uint32]bool
	stopped   map[uint32]run.Stop // asked to stop while released
	ends      []end
	cancelled bool
}

// TestRunInvariants takes any run to its end, in any order that its needs allow,
// with failures, losses of what was released, and a cancel at any moment.
func TestRunInvariants(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		w := anyPlan().Draw(t, "plan")
		c := &course{
			r:        run.New(run.Submission{ID: "01J", Plan: w, At: epoch}),
			released: map[uint32]bool{}, stopped: map[uint32]run.Stop{},
		}
		cancelAt := rapid.IntRange(-8, 12).Draw(t, "cancel at")
		for step := 0; !c.r.State.Final(); step++ {
			if step > 3*len(w.Jobs) {
				t.Fatalf("the run does not end: %+v", c.r)
			}
			if step == cancelAt {
				c.cancel(t)
			}
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				c.forget(t)
			}
			c.follow(t)
			c.endOne(t)
		}
		checkVerdict(t, c)
		checkOrder(t, c)
	})
}

func (c *course) cancel(t *rapid.T) {
	e, err := c.r.Cancel("bob", "enough")
	if err != nil || (e == nil) != c.cancelled {
		t.Fatalf("cancel of a run that goes on: %v, %v", e, err)
	}
	c.r, c.cancelled = c.r.Evolve(*e), true
	if again, err := c.r.Cancel("bob", "enough"); again != nil || err != nil {
		t.Fatalf("a second cancel: %v, %v", again, err)
	}
}

// forget is a restart: what was released and not assigned may be chosen anew.
func (c *course) forget(t *rapid.T) {
	for i := range uint32(len(c.r.Jobs)) {
		if _, asked := c.stopped[i]; c.released[i] && !asked && rapid.Bool().Draw(t, "still pending") {
			delete(c.released, i)
		}
	}
}

// follow does what Next asks for, until it asks for nothing new.
func (c *course) follow(t *rapid.T) {
	for {
		n := c.next(t)
		c.checkNext(t, n)
		for _, i := range n.Release {
			c.released[i] = true
		}
		for _, s := range n.Cancel {
			c.stopped[s.Index] = s
		}
		c.checkGroups(t)
		again := c.next(t)
		if !slices.Equal(n.Release, again.Release) || !slices.Equal(n.Skip, again.Skip) ||
			!slices.Equal(n.Cancel, again.Cancel) {
			t.Fatalf("asked for %+v, then for %+v", n, again)
		}
		if len(n.Skip) == 0 {
			return
		}
		for _, s := range n.Skip {
			e := end{s.Index, job.Cancelled, s.Cause}
			if s.Cause == job.CauseExpression {
				e.state = job.Failed
			}
			c.end(t, e)
		}
	}
}

// checkNext holds every wish against what may be wished.
func (c *course) checkNext(t *rapid.T, n run.Next) {
	seen := map[uint32]bool{}
	once := func(i uint32) {
		if seen[i] || c.r.Jobs[i] != run.Waiting {
			t.Fatalf("job %d, which is %d, twice or for nothing in %+v", i, c.r.Jobs[i], n)
		}
		seen[i] = true
	}
	for _, i := range n.Release {
		once(i)
		for _, need := range c.r.Plan.Jobs[i].Needs {
			status, asks := c.r.Jobs[need], c.r.Plan.Jobs[i].AsksStatus
			if status == run.Waiting || status != run.Succeeded && !asks {
				t.Fatalf("job %d is released while job %d, which it needs, is %d", i, need, status)
			}
		}
		if holds, err := c.holds(t, i); !c.released[i] && (!holds || err != nil) {
			t.Fatalf("job %d is released although its condition is false", i)
		}
		if c.cancelled && !c.r.Plan.Jobs[i].AsksStatus {
			t.Fatalf("job %d is released although the run is cancelled", i)
		}
	}
	for _, s := range n.Skip {
		once(s.Index)
		c.checkStop(t, s)
		if c.released[s.Index] {
			t.Fatalf("job %d is skipped although it was released", s.Index)
		}
	}
	for _, s := range n.Cancel {
		once(s.Index)
		c.checkStop(t, s)
		if !c.released[s.Index] {
			t.Fatalf("job %d is cancelled although it never was released", s.Index)
		}
	}
	if len(seen) == 0 && !c.r.State.Final() {
		t.Fatalf("the run asks for nothing and has not ended: %+v", c.r)
	}
}

// checkStop finds the reason of a stop in the state.
func (c *course) checkStop(t *rapid.T, s run.Stop) {
	spec, good := c.r.Plan.Jobs[s.Index], false
	switch s.Cause {
	case job.CauseRequested:
		good = c.cancelled && s.Reason == "enough"
	case job.CauseNeeds:
		for _, need := range spec.Needs {
			status := c.r.Jobs[need]
			good = good || status > run.Succeeded && strings.Contains(s.Reason, c.r.Plan.Jobs[need].Key+",")
		}
		good = good || strings.HasPrefix(s.Reason, "a job before") && slices.ContainsFunc(c.ancestors(int(s.Index)),
			func(i int) bool { return c.r.Jobs[i] > run.Succeeded })
	case job.CauseFailFast:
		for i, other := range c.r.Plan.Jobs {
			good = good || other.Group == spec.Group && c.r.Jobs[i] == run.Failed && c.r.Plan.Groups[spec.Group].FailFast
		}
	case job.CauseCondition:
		holds, _ := c.holds(t, s.Index)
		good = !holds && spec.If != "" && strings.HasSuffix(s.Reason, spec.If)
	case job.CauseExpression:
		good = spec.If == "broken"
	case job.CauseNone, job.CauseExpired, job.CausePoison:
	}
	if !good {
		t.Fatalf("no reason for %+v in %+v", s, c.r)
	}
}

func (c *course) checkGroups(t *rapid.T) {
	open := make([]int, len(c.r.Plan.Groups))
	for i := range c.r.Jobs {
		if g := c.r.Plan.Jobs[i].Group; g >= 0 && c.released[uint32(i)] && c.r.Jobs[i] == run.Waiting {
			open[g]++
		}
	}
	for g, n := range open {
		if limit := c.r.Plan.Groups[g].MaxParallel; limit > 0 && n > limit {
			t.Fatalf("%d cells of matrix %d at once, at most %d", n, g, limit)
		}
	}
}

// endOne ends any job that was released, as it may end by itself or because it
// was asked to.
func (c *course) endOne(t *rapid.T) {
	var open []uint32
	for i := range uint32(len(c.r.Jobs)) {
		if c.released[i] && c.r.Jobs[i] == run.Waiting {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return
	}
	e := end{index: rapid.SampledFrom(open).Draw(t, "who ends")}
	e.state = rapid.SampledFrom([]job.State{job.Success, job.Success, job.Failed, job.Cancelled}).Draw(t, "how")
	if e.state == job.Cancelled {
		e.cause = job.CauseRequested
		if stop, asked := c.stopped[e.index]; asked {
			e.cause = stop.Cause
		}
	}
	c.end(t, e)
}

// end folds an end, and what doubles of it a network may bring.
func (c *course) end(t *rapid.T, e end) {
	before, jobs := c.r, slices.Clone(c.r.Jobs)
	c.ends = append(c.ends, e)
	c.r = c.r.JobEnded(e.index, e.state, e.cause, epoch.Add(time.Duration(len(c.ends))*time.Second))
	if !slices.Equal(before.Jobs, jobs) || before.Left != c.r.Left+1 {
		t.Fatalf("%+v became %+v, or changed", before, c.r)
	}
	again := c.r.JobEnded(e.index, job.Success, job.CauseNone, epoch)
	if !slices.Equal(again.Jobs, c.r.Jobs) || again.State != c.r.State || again.Left != c.r.Left {
		t.Fatalf("the end of %d counted twice", e.index)
	}
	if c.r.State.Final() != (c.r.Left == 0) {
		t.Fatalf("%s with %d left", c.r.State, c.r.Left)
	}
}

// checkVerdict says in its own words how the run should have ended.
func checkVerdict(t *rapid.T, c *course) {
	want := job.Success
	failed, stopped := slices.Contains(c.r.Jobs, run.Failed), slices.Contains(c.r.Jobs, run.Cancelled)
	switch {
	case failed && !c.cancelled:
		want = job.Failed
	case failed || stopped:
		want = job.Cancelled
	}
	if c.r.State != want || c.r.EndedAt.IsZero() || c.r.Cancelling {
		t.Fatalf("%s, not %s: %+v", c.r.State, want, c.r)
	}
}

// checkOrder folds the same ends in another order.
func checkOrder(t *rapid.T, c *course) {
	r := run.New(run.Submission{ID: "01J", Plan: c.r.Plan, At: epoch})
	if c.cancelled {
		r = r.Evolve(run.CancelRequested{Reason: "enough"})
	}
	for _, e := range rapid.Permutation(c.ends).Draw(t, "another order") {
		r = r.JobEnded(e.index, e.state, e.cause, epoch)
	}
	if r.State != c.r.State || !slices.Equal(r.Jobs, c.r.Jobs) || r.Tolerated != c.r.Tolerated || r.Reason != c.r.Reason {
		t.Fatalf("in another order it is\n%+v, not\n%+v", r, c.r)
	}
}
