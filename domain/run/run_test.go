package run_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// cell returns a job that belongs to matrix group and needs others.
func cell(key string, group int, needs ...int) plan.Job {
	return plan.Job{Key: key, Group: group, Needs: needs}
}

func alone(key string, needs ...int) plan.Job { return cell(key, plan.NoGroup, needs...) }

func tolerant(j plan.Job) plan.Job {
	j.ContinueOnError = true
	return j
}

// on gives a job a condition, which holds says the truth of.
func on(condition string, asks bool, j plan.Job) plan.Job {
	j.If, j.AsksStatus = condition, asks
	return j
}

// verdicts are what the conditions of these tests come to.
func verdicts(r run.Run) func(uint32) (bool, error) {
	return func(i uint32) (bool, error) {
		switch r.Plan.Jobs[i].If {
		case "false":
			return false, nil
		case "broken":
			return false, errors.New("no such thing")
		case "failure()":
			return slices.Contains(r.Jobs, run.Failed) && !r.Cancelling, nil
		case "":
			return !slices.Contains(r.Jobs, run.Failed), nil
		}
		return true, nil
	}
}

func begin(groups []plan.Group, jobs ...plan.Job) run.Run {
	return run.New(run.Submission{
		ID: "01J", Plan: &plan.Workflow{Name: "ci", Jobs: jobs, Groups: groups}, Key: "k", Digest: [32]byte{1},
		Principal: "ann", At: epoch,
	})
}

// among says that only these jobs were released.
func among(released ...uint32) func(uint32) bool {
	return func(i uint32) bool {
		for _, r := range released {
			if r == i {
				return true
			}
		}
		return false
	}
}

type end struct {
	index uint32
	state job.State
	cause job.Cause
}

func after(r run.Run, ends ...end) run.Run {
	for _, e := range ends {
		r = r.JobEnded(e.index, e.state, e.cause, epoch.Add(time.Minute))
	}
	return r
}

func TestASubmissionBeginsARun(t *testing.T) {
	t.Parallel()

	r := begin(nil, alone("a"), alone("b", 0))
	assert.Equal(t, run.Run{
		ID: "01J", Plan: r.Plan, Key: "k", Digest: [32]byte{1}, Principal: "ann", Project: "default",
		State: job.Pending,
		Jobs:  []run.Status{run.Waiting, run.Waiting}, Left: 2, SubmittedAt: epoch,
	}, r)
	started := r.JobStarted()
	assert.Equal(t, job.Pending, r.State)
	assert.Equal(t, job.Running, started.State)
	assert.Equal(t, started, started.JobStarted())
}

func TestWhatARunAsksForNext(t *testing.T) {
	t.Parallel()

	failFast := []plan.Group{{FailFast: true}}
	two := []plan.Group{{MaxParallel: 2}}
	matrix := []plan.Job{cell("m (1)", 0), cell("m (2)", 0), cell("m (3)", 0), cell("m (4)", 0)}
	needy := "needs a, which did not succeed"
	tests := []struct {
		name     string
		run      run.Run
		released []uint32
		want     run.Next
	}{
		{
			name: "what needs nothing may start", run: begin(nil, alone("a"), alone("b", 0), alone("c")),
			want: run.Next{Release: []uint32{0, 2}},
		},
		{
			name: "what was released stays released", run: begin(nil, alone("a"), alone("b", 0)), released: []uint32{0},
			want: run.Next{Release: []uint32{0}},
		},
		{
			name: "success of all that is needed releases",
			run: after(begin(nil, alone("a"), alone("b"), alone("c", 0, 1)),
				end{0, job.Success, 0}, end{1, job.Success, 0}),
			want: run.Next{Release: []uint32{2}},
		},
		{
			name: "success of some that is needed does not",
			run:  after(begin(nil, alone("a"), alone("b"), alone("c", 0, 1)), end{0, job.Success, 0}), released: []uint32{1},
			want: run.Next{Release: []uint32{1}},
		},
		{
			name: "what needs a failure is skipped, one step at a time",
			run:  after(begin(nil, alone("a"), alone("b", 0), alone("c", 1)), end{0, job.Failed, 0}),
			want: run.Next{Skip: []run.Stop{{1, job.CauseNeeds, needy}}},
		},
		{
			name: "what needs something skipped is skipped",
			run: after(begin(nil, alone("x"), alone("a", 0), alone("c", 1)),
				end{0, job.Failed, 0}, end{1, job.Cancelled, job.CauseNeeds}),
			want: run.Next{Skip: []run.Stop{{2, job.CauseNeeds, needy}}},
		},
		{
			name: "a failure that is allowed releases",
			run:  after(begin(nil, tolerant(alone("a")), alone("b", 0)), end{0, job.Failed, 0}),
			want: run.Next{Release: []uint32{1}},
		},
		{
			name: "a failed cell stops its matrix, and nothing else", released: []uint32{0, 1},
			run: after(begin(failFast, cell("m (1)", 0), cell("m (2)", 0), cell("m (3)", 0), alone("z")),
				end{0, job.Failed, 0}),
			want: run.Next{
				Release: []uint32{3},
				Skip:    []run.Stop{{2, job.CauseFailFast, "another job of its matrix failed"}},
				Cancel:  []run.Stop{{1, job.CauseFailFast, "another job of its matrix failed"}},
			},
		},
		{
			name: "a cancelled cell does not stop its matrix",
			run:  after(begin(failFast, cell("m (1)", 0), cell("m (2)", 0)), end{0, job.Cancelled, job.CauseRequested}),
			want: run.Next{Release: []uint32{1}},
		},
		{
			name: "a cell that may fail does not stop its matrix",
			run:  after(begin(failFast, tolerant(cell("m (1)", 0)), cell("m (2)", 0)), end{0, job.Failed, 0}),
			want: run.Next{Release: []uint32{1}},
		},
		{
			name: "without fail-fast the others go on",
			run:  after(begin([]plan.Group{{}}, cell("m (1)", 0), cell("m (2)", 0)), end{0, job.Failed, 0}),
			want: run.Next{Release: []uint32{1}},
		},
		{
			name: "a matrix starts as many as it may", run: begin(two, matrix...),
			want: run.Next{Release: []uint32{0, 1}},
		},
		{
			name: "those released count, wherever they stand", run: begin(two, matrix...), released: []uint32{3},
			want: run.Next{Release: []uint32{0, 3}},
		},
		{
			name: "an end makes room", run: after(begin(two, matrix...), end{0, job.Success, 0}), released: []uint32{0, 1},
			want: run.Next{Release: []uint32{1, 2}},
		},
		{
			name: "a cancel stops everything", released: []uint32{0},
			run: begin(nil, alone("a"), alone("b", 0)).Evolve(run.CancelRequested{By: "bob", Reason: "enough"}),
			want: run.Next{
				Cancel: []run.Stop{{0, job.CauseRequested, "enough"}},
				Skip:   []run.Stop{{1, job.CauseRequested, "enough"}},
			},
		},
		{
			name: "a condition that is false skips", run: begin(nil, on("false", false, alone("a"))),
			want: run.Next{Skip: []run.Stop{{0, job.CauseCondition, "its condition is false: false"}}},
		},
		{
			name: "a condition waits for what the job needs", released: []uint32{0},
			run:  begin(nil, alone("a"), on("false", false, alone("b", 0)), on("always()", true, alone("c", 0))),
			want: run.Next{Release: []uint32{0}},
		},
		{
			name: "a condition that cannot be evaluated fails", run: begin(nil, on("broken", false, alone("a"))),
			want: run.Next{Skip: []run.Stop{
				{0, job.CauseExpression, "its condition cannot be evaluated: no such thing"},
			}},
		},
		{
			name: "what asks for a failure follows one",
			run: after(begin(nil, alone("a"), on("failure()", true, alone("b", 0)), on("true", false, alone("c", 0))),
				end{0, job.Failed, 0}),
			want: run.Next{Release: []uint32{1}, Skip: []run.Stop{{2, job.CauseNeeds, needy}}},
		},
		{
			name: "what follows a failure does not hide it",
			run: after(begin(nil, alone("a"), on("always()", true, alone("b", 0)), alone("c", 1)),
				end{0, job.Failed, 0}, end{1, job.Success, 0}),
			want: run.Next{Skip: []run.Stop{{2, job.CauseNeeds, "a job before those that it needs did not succeed"}}},
		},
		{
			name: "a cancel leaves what always runs", released: []uint32{0},
			run: begin(nil, on("always()", true, alone("a")), on("failure()", true, alone("b")),
				on("always()", true, alone("c", 0)), alone("d")).Evolve(run.CancelRequested{By: "bob", Reason: "enough"}),
			want: run.Next{
				Release: []uint32{0},
				Skip:    []run.Stop{{1, job.CauseRequested, "enough"}, {3, job.CauseRequested, "enough"}},
			},
		},
		{
			name: "a cancel stops what is released and does not hold any more", released: []uint32{1},
			run: after(begin(nil, alone("a"), on("failure()", true, alone("b", 0))), end{0, job.Failed, 0}).
				Evolve(run.CancelRequested{By: "bob", Reason: "enough"}),
			want: run.Next{Cancel: []run.Stop{{1, job.CauseRequested, "enough"}}},
		},
		{
			name: "a run that has ended asks for nothing", run: after(begin(nil, alone("a")), end{0, job.Failed, 0}),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.run.Next(run.View{Released: among(tt.released...), Holds: verdicts(tt.run)}))
		})
	}
}

func TestARunThatIsHeldStartsNothing(t *testing.T) {
	t.Parallel()

	r := begin(nil, alone("a"), on("false", false, alone("b")), on("always()", true, alone("c")), alone("d", 0))
	v := run.View{Released: among(), Holds: verdicts(r), Held: true}
	assert.Equal(t, run.Next{}, r.Next(v))
	r = r.Evolve(run.CancelRequested{Reason: "enough"})
	var all []run.Stop
	for i := range uint32(4) {
		all = append(all, run.Stop{Index: i, Cause: job.CauseRequested, Reason: "enough"})
	}
	assert.Equal(t, run.Next{Skip: all}, r.Next(v), "what always runs would have to wait, too")
}

func TestALongConditionIsNotShownWhole(t *testing.T) {
	t.Parallel()

	r := begin(nil, on(strings.Repeat("é", 101)+"x", false, alone("a")))
	n := r.Next(run.View{Released: among(), Holds: func(uint32) (bool, error) { return false, nil }})
	assert.Equal(t, "its condition is false: "+strings.Repeat("é", 100)+"…", n.Skip[0].Reason)
	r = begin(nil, on("x"+strings.Repeat("é", 101), false, alone("a")))
	n = r.Next(run.View{Released: among(), Holds: func(uint32) (bool, error) { return false, nil }})
	assert.Equal(t, "its condition is false: x"+strings.Repeat("é", 99)+"…", n.Skip[0].Reason)
}

func TestHowARunEnds(t *testing.T) {
	t.Parallel()

	three := func() run.Run { return begin(nil, alone("a"), alone("b"), tolerant(alone("c"))) }
	cancelled := func() run.Run { return three().Evolve(run.CancelRequested{Reason: "enough"}) }
	tests := []struct {
		name string
		run  run.Run
		ends []end
		want job.State
	}{
		{
			"when all succeed it succeeds", three(),
			[]end{{0, job.Success, 0}, {1, job.Success, 0}, {2, job.Success, 0}},
			job.Success,
		},
		{
			"a failure that is allowed is no failure", three(),
			[]end{{2, job.Failed, 0}, {0, job.Success, 0}, {1, job.Success, 0}},
			job.Success,
		},
		{
			"one failure fails it", three(),
			[]end{{1, job.Failed, 0}, {0, job.Success, 0}, {2, job.Success, 0}},
			job.Failed,
		},
		{
			"a failure outweighs a cancelled job", three(),
			[]end{{0, job.Cancelled, job.CauseRequested}, {1, job.Failed, 0}, {2, job.Success, 0}},
			job.Failed,
		},
		{
			"a cancelled job cancels it", three(),
			[]end{{0, job.Cancelled, job.CauseRequested}, {1, job.Success, 0}, {2, job.Success, 0}},
			job.Cancelled,
		},
		{
			"what fails while it is cancelled does not fail it", cancelled(),
			[]end{{0, job.Failed, 0}, {1, job.Success, 0}, {2, job.Success, 0}},
			job.Cancelled,
		},
		{
			"what is cancelled after everything succeeded has succeeded", cancelled(),
			[]end{{0, job.Success, 0}, {1, job.Success, 0}, {2, job.Success, 0}},
			job.Success,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			last := len(tt.ends) - 1
			r := after(tt.run.JobStarted(), tt.ends[:last]...)
			assert.Equal(t, job.Running, r.State)
			assert.Equal(t, 1, r.Left)
			r = after(r, tt.ends[last])
			assert.Equal(t, tt.want, r.State)
			assert.Equal(t, epoch.Add(time.Minute), r.EndedAt)
			assert.Zero(t, r.Left)
			assert.False(t, r.Cancelling)
		})
	}
}

func TestAFailureThatIsAllowedIsCounted(t *testing.T) {
	t.Parallel()

	r := after(begin(nil, tolerant(alone("a")), alone("b")), end{0, job.Failed, 0}, end{1, job.Failed, 0})
	assert.Equal(t, 1, r.Tolerated)
	assert.Equal(t, []run.Status{run.Succeeded, run.Failed}, r.Jobs)
}

func TestWhatIsNoEndChangesNothing(t *testing.T) {
	t.Parallel()

	r := after(begin(nil, alone("a"), alone("b")), end{0, job.Success, 0})
	for _, e := range []end{{0, job.Failed, 0}, {2, job.Success, 0}, {1, job.Running, 0}, {1, job.Unknown, 0}} {
		assert.Equal(t, r, after(r, e), "%+v", e)
	}
}

func TestARunIsCancelledOnce(t *testing.T) {
	t.Parallel()

	r := begin(nil, alone("a"))
	e, err := r.Cancel("bob", "enough")
	require.NoError(t, err)
	require.Equal(t, &run.CancelRequested{By: "bob", Reason: "enough"}, e)
	asked := r.Evolve(*e)
	assert.True(t, asked.Cancelling)
	assert.False(t, r.Cancelling)
	assert.Equal(t, "enough", asked.Reason)

	ended := after(asked, end{0, job.Cancelled, job.CauseRequested})
	for _, again := range []run.Run{asked, ended} {
		e, err = again.Cancel("eve", "more")
		require.NoError(t, err)
		assert.Nil(t, e)
	}
}

func TestARunThatHasEndedIsNotCancelled(t *testing.T) {
	t.Parallel()

	for _, state := range []job.State{job.Success, job.Failed} {
		r := after(begin(nil, alone("a")), end{0, state, 0})
		e, err := r.Cancel("bob", "enough")
		var invalid *job.InvalidStateTransition
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, &job.InvalidStateTransition{Job: job.ID{Run: "01J"}, From: state, To: job.Cancelled}, invalid)
		assert.Nil(t, e)
	}
}

func TestAJobSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()

	r := after(begin(nil, alone("a"), alone("b"), alone("c", 0, 1)), end{0, job.Success, 0})
	assert.Equal(t, []string{"b"}, r.WaitsFor(2))
	assert.Empty(t, r.WaitsFor(1))
}
