package placement_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
)

func TestAJobOfMuchLowerPriorityGivesWay(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{Preempt: true, PreemptBy: 5}, 4)
	for i, of := range []struct {
		priority   int
		idempotent bool
	}{{0, true}, {1, true}, {0, true}, {-9, false}} {
		ask(t, y, placement.Request{
			Job: id(i), Priority: of.priority, GivesWay: of.idempotent, Resources: cores(1), QueuedAt: start,
		})
	}
	require.Equal(t, "1>w0 0>w0 2>w0 3>w0", placed(y))
	_, _, ok := y.Preempt(start.Add(minute))
	assert.False(t, ok, "nothing waits")
	urgent := placement.Request{Job: id(9), Priority: 6, Resources: cores(1), QueuedAt: start}
	ask(t, y, urgent)
	_, _, ok = y.Preempt(start.Add(minute/2 - 1))
	assert.False(t, ok, "it has not waited long enough")
	victim, of, ok := y.Preempt(start.Add(minute / 2))
	assert.True(t, ok)
	assert.Equal(t, placement.Assignment{Job: id(2), Worker: "w0"}, victim, "the last of the lowest that may")
	assert.Equal(t, id(9), of)
	require.True(t, y.Free("w0", id(2), start))
	_, _, ok = y.Preempt(start.Add(minute))
	assert.False(t, ok, "it has room now")
	assert.Equal(t, "9>w0", placed(y))
}

func TestNoJobGivesWayInVain(t *testing.T) {
	t.Parallel()

	held := placement.Request{Job: id(1), GivesWay: true, Resources: cores(1)}
	for name, of := range map[string]struct {
		config placement.Config
		ask    placement.Request
	}{
		"it is off":               {placement.Config{}, placement.Request{Priority: 9}},
		"no priority to speak of": {placement.Config{Preempt: true, PreemptBy: 2}, placement.Request{Priority: 1}},
		"equal priority":          {placement.Config{Preempt: true}, placement.Request{}},
		"it would not fit":        {placement.Config{Preempt: true}, placement.Request{Priority: 9, Resources: cores(3)}},
		"it could never run":      {placement.Config{Preempt: true}, placement.Request{Priority: 9, Labels: []string{"x"}}},
	} {
		y := machines(of.config, 3)
		y.Join(placement.Worker{ID: "w0", Slots: 2, Total: cores(3), State: worker.Available})
		require.True(t, y.Hold("w0", held))
		require.True(t, y.Hold("w0", placement.Request{Job: id(2), Resources: cores(1)}))
		of.ask.Job = id(9)
		ask(t, y, of.ask)
		_, _, ok := y.Preempt(start)
		assert.False(t, ok, name)
	}
}

// A place that is given up is not for who comes first, nor for the one that gave it up:
// it would have it again at once, since it has waited longer.
func TestThePlaceGivenUpIsForWhomItWasGivenUp(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{Preempt: true, PreemptBy: 5}, 1)
	old := placement.Request{Job: id(1), GivesWay: true, Resources: cores(1), QueuedAt: start.Add(-100 * minute)}
	ask(t, y, old)
	require.Equal(t, "1>w0", placed(y))
	ask(t, y, placement.Request{Job: id(2), Priority: 5, Resources: cores(1), QueuedAt: start.Add(-minute)})
	victim, of, ok := y.Preempt(start)
	require.True(t, ok)
	require.True(t, y.GiveWay(victim, of))
	_, _, ok = y.Preempt(start)
	assert.False(t, ok, "one is enough")
	assert.Contains(t, y.Why(id(2), start).String(),
		"job r.1 on worker w0, of lower priority, is being stopped: it gives way to this one")

	ask(t, y, placement.Request{Job: id(3), Priority: 9, Resources: cores(1), QueuedAt: start.Add(-200 * minute)})
	require.True(t, y.Free("w0", id(1), start))
	ask(t, y, old)
	require.Equal(t, "2>w0", placed(y))
	require.True(t, y.Free("w0", id(2), start))
	require.Equal(t, "3>w0", placed(y), "then everything is as it was")
}

func TestAPlaceThatIsNotNeededAnyMoreIsForAll(t *testing.T) {
	t.Parallel()

	for name, end := range map[string]func(y *placement.Yard){
		"it does not wait any more": func(y *placement.Yard) { y.Remove(id(2)) },
		"it was not given in time":  func(y *placement.Yard) { y.Forgo(id(2)); y.Forgo(id(2)) },
		"it has another": func(y *placement.Yard) {
			y.Join(placement.Worker{ID: "w9", Slots: 1, Total: cores(1), State: worker.Available})
			_, _ = y.Next(start)
		},
	} {
		y := machines(placement.Config{Preempt: true, PreemptBy: 5}, 1)
		ask(t, y, placement.Request{Job: id(1), GivesWay: true, Resources: cores(1), QueuedAt: start})
		require.Equal(t, "1>w0", placed(y))
		ask(t, y, placement.Request{Job: id(2), Priority: 5, Resources: cores(1), QueuedAt: start.Add(-minute)})
		victim, of, ok := y.Preempt(start)
		require.True(t, ok)
		require.False(t, y.GiveWay(placement.Assignment{Job: id(7), Worker: "w0"}, of), "nobody of that name")
		require.False(t, y.GiveWay(victim, id(7)), "it does not wait")
		require.True(t, y.GiveWay(victim, of))
		end(y)
		y.Remove(id(2))
		ask(t, y, placement.Request{Job: id(3), Resources: cores(1), QueuedAt: start})
		require.True(t, y.Free("w0", id(1), start))
		assert.Equal(t, "3>w0", placed(y), name)
	}
}

// Priority does not go beyond the share of a project, and who waits for other workers
// stands in nobody's way.
func TestWhoseTurnItIsComesBeforePriority(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		first placement.Request
		want  bool
	}{
		"another project has less and would fit":                {placement.Request{Resources: cores(1)}, false},
		"another project has less, and waits for other workers": {placement.Request{Labels: []string{"gpu"}}, true},
		"what another would get is too small for it":            {placement.Request{Resources: cores(2)}, true},
	} {
		y := machines(placement.Config{Preempt: true, PreemptBy: 5}, 2)
		y.Join(placement.Worker{ID: "g0", Labels: []string{"gpu"}, Slots: 1, Total: cores(1), State: worker.Available})
		require.True(t, y.Hold("g0", placement.Request{Job: id(20), Project: "gpus"}))
		for i := range 2 {
			require.True(t, y.Hold("w0", placement.Request{Job: id(i), Project: "a", GivesWay: true, Resources: cores(1)}))
		}
		c.first.Job, c.first.Project, c.first.QueuedAt = id(8), "b", start
		ask(t, y, c.first)
		ask(t, y, placement.Request{
			Job: id(9), Priority: 5, Project: "a", Resources: cores(1), QueuedAt: start.Add(-minute),
		})
		_, of, ok := y.Preempt(start)
		assert.Equal(t, c.want, ok, name)
		if c.want {
			assert.Equal(t, id(9), of, name)
		}
	}
}

// TestPreemptionEnds has jobs of any priority come, of which each gives way so many
// times only, and shows that every one of them gets to its end.
func TestPreemptionEnds(t *testing.T) {
	t.Parallel()

	const times = 3
	rapid.Check(t, func(t *rapid.T) {
		workers := rapid.IntRange(1, 3).Draw(t, "workers")
		y := placement.New(placement.Config{Limit: 1000, Preempt: true, PreemptBy: 2, PreemptAfter: time.Second})
		for i := range workers {
			y.Join(placement.Worker{ID: wid(i), Slots: 2, Total: cores(2), State: worker.Available})
		}
		left, gaveWay, on := map[job.ID]placement.Request{}, map[job.ID]int{}, map[job.ID]worker.ID{}
		now := start
		for i := range rapid.IntRange(1, 20).Draw(t, "jobs") {
			left[id(i)] = placement.Request{
				Job: id(i), Priority: rapid.IntRange(0, 9).Draw(t, "priority"), GivesWay: rapid.Bool().Draw(t, "gives way"),
				Resources: cores(int64(rapid.IntRange(0, 2).Draw(t, "cores"))), QueuedAt: now,
				Project: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "project"),
			}
		}
		waiting := slices.SortedFunc(maps.Keys(left), byIndex)
		for rounds := 0; len(left) > 0; rounds++ {
			if rounds > 1000 {
				t.Fatalf("%d jobs have not ended, after %v preemptions", len(left), gaveWay)
			}
			if len(waiting) > 0 { // they come one after the other
				if err := y.Push(left[waiting[0]]); err != nil {
					t.Fatal(err)
				}
				waiting = waiting[1:]
			}
			for a, ok := y.Next(now); ok; a, ok = y.Next(now) {
				on[a.Job] = a.Worker
			}
			now = now.Add(time.Second)
			if victim, of, ok := y.Preempt(now); ok {
				y.GiveWay(victim, of)
				y.Free(victim.Worker, victim.Job, now)
				delete(on, victim.Job)
				r := left[victim.Job]
				gaveWay[r.Job]++
				r.GivesWay = gaveWay[r.Job] < times
				left[r.Job] = r
				if err := y.Push(r); err != nil {
					t.Fatal(err)
				}
				a, placed := y.Next(now)
				if !placed || a.Job != of || a.Worker != victim.Worker {
					t.Fatalf("%v gave way to %v, and then %v is placed", victim, of, a)
				}
				on[a.Job] = a.Worker
				continue
			}
			// Nobody is preempted: somebody ends.
			if running := slices.SortedFunc(maps.Keys(on), byIndex); len(running) > 0 {
				of := running[0]
				y.Free(on[of], of, now)
				delete(on, of)
				delete(left, of)
			}
		}
	})
}
