package placement_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the tests begin.
var start = time.Date(2026, 3, 4, 14, 0, 0, 0, time.UTC)

func id(i int) job.ID { return job.ID{Run: "r", Index: uint32(i)} }

// yard returns a yard with workers "w0", "w1"…, each of them with these slots and labels.
func yard(workers, slots int, labels ...string) *placement.Yard {
	y := placement.New(placement.Config{Limit: 1_000_000})
	for i := range workers {
		y.Join(placement.Worker{ID: wid(i), Labels: labels, Slots: slots, State: worker.Available})
	}
	return y
}

func wid(i int) worker.ID { return worker.ID(fmt.Sprintf("w%d", i)) }

func push(t testing.TB, y *placement.Yard, i, priority int, labels ...string) {
	t.Helper()
	require.NoError(t, y.Push(placement.Request{Job: id(i), Priority: priority, Labels: labels}))
}

// next is what Next says, as "job>worker", or "".
func next(y *placement.Yard) string {
	a, ok := y.Next(start)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d>%s", a.Job.Index, a.Worker)
}

func TestTheJobThatIsDueFirstIsPlacedFirst(t *testing.T) {
	t.Parallel()

	y := yard(1, 3)
	push(t, y, 1, 0)
	push(t, y, 2, 0)
	push(t, y, 3, 5)
	assert.Equal(t, "3>w0", next(y))
	assert.Equal(t, "1>w0", next(y))
	assert.Equal(t, "2>w0", next(y))
	assert.Empty(t, next(y))
}

func TestAJobThatNobodyCanTakeHoldsUpNoOther(t *testing.T) {
	t.Parallel()

	y := yard(1, 1, "linux")
	push(t, y, 1, 100, "gpu")
	push(t, y, 2, 0, "Linux", "linux")
	assert.Equal(t, "2>w0", next(y))
	assert.Empty(t, next(y))
	assert.Equal(t, 1, y.Waiting())
	y.Join(placement.Worker{ID: "g", Labels: []string{"GPU", "arm"}, Slots: 1, State: worker.Available})
	assert.Equal(t, "1>g", next(y))
}

func TestTheLeastLoadedWorkerIsChosenAndThenTheOneWithTheFewestLabels(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 10})
	y.Join(placement.Worker{ID: "big", Labels: []string{"gpu"}, Slots: 4, State: worker.Available})
	y.Join(placement.Worker{ID: "small", Slots: 1, State: worker.Available})
	for i := range 5 {
		push(t, y, i, 0)
	}
	assert.Equal(t, "0>small", next(y), "both idle: the one without a rare capability")
	for i := 1; i < 5; i++ {
		assert.Equal(t, fmt.Sprintf("%d>big", i), next(y))
	}
	held, slots, _ := y.Load("big")
	assert.Equal(t, []int{4, 4, 5}, []int{held, slots, y.Held()})
}

func TestEqualWorkersTakeTurns(t *testing.T) {
	t.Parallel()

	y := yard(3, 2)
	var got []string
	for i := range 9 {
		push(t, y, i, 0)
		a, _ := y.Next(start)
		got = append(got, string(a.Worker))
		y.Free(a.Worker, a.Job, start) // all are idle again: only the turn tells them apart
	}
	assert.Equal(t, "w0 w1 w2 w0 w1 w2 w0 w1 w2", strings.Join(got, " "))
}

func TestOnlyAvailableAndRunningWorkersAreGivenJobs(t *testing.T) {
	t.Parallel()

	for state, takes := range map[worker.State]bool{
		worker.Unknown: false, worker.Available: true, worker.Running: true,
		worker.Unhealthy: false, worker.Draining: false, worker.Gone: false,
	} {
		y := yard(1, 1)
		require.True(t, y.SetState("w0", state))
		push(t, y, 1, 0)
		assert.Equal(t, takes, next(y) != "", state)
	}
	assert.False(t, yard(0, 0).SetState("w0", worker.Available))
}

func TestAReturnedJobKeepsItsPlaceAndGoesElsewhere(t *testing.T) {
	t.Parallel()

	y := yard(2, 1)
	push(t, y, 1, 0)
	push(t, y, 2, 0)
	require.Equal(t, "1>w0", next(y))
	assert.False(t, y.Return("w1", id(1)), "not the worker that has it")
	assert.False(t, y.Free("w1", id(1), start))
	assert.True(t, y.Return("w0", id(1)))
	assert.False(t, y.Return("w0", id(1)), "it does not hold a slot any more")
	assert.Equal(t, "1>w1", next(y))
	assert.Equal(t, "2>w0", next(y))
}

// TestAReturnedJobPassesOverTheWorkerThatRefusedIt holds even where that worker has
// the least load by far, or a worker that refuses everything would be asked for ever.
func TestAReturnedJobPassesOverTheWorkerThatRefusedIt(t *testing.T) {
	t.Parallel()

	y := yard(1, 100)
	y.Join(placement.Worker{ID: "small", Slots: 2, State: worker.Running})
	require.True(t, y.Hold("small", placement.Request{Job: id(9)}))
	push(t, y, 1, 0)
	require.Equal(t, "1>w0", next(y))
	require.True(t, y.Return("w0", id(1)))
	assert.Equal(t, "1>small", next(y))
}

func TestSlotsAreGivenBackInAnyOrder(t *testing.T) {
	t.Parallel()

	y := yard(1, 4)
	for i := range 4 {
		push(t, y, i, 0)
		next(y)
	}
	for _, i := range []int{0, 3} { // 3 has taken the place of 0
		require.True(t, y.Free("w0", id(i), start))
	}
	assert.ElementsMatch(t, []job.ID{id(1), id(2)}, y.Leave("w0"))
}

func TestAWorkerThatLeavesTellsWhatItHeld(t *testing.T) {
	t.Parallel()

	y := yard(1, 2)
	push(t, y, 1, 0)
	push(t, y, 2, 0)
	next(y)
	next(y)
	assert.ElementsMatch(t, []job.ID{id(1), id(2)}, y.Leave("w0"))
	assert.Nil(t, y.Leave("w0"))
	assert.Zero(t, y.Held())
	push(t, y, 1, 0)
	assert.Empty(t, next(y))
	y.Join(placement.Worker{ID: "w1", Slots: 1, State: worker.Available})
	assert.Equal(t, "1>w1", next(y))
}

func TestWhatAWorkerAlreadyRunsIsCounted(t *testing.T) {
	t.Parallel()

	y := yard(2, 1)
	push(t, y, 1, 0)
	assert.True(t, y.Hold("w0", placement.Request{Job: id(1)}))
	assert.True(t, y.Hold("w0", placement.Request{Job: id(1)}), "told twice")
	assert.True(t, y.Hold("w0", placement.Request{Job: id(2)}), "beyond its slots: what runs, runs")
	assert.False(t, y.Hold("w1", placement.Request{Job: id(1)}), "it runs elsewhere")
	assert.False(t, y.Hold("nobody", placement.Request{Job: id(3)}))
	assert.Equal(t, []int{0, 2}, []int{y.Waiting(), y.Held()})
	push(t, y, 1, 0)
	assert.Zero(t, y.Waiting(), "it holds a slot, so it does not wait")
	push(t, y, 3, 0)
	assert.Equal(t, "3>w1", next(y))
	assert.False(t, y.Return("w0", id(2)), "it never waited here")
	assert.True(t, y.Free("w0", id(1), start))
	push(t, y, 4, 0)
	assert.Empty(t, next(y))
	assert.True(t, y.Free("w0", id(2), start))
	assert.Equal(t, "4>w0", next(y))
}

func TestAJobThatIsRemovedIsNotPlaced(t *testing.T) {
	t.Parallel()

	y := yard(1, 1)
	push(t, y, 1, 0)
	push(t, y, 1, 0)
	assert.Equal(t, 1, y.Waiting())
	assert.True(t, y.Remove(id(1)))
	assert.False(t, y.Remove(id(1)))
	assert.Empty(t, next(y))
}

func TestAWorkerMayChange(t *testing.T) {
	t.Parallel()

	y := yard(1, 1)
	push(t, y, 1, 0, "gpu")
	assert.Empty(t, next(y))
	y.Join(placement.Worker{ID: "w0", Labels: []string{"gpu"}, Slots: 1, State: worker.Available})
	assert.Equal(t, "1>w0", next(y))
	push(t, y, 2, 0, "gpu")
	assert.Empty(t, next(y))
	y.Join(placement.Worker{ID: "w0", Labels: []string{"gpu"}, Slots: 2, State: worker.Running})
	assert.Equal(t, "2>w0", next(y))
	_, slots, _ := y.Load("w0")
	assert.Equal(t, 2, slots)
	_, slots, _ = y.Load("w9")
	assert.Zero(t, slots)
}

func TestAFullQueueRefuses(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 1})
	push(t, y, 1, 0)
	push(t, y, 1, 0)
	require.ErrorIs(t, y.Push(placement.Request{Job: id(2)}), placement.ErrFull)
	y.Remove(id(1))
	push(t, y, 2, 0)
}

func TestTooManyDemandsAreRefusedUntilOneIsIdle(t *testing.T) {
	t.Parallel()

	y := yard(1, 1, "l7")
	for i := range placement.MaxDemands {
		push(t, y, i, 0, fmt.Sprintf("l%d", i))
	}
	another := placement.Request{Job: id(9999), Labels: []string{"another"}}
	require.ErrorIs(t, y.Push(another), placement.ErrTooManyDemands)
	require.Equal(t, "7>w0", next(y))
	require.ErrorIs(t, y.Push(another), placement.ErrTooManyDemands, "it may yet return")
	require.True(t, y.Free("w0", id(7), start))
	require.NoError(t, y.Push(another))
	y.Remove(id(8))
	y.Remove(id(9))
	push(t, y, 10_000, 0, "one more") // forgets one of the two idle demands, not both
	y.Join(placement.Worker{ID: "w0", Labels: []string{"another"}, Slots: 1, State: worker.Available})
	assert.Equal(t, "9999>w0", next(y))
}

func TestIdleDemandsAreForgotten(t *testing.T) {
	t.Parallel()

	y := yard(1, 1)
	for i := range 3 * placement.MaxDemands {
		push(t, y, i, 0, fmt.Sprintf("l%d", i))
		require.True(t, y.Remove(id(i)))
	}
	push(t, y, 1, 0)
	assert.Equal(t, "1>w0", next(y))
}
