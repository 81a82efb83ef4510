package placement_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

func TestHeldByNamesTheJobsOnAWorker(t *testing.T) {
	t.Parallel()

	y := yard(1, 3)
	assert.Empty(t, y.HeldBy("nobody"))
	assert.Empty(t, y.HeldBy("w0"))
	for i := range 4 {
		push(t, y, i, 0)
	}
	for range 3 {
		require.NotEmpty(t, next(y))
	}
	assert.ElementsMatch(t, []job.ID{id(0), id(1), id(2)}, y.HeldBy("w0"), "the fourth waits")
	require.True(t, y.Free("w0", id(0), start))
	assert.ElementsMatch(t, []job.ID{id(1), id(2)}, y.HeldBy("w0"))
	require.True(t, y.Return("w0", id(2)))
	assert.Equal(t, []job.ID{id(1)}, y.HeldBy("w0"))
	require.True(t, y.Hold("w0", placement.Request{Job: id(7)}))
	assert.ElementsMatch(t, []job.ID{id(1), id(7)}, y.HeldBy("w0"))
	assert.ElementsMatch(t, []job.ID{id(1), id(7)}, y.Leave("w0"))
	assert.Empty(t, y.HeldBy("w0"))
	y.Join(placement.Worker{ID: "w1", Slots: 1, State: worker.Available})
	assert.Empty(t, y.HeldBy("w1"), "the next one begins with nothing")
}

func TestWhatRunsIsCountedThoughThereAreTooManyDemands(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"web": {Running: 1}}))
	y.Join(placement.Worker{ID: "w0", Slots: 4, Total: cores(4), State: worker.Available})
	for i := range placement.MaxDemands - 1 {
		push(t, y, i, 0, fmt.Sprintf("l%d", i))
	}
	ask(t, y, placement.Request{Job: id(5000), Project: "web", QueuedAt: start})
	odd := placement.Request{Job: id(6000), Project: "web", Labels: []string{"odd"}, Resources: cores(1), Affinity: "x"}
	require.True(t, y.Hold("w0", odd))
	_, _, used := y.Load("w0")
	assert.Equal(t, cores(1), used)
	assert.Empty(t, next(y), "web has its one")
	assert.True(t, y.Why(id(5000), start).FreeAt.IsZero())
	require.True(t, y.Free("w0", id(6000), start.Add(minute)))
	assert.Equal(t, "5000>w0", next(y))
	require.True(t, y.Free("w0", id(5000), start.Add(minute)))

	ask(t, y, placement.Request{Job: id(5001), QueuedAt: start})
	lone := odd
	lone.Project = "alone"
	require.True(t, y.Hold("w0", lone))
	joins(y, "w1", 1, resource.Amount{})
	require.NotNil(t, y.Leave("w0"))
	assert.Zero(t, y.Held())
}

func TestHeldByAgreesWithTheLoad(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		y := placement.New(placement.Config{Limit: 100})
		where := map[job.ID]worker.ID{} // what holds a slot
		for i := range 3 {
			y.Join(placement.Worker{ID: wid(i), Slots: 2, State: worker.Available})
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			of, on := id(rapid.IntRange(0, 9).Draw(t, "job")), wid(rapid.IntRange(0, 2).Draw(t, "worker"))
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				if err := y.Push(placement.Request{Job: of}); err != nil {
					t.Fatal(err)
				}
			case 1:
				if a, ok := y.Next(start); ok {
					where[a.Job] = a.Worker
				}
			case 2:
				if y.Free(on, of, start) {
					delete(where, of)
				}
			case 3:
				if y.Return(on, of) {
					delete(where, of)
				}
			default:
				if y.Hold(on, placement.Request{Job: of}) {
					where[of] = on
				}
			}
			held := 0
			for i := range 3 {
				of := y.HeldBy(wid(i))
				held += len(of)
				for _, j := range of {
					if where[j] != wid(i) {
						t.Fatalf("%v is on %q, not on %q", j, where[j], wid(i))
					}
				}
				if load, _, _ := y.Load(wid(i)); load != len(of) || len(slices.Compact(slices.Clone(of))) != len(of) {
					t.Fatalf("%d are held, the load is %d", len(of), load)
				}
			}
			if held != len(where) || held != y.Held() {
				t.Fatalf("%d are held, %d are known to be", held, len(where))
			}
		}
	})
}
