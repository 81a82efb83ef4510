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
	"yardmaster/domain/run"
)

// grouped returns a workflow of one job in a concurrency group.
func grouped(c plan.Concurrency) *plan.Workflow {
	w := workflow(1)
	w.Concurrency = c
	return w
}

func TestOneRunOfAGroupGoesOnAtATime(t *testing.T) {
	t.Parallel()

	l := ledger.New(10, pack)
	keep := grouped(plan.Concurrency{Group: "deploy", KeepAll: true})
	begin := func(id run.ID, project string, w *plan.Workflow) *run.Run {
		return submit(t, l, run.Submission{ID: id, Plan: w, Project: project, At: epoch}).Run
	}
	a, b, c := begin("a", "web", keep), begin("b", "web", keep), begin("c", "web", keep)
	other, free := begin("o", "app", keep), begin("f", "web", workflow(1))
	for r, want := range map[*run.Run]run.ID{a: "", b: "a", c: "a", other: "", free: ""} {
		assert.Equal(t, want, l.WaitsFor(r), r.ID)
		assert.Empty(t, l.Superseded(r), r.ID)
	}
	assert.Empty(t, l.TakeNext())
	endJob(t, l, job.ID{Run: "b"}, job.Cancelled, job.CauseRequested)
	assert.Empty(t, l.TakeNext(), "one that waited has gone")
	endJob(t, l, job.ID{Run: "a"}, job.Success, job.CauseNone)
	assert.Equal(t, []run.ID{"c"}, l.TakeNext())
	assert.Empty(t, l.TakeNext())
	assert.Empty(t, l.WaitsFor(c))
	endJob(t, l, job.ID{Run: "c"}, job.Success, job.CauseNone)
	assert.Empty(t, l.TakeNext())
	assert.Empty(t, l.WaitsFor(a), "it has ended")
	require.Empty(t, l.WaitsFor(begin("d", "web", keep)))
}

func TestWhoHasToEndForTheNewestOfAGroup(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		newest plan.Concurrency
		want   []run.ID
	}{
		"those that wait":    {plan.Concurrency{Group: "g"}, []run.ID{"b", "c"}},
		"nobody":             {plan.Concurrency{Group: "g", KeepAll: true}, nil},
		"everybody":          {plan.Concurrency{Group: "g", CancelInProgress: true}, []run.ID{"a", "b", "c"}},
		"of another group":   {plan.Concurrency{Group: "h", CancelInProgress: true}, nil},
		"everybody, kept or": {plan.Concurrency{Group: "g", CancelInProgress: true, KeepAll: true}, []run.ID{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := ledger.New(10, pack)
			for _, id := range []run.ID{"a", "b", "c"} {
				submit(t, l, run.Submission{ID: id, Plan: grouped(plan.Concurrency{Group: "g", KeepAll: true}), At: epoch})
			}
			newest := submit(t, l, run.Submission{ID: "d", Plan: grouped(tt.newest), At: epoch})
			assert.Equal(t, tt.want, l.Superseded(newest.Run))
			before, _ := l.Entry("c")
			assert.Empty(t, l.Superseded(before.Run), "only the newest has a say")
		})
	}
}

// TestTheTurnsOfAGroup takes runs of some groups to their ends, with restores in
// between: always one of each group goes on, the oldest that is left.
func TestTheTurnsOfAGroup(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		l := ledger.New(100, pack)
		queues := map[string][]run.ID{}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			g := rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group")
			switch rapid.SampledFrom([]string{"submit", "submit", "end", "restore"}).Draw(t, "what") {
			case "submit": // an ID that does not sort, as after a clock went back
				id := run.ID(strconv.Itoa(1000 - step))
				_, err := l.Submit(run.Submission{
					ID: id, Plan: grouped(plan.Concurrency{Group: g, KeepAll: true}), At: epoch.Add(time.Duration(step)),
				})
				require.NoError(t, err)
				queues[g] = append(queues[g], id)
			case "end":
				if len(queues[g]) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(queues[g])-1).Draw(t, "which")
				endJob(t, l, job.ID{Run: queues[g][i]}, job.Cancelled, job.CauseRequested)
				queues[g] = slices.Delete(queues[g], i, i+1)
				next := l.TakeNext()
				if i == 0 && len(queues[g]) > 0 {
					require.Equal(t, []run.ID{queues[g][0]}, next)
				} else {
					require.Empty(t, next)
				}
			case "restore":
				again := ledger.New(100, pack)
				for e := range l.Live() {
					again.Restore(e)
				}
				l = again
			}
			for _, queue := range queues {
				for i, id := range queue {
					e, ok := l.Entry(id)
					require.True(t, ok)
					want := queue[0]
					if i == 0 {
						want = ""
					}
					require.Equal(t, want, l.WaitsFor(e.Run))
				}
			}
		}
	})
}
