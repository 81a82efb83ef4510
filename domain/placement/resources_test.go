package placement_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/placement"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

const minute = time.Minute

func cores(n int64) resource.Amount { return resource.Amount{CPU: n * resource.Core} }

// machines returns a yard with workers of 8 slots and so many cores each.
func machines(c placement.Config, each ...int64) *placement.Yard {
	c.Limit = 1_000_000
	y := placement.New(c)
	for i, n := range each {
		y.Join(placement.Worker{ID: wid(i), Slots: 8, Total: cores(n), State: worker.Available})
	}
	return y
}

func TestResourcesAreHeldAsWellAsSlots(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{}, 4)
	for i, n := range []int64{3, 2, 1} {
		ask(t, y, placement.Request{Job: id(i), Resources: cores(n)})
	}
	assert.Equal(t, "0>w0 2>w0", placed(y), "two cores are not left, one is")
	held, slots, used := y.Load("w0")
	assert.Equal(t, []any{2, 8, cores(4)}, []any{held, slots, used})
	require.True(t, y.Free("w0", id(0), start))
	assert.Equal(t, "1>w0", placed(y))
	_, _, used = y.Load("nobody")
	assert.True(t, used.IsZero())
}

func TestAWorkerThatDoesNotSayWhatItHasIsLimitedBySlotsAlone(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 10})
	y.Join(placement.Worker{ID: "w0", Slots: 2, Total: resource.Amount{Memory: 8}, State: worker.Available})
	big := resource.Amount{CPU: resource.MaxCPU, Memory: 4}
	for i := range 3 {
		ask(t, y, placement.Request{Job: id(i), Resources: big})
	}
	assert.Equal(t, "0>w0 1>w0", placed(y), "it says nothing of processors, and has memory for both")
	ask(t, y, placement.Request{Job: id(9), Resources: resource.Amount{Memory: 9}})
	assert.False(t, y.Could(placement.Request{Resources: resource.Amount{Memory: 9}}).Ever)
}

func TestTheLargestShareOfWhatIsTakenIsTheLoad(t *testing.T) {
	t.Parallel()

	y := machines(placement.Config{}, 4, 4)
	require.True(t, y.Hold("w0", placement.Request{Job: id(100), Resources: cores(3)}))
	require.True(t, y.Hold("w1", placement.Request{Job: id(101)}))
	require.True(t, y.Hold("w1", placement.Request{Job: id(102)}))
	push(t, y, 1, 0)
	assert.Equal(t, "1>w1", next(y), "2 of 8 slots are less than 3 of 4 cores")

	y = yard(0, 0)
	for i := range 2 {
		joins(y, wid(i), 8, resource.Amount{Memory: 4})
	}
	require.True(t, y.Hold("w0", placement.Request{Job: id(100), Resources: resource.Amount{Memory: 3}}))
	require.True(t, y.Hold("w1", placement.Request{Job: id(101)}))
	require.True(t, y.Hold("w1", placement.Request{Job: id(102)}))
	push(t, y, 1, 0)
	assert.Equal(t, "1>w1", next(y), "nor of 3 of 4 parts of the memory")
}

func TestAJobRunsOnlyInItsPool(t *testing.T) {
	t.Parallel()

	y := yard(1, 1)
	y.Join(placement.Worker{ID: "p", Pool: "trusted", Slots: 1, State: worker.Available})
	ask(t, y, placement.Request{Job: id(1), Pool: "trusted"})
	ask(t, y, placement.Request{Job: id(2), Pool: "trusted"})
	push(t, y, 3, 0)
	push(t, y, 4, 0)
	assert.Equal(t, "1>p 3>w0", placed(y))
	y.Join(placement.Worker{ID: "w0", Pool: "trusted", Slots: 2, State: worker.Available})
	assert.Equal(t, "2>w0", placed(y), "it has moved")
}

func TestAPointOfPriorityIsWorthSomeWaiting(t *testing.T) {
	t.Parallel()

	y := yard(0, 0)
	for i, of := range []struct {
		priority int
		waited   time.Duration
	}{{0, 31 * minute}, {1, 20 * minute}, {3, 2 * minute}, {0, 40 * minute}, {-1, 41 * minute}} {
		ask(t, y, placement.Request{Job: id(i), Priority: of.priority, QueuedAt: start.Add(-of.waited)})
	}
	worksAt(y, "w", 8, worker.Available)
	assert.Equal(t, "3>w 2>w 0>w 4>w 1>w", placed(y), "ten minutes make up for a point")
}

func TestAJobThatIsToldAgainHasItsPlace(t *testing.T) {
	t.Parallel()

	y := yard(0, 0)
	for _, i := range []int{2, 0, 1} {
		ask(t, y, placement.Request{Job: id(i), QueuedAt: start.Add(time.Duration(i))})
	}
	worksAt(y, "w", 8, worker.Available)
	assert.Equal(t, "0>w 1>w 2>w", placed(y))
}

func TestExtremeTimesAndPrioritiesKeepTheirOrder(t *testing.T) {
	t.Parallel()

	y := yard(0, 0)
	ask(t, y, placement.Request{Job: id(4), Priority: math.MinInt, QueuedAt: start})
	ask(t, y, placement.Request{Job: id(3), QueuedAt: time.Unix(1<<60, 0)})
	ask(t, y, placement.Request{Job: id(2), QueuedAt: start})
	ask(t, y, placement.Request{Job: id(1)})
	ask(t, y, placement.Request{Job: id(0), Priority: math.MaxInt, QueuedAt: start})
	ask(t, y, placement.Request{Job: id(5), Priority: math.MinInt, QueuedAt: time.Unix(1<<60, 0)})
	ask(t, y, placement.Request{Job: id(6), Priority: math.MaxInt, QueuedAt: time.Unix(-1<<60, 0)})
	worksAt(y, "w", 8, worker.Available)
	assert.Equal(t, "6>w 0>w 1>w 2>w 3>w 4>w 5>w", placed(y))
}

func TestWhatIsTypicalFollowsWhatWasSeenLast(t *testing.T) {
	t.Parallel()

	y := yard(1, 1)
	for i, want := range []time.Duration{8 * minute, 7 * minute} {
		ask(t, y, placement.Request{Job: id(i), Affinity: "x"})
		require.NotEmpty(t, next(y))
		require.True(t, y.Free("w0", id(i), start.Add([]time.Duration{8 * minute, 4 * minute}[i])))
		typical, known := y.Typical("x")
		assert.True(t, known)
		assert.Equal(t, want, typical)
	}
	_, known := y.Typical("y")
	assert.False(t, known)
	require.True(t, y.Hold("w0", placement.Request{Job: id(5), Affinity: "y"}))
	require.True(t, y.Free("w0", id(5), start))
	_, known = y.Typical("y")
	assert.False(t, known, "nobody knows since when it ran")
}
