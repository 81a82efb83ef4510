package ledger_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
)

// endJob ends a job of a run in any way, after an attempt unless it is cancelled.
func endJob(tb require.TestingT, l *ledger.Ledger, id job.ID, s job.State, c job.Cause) {
	if s != job.Cancelled {
		require.NoError(tb, l.JobEvent(id, job.Assigned{Token: 1, Worker: "w", At: epoch}, epoch))
	}
	require.NoError(tb, l.JobEvent(id, job.Ended{State: s, Cause: c, Token: 1, At: epoch}, epoch))
}

func TestARunTakesOverWhatSucceededInAnother(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	w := workflow(3)
	first := submit(t, l, run.Submission{ID: "r1", Plan: w, At: epoch})
	_, err := first.Again(false)
	require.ErrorIs(t, err, ledger.ErrGoesOn)
	_, err = first.Again(true)
	require.ErrorIs(t, err, ledger.ErrGoesOn)
	outputs := []plan.Var{{Name: "tag", Value: "v1"}}
	require.NoError(t, l.JobEvent(job.ID{Run: "r1"}, job.Assigned{Token: 1, Worker: "w", At: epoch}, epoch))
	require.NoError(t, l.JobEvent(job.ID{Run: "r1"}, job.Ended{
		State: job.Success, Token: 1, At: epoch, Result: job.Result{Outcome: job.OutcomeSucceeded, Outputs: outputs},
	}, epoch))
	endJob(t, l, job.ID{Run: "r1", Index: 1}, job.Failed, job.CauseNone)
	endJob(t, l, job.ID{Run: "r1", Index: 2}, job.Cancelled, job.CauseNeeds)

	reused, err := first.Again(false)
	require.NoError(t, err)
	assert.Empty(t, reused, "all of it again")
	reused, err = first.Again(true)
	require.NoError(t, err)
	assert.Equal(t, []run.Reuse{{Index: 0, Outputs: outputs}}, reused)

	at := epoch.Add(time.Hour)
	again := submit(t, l, run.Submission{
		ID: "r2", Plan: w, At: at, Project: "web", Key: "k", RetryOf: "r1", Reused: reused,
	})
	assert.Equal(t, job.Pending, again.Run.State)
	assert.Equal(t, run.ID("r1"), again.Run.RetryOf)
	assert.Equal(t, []run.Status{run.Succeeded, run.Waiting, run.Waiting}, again.Run.Jobs)
	assert.Equal(t, job.Job{
		ID: job.ID{Run: "r2"}, Spec: &w.Jobs[0], State: job.Success, EndedAt: at, Reason: "taken over from run r1",
		Taken: outputs,
	}, *again.Jobs[0])
	assert.True(t, again.Jobs[0].TakenOver())
	assert.False(t, again.Jobs[1].TakenOver())
	assert.Equal(t, outputs, again.Jobs[0].Outputs())
	assert.True(t, again.TakesOver())
	assert.False(t, first.TakesOver())
	assert.Equal(t, []uint32{1}, again.Run.Next(run.View{Released: again.Released}).Release)
	use, ok := l.Key(run.Key{Project: "web", Name: "k"})
	require.True(t, ok)
	assert.Equal(t, run.Purpose([32]byte{}, "r1", true), use.Purpose)
}

// What ran because another failed is no result to be kept once that is tried again.
func TestWhatFollowedAFailureIsTriedAgainWithIt(t *testing.T) {
	t.Parallel()

	l, w := ledger.New(10, pack), workflow(5)
	w.Jobs[1].Needs, w.Jobs[2].Needs, w.Jobs[3].Needs = []int{0}, []int{1}, nil
	w.Jobs[1].If, w.Jobs[1].AsksStatus = "failure()", true
	e := submit(t, l, run.Submission{ID: "r1", Plan: w, At: epoch})
	for i, how := range []job.State{job.Failed, job.Success, job.Success, job.Success, job.Cancelled} {
		endJob(t, l, job.ID{Run: "r1", Index: uint32(i)}, how, job.CauseCondition)
	}
	reused, err := e.Again(true)
	require.NoError(t, err)
	assert.Equal(t, []run.Reuse{{Index: 3}}, reused, "4 was skipped, and may be again")

	skipped := submit(t, l, run.Submission{ID: "r2", Plan: workflow(2), At: epoch})
	endJob(t, l, job.ID{Run: "r2"}, job.Success, job.CauseNone)
	endJob(t, l, job.ID{Run: "r2", Index: 1}, job.Cancelled, job.CauseCondition)
	_, err = skipped.Again(true)
	require.ErrorIs(t, err, ledger.ErrNothingFailed)
}

func TestARunWithoutAFailureHasNothingToTryAgain(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, submission("r1", 2))
	finish(t, l, "r1", 2, epoch)
	_, err := e.Again(true)
	require.ErrorIs(t, err, ledger.ErrNothingFailed)
	_, err = e.Again(false)
	require.NoError(t, err, "the whole of it may run again")
}

// No gateway asks for it, but a history that has it must be readable.
func TestARunThatTakesOverEveryJobHasEnded(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	e := submit(t, l, run.Submission{
		ID: "r2", Plan: workflow(2), At: epoch, RetryOf: "r1", Reused: []run.Reuse{{Index: 1}, {}, {Index: 1}},
	})
	assert.Equal(t, job.Success, e.Run.State)
	live, ended := l.Counts()
	assert.Equal(t, []int{0, 1}, []int{live, ended})
}

func TestAJobThatIsNotThereCannotBeTakenOver(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	_, err := l.Submit(run.Submission{
		ID: "r2", Plan: workflow(2), At: epoch, RetryOf: "r1", Reused: []run.Reuse{{Index: 2}},
	})
	require.ErrorIs(t, err, ledger.ErrUnknownJob)
	assert.False(t, l.Has("r2"))
}

func TestProjectsShareNoKeys(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	for i, name := range []string{"", "web", "api"} {
		s := keyed(run.ID("r"+strconv.Itoa(i)), "k", epoch)
		s.Project = name
		submit(t, l, s)
	}
	for i, name := range []string{project.Default, "web", "api"} {
		use, ok := l.Key(run.Key{Project: name, Name: "k"})
		require.True(t, ok, name)
		assert.Equal(t, run.ID("r"+strconv.Itoa(i)), use.Run)
	}
	_, ok := l.Key(run.Key{Project: "other", Name: "k"})
	assert.False(t, ok)
	late := submission("r9", 1)
	late.At = epoch.Add(ledger.KeyLife + 1)
	submit(t, l, late)
	assert.Empty(t, keysOf(l), "each of them is forgotten")
}

// anyGraph returns jobs that need earlier ones, in matrices or not, some of which
// may fail without harm.
func anyGraph() *rapid.Generator[*plan.Workflow] {
	return rapid.Custom(func(t *rapid.T) *plan.Workflow {
		w := &plan.Workflow{Name: "ci", Groups: []plan.Group{
			{FailFast: true, MaxParallel: rapid.IntRange(0, 2).Draw(t, "max-parallel")}, {},
		}}
		for i := range rapid.IntRange(1, 10).Draw(t, "jobs") {
			j := plan.Job{
				Key: strconv.Itoa(i), Name: strconv.Itoa(i), Timeout: time.Hour, Executor: plan.ExecutorNoop,
				Group:           rapid.IntRange(plan.NoGroup, 1).Draw(t, "group"),
				ContinueOnError: rapid.IntRange(0, 3).Draw(t, "tolerant") == 0,
			}
			for need := range i {
				if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
					j.Needs = append(j.Needs, need)
				}
			}
			w.Jobs = append(w.Jobs, j)
		}
		return w
	})
}

// toItsEnd does what a run asks for, ends what it released in any way, and returns
// the jobs that began. ends decides; with nil all succeed.
func toItsEnd(t *rapid.T, l *ledger.Ledger, e *ledger.Entry, ends func() job.State) (begun []uint32) {
	id := e.Run.ID
	for step := 0; !e.Run.State.Final(); step++ {
		if step > 4*len(e.Jobs) {
			t.Fatalf("the run does not end: %+v", e.Run)
		}
		n := e.Run.Next(run.View{Released: e.Released})
		for _, stop := range slices.Concat(n.Skip, n.Cancel) {
			endJob(t, l, job.ID{Run: id, Index: stop.Index}, job.Cancelled, stop.Cause)
		}
		if len(n.Skip)+len(n.Cancel) > 0 {
			continue
		}
		for _, i := range n.Release {
			e.Release(i)
		}
		i := n.Release[0]
		begun = append(begun, i)
		state := job.Success
		if ends != nil {
			state = ends()
		}
		endJob(t, l, job.ID{Run: id, Index: i}, state, job.CauseRequested)
	}
	return begun
}

// depends reports whether a job needs one that did not succeed, be it by way of others.
func depends(e *ledger.Entry, i int) bool {
	return slices.ContainsFunc(e.Run.Plan.Jobs[i].Needs, func(need int) bool {
		return e.Jobs[need].State != job.Success || depends(e, need)
	})
}

// TestWhatSucceededIsRunAgainOnlyAfterWhatIs takes any run to any end, and tries what did
// not succeed of it again and again, each time from the run before.
func TestWhatSucceededIsRunAgainOnlyAfterWhatIs(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		l, w := ledger.New(100, pack), anyGraph().Draw(t, "plan")
		anyhow := func() job.State {
			return rapid.SampledFrom([]job.State{job.Success, job.Failed, job.Cancelled}).Draw(t, "end")
		}
		e, err := l.Submit(run.Submission{ID: "r0", Plan: w, At: epoch})
		require.NoError(t, err)
		toItsEnd(t, l, e, anyhow)
		for n := 1; ; n++ {
			reused, err := e.Again(true)
			if err != nil {
				require.ErrorIs(t, err, ledger.ErrNothingFailed)
				return
			}
			before := e
			e, err = l.Submit(run.Submission{
				ID: run.ID("r" + strconv.Itoa(n)), Plan: w, At: epoch, RetryOf: before.Run.ID, Reused: reused,
			})
			require.NoError(t, err)
			ends := anyhow
			if n == 4 { // the cause is mended at last
				ends = nil
			}
			for _, i := range toItsEnd(t, l, e, ends) {
				if before.Jobs[i].State == job.Success && !depends(before, int(i)) {
					t.Fatalf("job %d, which succeeded in %s, was run again", i, before.Run.ID)
				}
			}
			for i, j := range before.Jobs {
				if over := j.State == job.Success && !depends(before, i); over != e.Jobs[i].TakenOver() {
					t.Fatalf("job %d, which was %s in %s: taken over or not", i, j.State, before.Run.ID)
				}
			}
			if ends == nil && e.Run.State != job.Success {
				t.Fatalf("all that was run succeeded, and the run is %s", e.Run.State)
			}
		}
	})
}
