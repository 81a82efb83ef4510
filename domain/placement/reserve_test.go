package placement_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/worker"
)

func nextAfter(y *placement.Yard, after time.Duration) string {
	a, ok := y.Next(start.Add(after))
	if !ok {
		return ""
	}
	return string(a.Worker) + "<" + a.Job.String()
}

// large asks for n cores, and has waited since the start.
func large(i int, n int64) placement.Request {
	return placement.Request{Job: id(i), Resources: cores(n), QueuedAt: start}
}

// crowded returns a yard with one worker of 4 cores, two of them taken by job 100,
// where a job that needs three waits, and one that needs one behind it.
func crowded(t *testing.T) *placement.Yard {
	t.Helper()
	y := machines(placement.Config{}, 4)
	require.True(t, y.Hold("w0", placement.Request{Job: id(100), Resources: cores(2)}))
	ask(t, y, large(1, 3))
	for i := 2; i < 6; i++ {
		r := large(i, 1)
		r.QueuedAt = start.Add(time.Duration(i))
		ask(t, y, r)
	}
	return y
}

func TestAJobIsOvertakenOnlyForSomeTime(t *testing.T) {
	t.Parallel()

	y := crowded(t)
	assert.Equal(t, "w0<r.2", nextAfter(y, 29*time.Second))
	assert.Equal(t, "w0<r.3", nextAfter(y, 29*time.Second))
	require.True(t, y.Free("w0", id(2), start))
	assert.Equal(t, "w0<r.4", nextAfter(y, 30*time.Second), "there will be room for both")
	assert.Equal(t, worker.ID("w0"), y.Why(id(1), start).Reserved)
	require.True(t, y.Free("w0", id(3), start))
	assert.Empty(t, nextAfter(y, 30*time.Second), "but not for a second one beside it")
	require.True(t, y.Free("w0", id(100), start))
	assert.Equal(t, "w0<r.1", nextAfter(y, 30*time.Second))
	assert.Empty(t, nextAfter(y, 30*time.Second), "it is full")
	require.True(t, y.Free("w0", id(4), start))
	assert.Equal(t, "w0<r.5", nextAfter(y, 30*time.Second), "nothing is kept free any more")
}

func TestWhatIsDueBeforeMayUseAWorkerThatIsKeptFree(t *testing.T) {
	t.Parallel()

	y := crowded(t)
	require.Equal(t, "w0<r.2", nextAfter(y, minute))
	require.Empty(t, nextAfter(y, minute))
	urgent := large(50, 1)
	urgent.Priority = 10
	ask(t, y, urgent)
	assert.Equal(t, "w0<r.50", nextAfter(y, minute))
	assert.Empty(t, nextAfter(y, minute))
	require.True(t, y.Free("w0", id(100), start))
	assert.Empty(t, nextAfter(y, minute), "three cores would be there but for the urgent one")
	require.True(t, y.Free("w0", id(50), start))
	assert.Equal(t, "w0<r.1", nextAfter(y, minute))
}

// TestWhatIsDueLaterGetsNothingThroughWhatIsDueBefore has the two ask for the same: the
// one that may have the worker is at a limit, and the other may not.
func TestWhatIsDueLaterGetsNothingThroughWhatIsDueBefore(t *testing.T) {
	t.Parallel()

	y := machines(by(map[string]project.Limits{"web": {Running: 1}}), 4)
	worksAt(y, "w9", 1, worker.Draining)
	require.True(t, y.Hold("w9", placement.Request{Job: id(99), Project: "web"}))
	require.True(t, y.Hold("w0", placement.Request{Job: id(100), Resources: cores(2)}))
	ask(t, y, large(1, 3))
	ask(t, y, placement.Request{Job: id(2), Resources: cores(1), QueuedAt: start.Add(1)})
	require.Equal(t, "w0<r.2", nextAfter(y, minute))
	urgent := placement.Request{Job: id(50), Project: "web", Priority: 10, Resources: cores(1), QueuedAt: start}
	ask(t, y, urgent)
	ask(t, y, placement.Request{Job: id(3), Resources: cores(1), QueuedAt: start.Add(1)})
	assert.Empty(t, nextAfter(y, minute))
	require.True(t, y.Free("w9", id(99), start))
	assert.Equal(t, "w0<r.50", nextAfter(y, minute))
}

func TestAReservationEndsWithItsReason(t *testing.T) {
	t.Parallel()

	elsewhere := placement.Worker{ID: "w9", Slots: 1, Total: cores(3), State: worker.Available}
	for name, end := range map[string]func(y *placement.Yard){
		"the job is removed":          func(y *placement.Yard) { y.Remove(id(1)) },
		"the job runs somewhere":      func(y *placement.Yard) { y.Join(elsewhere); y.Hold("w9", large(1, 3)) },
		"the job is placed elsewhere": func(y *placement.Yard) { y.Join(elsewhere); nextAfter(y, minute) },
	} {
		y := crowded(t)
		require.Equal(t, "w0<r.2", nextAfter(y, minute))
		require.Empty(t, nextAfter(y, minute), name)
		end(y)
		assert.Equal(t, "w0<r.3", nextAfter(y, minute), name)
	}
}

func TestAnotherWorkerIsKeptFreeWhenTheFirstCannotBe(t *testing.T) {
	t.Parallel()

	small := placement.Worker{ID: "w0", Slots: 8, Total: cores(2), State: worker.Available}
	for name, end := range map[string]func(y *placement.Yard){
		"it leaves":       func(y *placement.Yard) { y.Leave("w0") },
		"it drains":       func(y *placement.Yard) { y.SetState("w0", worker.Draining) },
		"it is too small": func(y *placement.Yard) { y.Join(small) },
	} {
		y := crowded(t)
		y.Join(placement.Worker{ID: "w1", Slots: 8, Total: cores(4), State: worker.Available})
		require.True(t, y.Hold("w1", placement.Request{Job: id(101), Resources: cores(3)}))
		require.Equal(t, "w0<r.2", nextAfter(y, minute))
		require.Equal(t, worker.ID("w0"), y.Why(id(1), start).Reserved, name)
		end(y)
		assert.Empty(t, y.Why(id(1), start).Reserved, name)
		require.Equal(t, "w1<r.3", nextAfter(y, minute), name)
		assert.Equal(t, worker.ID("w1"), y.Why(id(1), start).Reserved, name)
	}
}

func TestNothingIsKeptFreeForAProjectAtItsLimit(t *testing.T) {
	t.Parallel()

	y := machines(by(map[string]project.Limits{"web": {Running: 1}}), 4)
	require.True(t, y.Hold("w0", placement.Request{Job: id(100), Resources: cores(2)}))
	big := large(1, 3)
	big.Project = "web"
	ask(t, y, big)
	for i := 2; i < 5; i++ {
		ask(t, y, placement.Request{Job: id(i), Resources: cores(1), QueuedAt: start.Add(minute)})
	}
	require.Equal(t, "w0<r.2", nextAfter(y, minute))
	require.Empty(t, nextAfter(y, minute))
	worksAt(y, "w9", 1, worker.Draining)
	require.True(t, y.Hold("w9", placement.Request{Job: id(99), Project: "web"}))
	assert.Equal(t, "w0<r.3", nextAfter(y, minute))
}

func TestAtMostATenthOfTheWorkersIsKeptFree(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{}, slices.Repeat([]int64{4}, 29)...)
	for i := range 29 {
		require.True(t, y.Hold(wid(i), placement.Request{Job: id(100 + i), Resources: cores(2)}))
	}
	for i := range 4 {
		r := large(i, 3)
		r.Resources.Memory = int64(i) // four kinds
		ask(t, y, r)
		r.Job = id(10 + i) // no kind has two
		ask(t, y, r)
	}
	ask(t, y, placement.Request{Job: id(50), Resources: cores(1), QueuedAt: start.Add(minute)})
	a, _ := y.Next(start.Add(minute))
	require.True(t, y.Free(a.Worker, a.Job, start))
	kept := map[worker.ID]bool{}
	for i := range 20 {
		if w := y.Why(id(i), start).Reserved; w != "" {
			assert.Less(t, i, 4)
			kept[w] = true
		}
	}
	assert.Len(t, kept, 2)

	ask(t, y, placement.Request{Job: id(60), Resources: cores(2), QueuedAt: start.Add(minute)})
	why := y.Why(id(60), start)
	require.Len(t, why.Kept, 2)
	assert.Less(t, why.Kept[0].Worker, why.Kept[1].Worker)
	assert.Contains(t, why.String(), "2 of the 29 that match are kept free for jobs that are due before it: ")

	second := y.Why(id(1), start).Reserved
	require.NotEmpty(t, second)
	require.True(t, y.Remove(id(0)))
	assert.Equal(t, second, y.Why(id(1), start).Reserved)
	y.SetState(second, worker.Draining)
	assert.Empty(t, y.Why(id(1), start).Reserved)
}

func TestAWorkerIsKeptFreeForOneJobAlone(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{}, slices.Repeat([]int64{1}, 20)...)
	y.Join(placement.Worker{ID: "big", Slots: 8, Total: cores(4), State: worker.Available})
	require.True(t, y.Hold("big", placement.Request{Job: id(100), Resources: cores(2)}))
	for i := range 2 {
		r := large(i, 3)
		r.Resources.Memory = int64(i)
		ask(t, y, r)
	}
	ask(t, y, placement.Request{Job: id(50), Resources: cores(1), QueuedAt: start.Add(minute)})
	require.NotEmpty(t, nextAfter(y, minute))
	assert.Equal(t, worker.ID("big"), y.Why(id(0), start).Reserved)
	assert.Empty(t, y.Why(id(1), start).Reserved)
	require.True(t, y.Remove(id(0)))
	ask(t, y, placement.Request{Job: id(51), Resources: cores(1), QueuedAt: start.Add(minute)})
	require.NotEmpty(t, nextAfter(y, minute))
	assert.Equal(t, worker.ID("big"), y.Why(id(1), start).Reserved)
}

// TestSlotsAreKeptFreeAsWellAsResources has a job wait for the one slot and two cores
// that a worker of two slots is to have.
func TestSlotsAreKeptFreeAsWellAsResources(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 100})
	y.Join(placement.Worker{ID: "w0", Slots: 2, Total: cores(4), State: worker.Available})
	require.True(t, y.Hold("w0", placement.Request{Job: id(100), Resources: cores(3)}))
	ask(t, y, large(1, 2))
	for i := 2; i < 5; i++ {
		ask(t, y, placement.Request{Job: id(i), QueuedAt: start.Add(time.Duration(i))})
	}
	require.Equal(t, "w0<r.2", nextAfter(y, minute), "a slot will be left when the other ends")
	require.True(t, y.Free("w0", id(100), start))
	require.Equal(t, "w0<r.1", nextAfter(y, minute))

	require.True(t, y.Free("w0", id(1), start))
	require.True(t, y.Hold("w0", placement.Request{Job: id(101), Resources: cores(3)}))
	require.True(t, y.Free("w0", id(2), start))
	ask(t, y, large(1, 2))
	require.Equal(t, "w0<r.3", nextAfter(y, minute))
	require.True(t, y.Free("w0", id(101), start))
	require.Equal(t, "w0<r.1", nextAfter(y, minute))
}

func TestTheWorkerIsKeptFreeOnWhichAJobWillFitFirst(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{}, 4, 4)
	for i, affinity := range []string{"slow", "fast"} {
		ask(t, y, placement.Request{Job: id(i), Affinity: affinity, Resources: cores(2 + int64(i))})
		a, _ := y.Next(start)
		require.True(t, y.Free(a.Worker, a.Job, start.Add([]time.Duration{time.Hour, minute}[i])))
	}
	ask(t, y, placement.Request{Job: id(2), Affinity: "slow", Resources: cores(2)})
	ask(t, y, placement.Request{Job: id(3), Affinity: "fast", Resources: cores(3)})
	require.Equal(t, "w0<r.2", nextAfter(y, 0))
	require.Equal(t, "w1<r.3", nextAfter(y, 0))
	ask(t, y, large(4, 4))
	ask(t, y, large(5, 1))
	require.NotEmpty(t, nextAfter(y, 30*time.Second))
	assert.Equal(t, worker.ID("w1"), y.Why(id(4), start).Reserved, "it has the higher load, but not for long")
}

// TestALargeJobIsNotStarvedBySmallOnes runs an endless stream of small jobs past a
// large one, on any fleet. Once it has waited, the large one gets its turn when all
// that ran then has ended.
func TestALargeJobIsNotStarvedBySmallOnes(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		const longest = 60 // seconds
		sizes := rapid.SliceOfN(rapid.Int64Range(2, 8), 1, 5).Draw(t, "machines")
		y := machines(placement.Config{}, sizes...)
		big := large(0, rapid.Int64Range(2, slices.Max(sizes)).Draw(t, "large"))
		big.Project = rapid.SampledFrom([]string{"", "own"}).Draw(t, "project")
		type run struct {
			placement.Assignment
			end int
		}
		var running []run
		done := 0
		for second := range 400 {
			running = slices.DeleteFunc(running, func(r run) bool {
				return r.end <= second && y.Free(r.Worker, r.Job, start.Add(time.Duration(second)*time.Second))
			})
			if second == 70 {
				if err := y.Push(big); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				done++
				small := placement.Request{Job: id(done)}
				small.Resources.CPU = rapid.SampledFrom([]int64{100, 500, 900, 1500}).Draw(t, "small")
				small.QueuedAt = start.Add(time.Duration(second) * time.Second)
				if err := y.Push(small); err != nil {
					t.Fatal(err)
				}
			}
			for a, ok := y.Next(start.Add(time.Duration(second) * time.Second)); ok; {
				if a.Job == big.Job {
					return
				}
				running = append(running, run{a, second + rapid.IntRange(1, longest).Draw(t, "seconds")})
				a, ok = y.Next(start.Add(time.Duration(second) * time.Second))
			}
		}
		t.Fatalf("%s was never placed on %v", big.Resources, sizes)
	})
}
