package placement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/worker"
)

// by returns a config with limits for projects.
func by(limits map[string]project.Limits) placement.Config {
	return placement.Config{Limit: 100_000, Projects: project.Set{By: limits}}
}

func pushFor(t testing.TB, y *placement.Yard, name string, from, n int) {
	t.Helper()
	for i := range n {
		ask(t, y, placement.Request{Job: id(from + i), Project: name, QueuedAt: start.Add(time.Duration(from + i))})
	}
}

func TestProjectsShareByWeight(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"web": {Weight: 3}}))
	pushFor(t, y, "app", 0, 100)
	pushFor(t, y, "web", 100, 100)
	worksAt(y, "w", 12, worker.Available)
	held := map[bool]int{}
	for range 12 {
		a, _ := y.Next(start)
		held[a.Job.Index >= 100]++
	}
	assert.Equal(t, map[bool]int{false: 3, true: 9}, held)
	require.True(t, y.Free("w", id(100), start))
	assert.Equal(t, "109>w", next(y), "a slot goes to who has too few")
}

func TestTheOldestJobGoesFirstBetweenEqualShares(t *testing.T) {
	t.Parallel()

	y := placement.New(by(nil))
	pushFor(t, y, "a", 1, 2)
	pushFor(t, y, "b", 0, 1)
	worksAt(y, "w", 3, worker.Available)
	assert.Equal(t, "0>w 1>w 2>w", placed(y))
}

// TestSharesAreKeptWhileJobsComeAndGo is the promise over time: who always has jobs
// gets, to within one slot, what its weight gives it.
func TestSharesAreKeptWhileJobsComeAndGo(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(0.5, 4), 2, 4).Draw(t, "weights")
		limits, sum := map[string]project.Limits{}, 0.0
		for i, w := range weights {
			limits[fmt.Sprint(i)] = project.Limits{Weight: w}
			sum += w
		}
		y := placement.New(by(limits))
		slots := rapid.IntRange(1, 40).Draw(t, "slots")
		y.Join(placement.Worker{ID: "w", Slots: slots, State: worker.Available})
		for i := range 400 {
			r := placement.Request{Job: id(i), Project: fmt.Sprint(i % len(weights))}
			if err := y.Push(r); err != nil {
				t.Fatal(err)
			}
		}
		held := map[string]int{}
		var running []placement.Assignment
		place := func() {
			for a, ok := y.Next(start); ok; a, ok = y.Next(start) {
				running = append(running, a)
				held[fmt.Sprint(int(a.Job.Index)%len(weights))]++
			}
		}
		place()
		for range rapid.IntRange(0, 40).Draw(t, "ends") {
			i := rapid.IntRange(0, len(running)-1).Draw(t, "end")
			y.Free("w", running[i].Job, start)
			held[fmt.Sprint(int(running[i].Job.Index)%len(weights))]--
			running = append(running[:i], running[i+1:]...)
			place()
		}
		for i, w := range weights {
			fair := float64(slots) * w / sum
			if got := float64(held[fmt.Sprint(i)]); got > fair+float64(len(weights)) || got < fair-float64(len(weights)) {
				t.Fatalf("project %d of %v holds %v of %d", i, weights, got, slots)
			}
		}
	})
}

func TestAProjectAtItsLimitHoldsUpNoOther(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"web": {Running: 2, Weight: 100}}))
	pushFor(t, y, "web", 0, 4)
	pushFor(t, y, "app", 4, 4)
	worksAt(y, "w", 5, worker.Available)
	assert.Equal(t, "0>w 4>w 1>w 5>w 6>w", placed(y), "two of web at most")
	require.True(t, y.Free("w", id(0), start))
	assert.Equal(t, "2>w", placed(y))
	require.True(t, y.Free("w", id(4), start))
	assert.Equal(t, "7>w", placed(y))
	require.True(t, y.Hold("w", placement.Request{Job: id(50), Project: "web"}), "what runs, runs")
	require.True(t, y.Free("w", id(1), start))
	require.True(t, y.Free("w", id(5), start))
	assert.Empty(t, placed(y), "it has two again")
	require.True(t, y.Free("w", id(50), start))
	assert.Equal(t, "3>w", placed(y))
}

func TestStartsAreSpacedOut(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"web": {StartsPerSecond: 4}}))
	worksAt(y, "w", 100, worker.Available)
	_, waits := y.NextAt(start)
	assert.False(t, waits, "nothing waits")
	pushFor(t, y, "web", 0, 10)
	assert.Equal(t, "0>w 1>w 2>w 3>w", placed(y), "as many at once as a second has")
	pushFor(t, y, "app", 10, 1)
	assert.Equal(t, "10>w", placed(y), "others need not wait")
	at, waits := y.NextAt(start)
	require.True(t, waits)
	assert.Equal(t, start.Add(250*time.Millisecond), at)
	_, ok := y.Next(at.Add(-1))
	assert.False(t, ok)
	a, _ := y.Next(at)
	assert.Equal(t, id(4), a.Job)
	at, _ = y.NextAt(start.Add(time.Hour))
	assert.Equal(t, start.Add(time.Hour), at, "that is long over")
	n := 0
	for _, ok := y.Next(at); ok; _, ok = y.Next(at) {
		n++
	}
	assert.Equal(t, 4, n, "no more is saved up")
	at, _ = y.NextAt(at)
	_, ok = y.Next(at)
	assert.True(t, ok)
	_, waits = y.NextAt(at)
	assert.False(t, waits, "none of it waits")
}

func TestASlowPaceAllowsOneAtOnce(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"web": {StartsPerSecond: 0.5}}))
	worksAt(y, "w", 100, worker.Available)
	pushFor(t, y, "web", 0, 2)
	assert.Equal(t, "0>w", placed(y))
	at, _ := y.NextAt(start)
	assert.Equal(t, start.Add(2*time.Second), at)
}

// TestAPaceIsRememberedWhileAProjectHasNoJobs says that limits cannot be got round by
// pushing one job after the other.
func TestAPaceIsRememberedWhileAProjectHasNoJobs(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"web": {StartsPerSecond: 1}}))
	worksAt(y, "w", 100, worker.Available)
	pushFor(t, y, "web", 0, 1)
	require.Equal(t, "0>w", placed(y))
	require.True(t, y.Free("w", id(0), start))
	assert.Zero(t, y.WaitingOf("web"))
	pushFor(t, y, "web", 1, 1)
	assert.Empty(t, placed(y))
	assert.Equal(t, 1, y.WaitingOf("web"))
	at, waits := y.NextAt(start)
	assert.True(t, waits)
	assert.Equal(t, start.Add(time.Second), at)
}

func TestProjectsWithoutJobsAreForgottenInTheEnd(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 10, Projects: project.Set{Others: project.Limits{StartsPerSecond: 1}}})
	worksAt(y, "w", 1, worker.Available)
	run := func(name string, now time.Time) bool {
		ask(t, y, placement.Request{Job: id(1), Project: name})
		a, ok := y.Next(now)
		if ok {
			y.Free(a.Worker, a.Job, now)
			return true
		}
		y.Remove(id(1))
		return false
	}
	require.True(t, run("first", start))
	require.False(t, run("first", start))
	for i := range 5000 {
		require.True(t, run(fmt.Sprint(i), start.Add(time.Duration(i)*time.Millisecond)))
	}
	assert.True(t, run("first", start.Add(time.Hour)))
	for i := range 2048 {
		require.True(t, run(fmt.Sprint("x", i), start.Add(time.Hour)))
	}
	assert.True(t, run("first", start.Add(time.Hour)), "there are limits to what is remembered")
}
