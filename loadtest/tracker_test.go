package loadtest_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"yardmaster/loadtest"
	"yardmaster/messages"
)

const (
	running   = messages.JobState_JOB_STATE_RUNNING
	success   = messages.JobState_JOB_STATE_SUCCESS
	failed    = messages.JobState_JOB_STATE_FAILED
	cancelled = messages.JobState_JOB_STATE_CANCELLED
)

func submitted(ids ...string) (runs []*messages.SubmittedRun) {
	for _, id := range ids {
		runs = append(runs, &messages.SubmittedRun{RunId: id})
	}
	return runs
}

func runEnd(id string, state messages.JobState) *messages.RunChange {
	return &messages.RunChange{RunId: id, OfRun: true, State: state}
}

// TestATrackerCountsInAnyOrder tells a tracker of answers and ends in any order,
// some ends twice, and expects it to be done exactly when all is known.
func TestATrackerCountsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "runs")
		tracker := loadtest.NewTracker(n, time.Now())
		var steps []func()
		for i := range n {
			id := strconv.Itoa(i)
			steps = append(steps,
				func() { tracker.Acknowledge(submitted(id), 10, 20) },
				func() { tracker.Change(30, runEnd(id, running), runEnd(id, success)) })
		}
		steps = append(steps, tracker.Seal)
		for _, step := range rapid.Permutation(steps).Draw(t, "order") {
			step()
			if rapid.Bool().Draw(t, "again") {
				tracker.Change(40, runEnd("0", success))
			}
		}
		if !tracker.Done() {
			t.Fatal("not done")
		}
		r := tracker.Outcome(true)
		if c := r.Counts; c.Acknowledged != n || c.Finished != n || c.Succeeded != n || len(r.Faults) > 0 {
			t.Fatalf("%+v %v", c, r.Faults)
		}
	})
}

func TestATrackerIsNotDoneTooSoon(t *testing.T) {
	t.Parallel()
	tracker := loadtest.NewTracker(2, time.Now())
	tracker.Acknowledge(submitted("a", "b"), 1, 2)
	tracker.Change(3, runEnd("a", success))
	tracker.Seal()
	assert.False(t, tracker.Done(), "b has not ended")
	tracker.Change(4, &messages.RunChange{RunId: "b", State: success})
	assert.False(t, tracker.Done(), "a job's end is not the run's")
	tracker.Change(4, runEnd("stranger", success))
	assert.False(t, tracker.Done(), "a stranger does not count")
	tracker.Change(5, runEnd("b", success))
	assert.True(t, tracker.Done())

	open := loadtest.NewTracker(2, time.Now())
	open.Acknowledge(submitted("a"), 1, 2)
	open.Change(3, runEnd("a", success))
	assert.False(t, open.Done(), "more will be submitted")
}

func TestWhatIsWrongIsAFault(t *testing.T) {
	t.Parallel()
	base := time.Now()
	tests := []struct {
		name  string
		tell  func(loadtest.Tracker)
		alone bool
		want  []string
	}{
		{"a run that never ended is lost", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
		}, true, []string{"1 runs were acknowledged and did not end"}},
		{"a run that failed is not SUCCESS", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
			tr.Change(3, runEnd("a", failed))
		}, true, []string{"1 runs ended, but not as SUCCESS"}},
		{"what was not submitted is missing", func(loadtest.Tracker) {}, true, []string{"1 runs were never submitted"}},
		{"an ID that answers twice is a duplicate", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a", "a"), 1, 2)
			tr.Change(3, runEnd("a", success))
		}, true, []string{"1 runs were started twice"}},
		{"a run nobody asked for is a duplicate when we are alone", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
			tr.Change(3, runEnd("a", success), runEnd("b", success))
		}, true, []string{"1 runs were started twice"}},
		{"and a stranger when we are not", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
			tr.Change(3, runEnd("a", success), runEnd("b", success))
		}, false, nil},
		{"an end that only a list had was not told", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
			tr.List(listedRun("a", base, success))
		}, true, []string{"the watch never told of 1 ends, nor that it had dropped any; ListRuns had them"}},
		{"a list that was only quicker is no fault", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
			tr.List(listedRun("a", base, success))
			tr.Change(9, runEnd("a", success))
		}, true, nil},
		{"a list tells nothing of runs under way, or from before", func(tr loadtest.Tracker) {
			tr.Acknowledge(submitted("a"), 1, 2)
			tr.List(listedRun("a", base, running), listedRun("old", base.Add(-2*time.Hour), success))
		}, true, []string{"1 runs were acknowledged and did not end"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker := loadtest.NewTracker(1, base)
			tt.tell(tracker)
			assert.Equal(t, tt.want, tracker.Outcome(tt.alone).Faults)
		})
	}
}

func listedRun(id string, base time.Time, state messages.JobState) *messages.Run {
	return &messages.Run{
		RunId: id, State: state, SubmittedAt: timestamppb.New(base.Add(time.Second)),
		EndedAt: timestamppb.New(base.Add(time.Minute)),
	}
}

func TestLatenciesComeFromEachRun(t *testing.T) {
	t.Parallel()
	base := time.Now()
	tracker := loadtest.NewTracker(1, base)
	ms := int64(time.Millisecond)
	tracker.Acknowledge(submitted("a"), 10*ms, 12*ms)
	tracker.Change(20*ms, &messages.RunChange{
		RunId: "a", State: success, Attempt: 2, AttemptStartedAt: timestamppb.New(base.Add(15 * time.Millisecond)),
	}, runEnd("a", success))
	r := tracker.Outcome(true)
	got := map[string]float64{}
	for _, l := range r.Latencies {
		got[l.Name] = l.Max
	}
	assert.InDeltaMapValues(t, map[string]float64{"ack": 2, "start": 5, "finish": 10}, got, 0.02)
	assert.Equal(t, 1, r.Counts.Restarted)
	assert.InDelta(t, 100, r.Load.Finished, 0.1)
	assert.InDelta(t, 500, r.Load.Acknowledged, 0.1)
}
