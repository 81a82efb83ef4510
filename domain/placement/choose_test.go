package placement_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/placement"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// ask queues a job.
func ask(t testing.TB, y *placement.Yard, r placement.Request) {
	t.Helper()
	require.NoError(t, y.Push(r))
}

func TestAWorkerToAvoidIsPassedOverWhileAnotherCouldEverTakeTheJob(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 10})
	worksAt(y, "a", 2, worker.Available)
	worksAt(y, "b", 1, worker.Available, "x")
	ask(t, y, placement.Request{Job: id(1), Avoid: []worker.ID{"a", "a"}})
	assert.Equal(t, "1>b", next(y), "the next best, of another kind")
	ask(t, y, placement.Request{Job: id(2), Avoid: []worker.ID{"a", "gone", ""}})
	assert.Empty(t, next(y), "b is full, but could take it some day")
	y.SetState("b", worker.Draining)
	assert.Equal(t, "2>a", next(y), "nobody else takes jobs: better there than not at all")
}

func TestOnlyTheLastFewOfTheWorkersToAvoidAre(t *testing.T) {
	t.Parallel()

	y := yard(placement.MaxAvoid+1, 1)
	all := make([]worker.ID, placement.MaxAvoid+1)
	for i := range all {
		all[i] = wid(i)
	}
	ask(t, y, placement.Request{Job: id(1), Avoid: all})
	assert.Equal(t, "1>w0", next(y))
	require.True(t, y.Return("w0", id(1)))
	assert.Equal(t, "1>w1", next(y), "one more, so another is forgotten")
}

func TestWhoCannotTakeAJobIsNoAlternativeToTheWorkerItAvoids(t *testing.T) {
	t.Parallel()

	for name, w := range map[string]placement.Worker{
		"another pool": {Labels: []string{"x"}, Pool: "p", Slots: 1},
		"lacks label":  {Slots: 1},
		"too small":    {Labels: []string{"x"}, Slots: 1, Total: resource.Amount{CPU: 1}},
		"no slots":     {Labels: []string{"x"}},
	} {
		y := placement.New(placement.Config{Limit: 10})
		worksAt(y, "a", 1, worker.Available, "x")
		w.ID, w.State = "b", worker.Available
		y.Join(w)
		ask(t, y, placement.Request{
			Job: id(1), Labels: []string{"x"}, Resources: resource.Amount{CPU: 2}, Avoid: []worker.ID{"a"},
		})
		assert.Equal(t, "1>a", next(y), name)
	}
}

func TestAJobThatMustWaitForAnotherWorkerHoldsUpNoneBehindIt(t *testing.T) {
	t.Parallel()

	y := yard(2, 100)
	for i := range 100 {
		require.True(t, y.Hold("w1", placement.Request{Job: id(1000 + i)}))
	}
	for i := range 15 {
		ask(t, y, placement.Request{Job: id(i), Avoid: []worker.ID{"w0"}})
	}
	push(t, y, 15, 0)
	assert.Equal(t, "15>w0", next(y))
	ask(t, y, placement.Request{Job: id(16), Avoid: []worker.ID{"w0"}})
	push(t, y, 17, 0)
	assert.Empty(t, next(y), "so far behind, nobody looks")
	require.True(t, y.Free("w1", id(1000), start))
	assert.Equal(t, "0>w1", next(y))
	assert.Equal(t, "17>w0", next(y))
}

func TestTheFirstOfThoseBehindWhoMustWaitIsPlaced(t *testing.T) {
	t.Parallel()

	y := yard(2, 1)
	require.True(t, y.Hold("w1", placement.Request{Job: id(1000), Project: "c"}))
	for _, of := range []struct {
		project string
		due     int
		avoids  bool
	}{{"a", 1, true}, {"a", 5, false}, {"b", 2, true}, {"b", 9, false}, {"d", 7, false}} {
		r := placement.Request{Job: id(of.due), Project: of.project, QueuedAt: start.Add(time.Duration(of.due))}
		if of.avoids {
			r.Avoid = []worker.ID{"w0"}
		}
		ask(t, y, r)
	}
	assert.Equal(t, "5>w0", next(y))
}

// fleetWith returns a yard with two workers that have gpu, and two that have not.
func fleetWith() *placement.Yard {
	y := placement.New(placement.Config{Limit: 100})
	for i, labels := range [][]string{{"gpu", "linux"}, {"linux"}, {"linux"}, {"linux"}} {
		worksAt(y, wid(i), 2, worker.Available, labels...)
	}
	return y
}

func TestScarceCapabilitiesAreKeptForTheJobsThatNeedThem(t *testing.T) {
	t.Parallel()

	y := fleetWith()
	for i := range 6 {
		push(t, y, i, 0, "linux")
		a, _ := y.Next(start)
		assert.NotEqual(t, worker.ID("w0"), a.Worker, "it is idle, but has what others need")
	}
	push(t, y, 6, 0, "linux")
	assert.Equal(t, "6>w0", next(y), "nowhere else")
	push(t, y, 7, 0, "gpu")
	assert.Equal(t, "7>w0", next(y))
}

func TestTheFewerScarceCapabilitiesLieIdleTheBetter(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 100})
	worksAt(y, "both", 4, worker.Available, "fpga", "gpu")
	worksAt(y, "one", 4, worker.Available, "gpu")
	for i := range 4 {
		worksAt(y, wid(i), 1, worker.Draining)
	}
	for i := range 5 {
		push(t, y, i, 0)
	}
	assert.Equal(t, "0>one 1>one 2>one 3>one 4>both", placed(y))
}

// placed is all that Next says until it says nothing.
func placed(y *placement.Yard) string {
	var all []string
	for a := next(y); a != ""; a = next(y) {
		all = append(all, a)
	}
	return strings.Join(all, " ")
}

func TestALabelIsScarceWithinItsPool(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 100})
	for i := range 8 {
		worksAt(y, wid(i), 1, worker.Available)
	}
	for i := 8; i < 10; i++ {
		y.Join(placement.Worker{ID: wid(i), Labels: []string{"gpu"}, Pool: "p", Slots: 2, State: worker.Available})
	}
	y.Join(placement.Worker{ID: "w10", Pool: "p", Slots: 2, State: worker.Available})
	ask(t, y, placement.Request{Job: id(1), Pool: "p"})
	ask(t, y, placement.Request{Job: id(2), Pool: "p"})
	ask(t, y, placement.Request{Job: id(3), Pool: "p"})
	assert.Equal(t, "1>w10 2>w8 3>w9", placed(y), "two of the three have it: it is not scarce, so the load decides")
}

func TestALabelBecomesScarceInThePoolThatAWorkerLeaves(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 100})
	for i, labels := range [][]string{{"gpu"}, {"gpu"}, nil, nil} {
		y.Join(placement.Worker{ID: wid(i), Labels: labels, Pool: "p", Slots: 4, State: worker.Available})
	}
	for i := range 3 {
		require.True(t, y.Hold(wid(i+1), placement.Request{Job: id(100 + i), Pool: "p"}))
	}
	ask(t, y, placement.Request{Job: id(1), Pool: "p"})
	assert.Equal(t, "1>w0", next(y), "half of them have it, and w0 has the least load")
	require.True(t, y.Free("w0", id(1), start))
	y.Join(placement.Worker{ID: "w1", Labels: []string{"gpu"}, Slots: 4, State: worker.Available})
	ask(t, y, placement.Request{Job: id(2), Pool: "p"})
	assert.Equal(t, "2>w2", next(y))
}

func TestScarcityIsCountedAnewWhenThePoolChangesByAnEighth(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 1000})
	for i := range 100 {
		worksAt(y, wid(i), 1, worker.Available)
	}
	for i := 100; i < 150; i++ {
		worksAt(y, wid(i), 2, worker.Available, "gpu")
	}
	for i := range 100 {
		push(t, y, i, 0)
		a, _ := y.Next(start)
		_, slots, _ := y.Load(a.Worker)
		assert.Equal(t, 1, slots, "one in three has a gpu: those are kept")
	}
	for i := range 100 {
		y.Leave(wid(i))
	}
	worksAt(y, "new", 2, worker.Available, "gpu", "other")
	push(t, y, 100, 0)
	assert.NotEqual(t, "100>new", next(y), "all have a gpu now, so that is not what tells them apart")
}

func TestWhatRanTheLikeBeforeIsChosenAmongEquals(t *testing.T) {
	t.Parallel()

	y := yard(3, 2)
	affine := func(i int, affinity string) string {
		ask(t, y, placement.Request{Job: id(i), Affinity: affinity})
		return next(y)
	}
	require.Equal(t, "0>w0", affine(0, "repo"))
	require.Equal(t, "1>w1", affine(1, ""))
	require.True(t, y.Free("w0", id(0), start))
	require.True(t, y.Free("w1", id(1), start))
	assert.Equal(t, "2>w0", affine(2, "repo"), "w2 was chosen longest ago, but w0 has its data")
	assert.Equal(t, "3>w2", affine(3, "repo"), "w0 has more load now")
	require.True(t, y.Free("w0", id(2), start))
	require.True(t, y.Free("w2", id(3), start))
	assert.Equal(t, "4>w2", affine(4, "repo"), "the one that ran it last")
	require.True(t, y.Free("w2", id(4), start))
	y.Leave("w2")
	assert.Equal(t, "5>w0", affine(5, "repo"), "the one before")
}

func TestWhatRanTheLikeBeforeIsNotChosenIfItIsToBeAvoided(t *testing.T) {
	t.Parallel()

	y := yard(2, 1)
	ask(t, y, placement.Request{Job: id(1), Affinity: "x"})
	require.Equal(t, "1>w0", next(y))
	require.True(t, y.Free("w0", id(1), start))
	ask(t, y, placement.Request{Job: id(2), Affinity: "x", Avoid: []worker.ID{"w0"}})
	assert.Equal(t, "2>w1", next(y))
}

func TestOnlyTheLastFewWorkersOfAnAffinityAreRemembered(t *testing.T) {
	t.Parallel()

	y := yard(0, 0)
	for i := range 6 {
		worksAt(y, wid(i), 1, worker.Available)
		ask(t, y, placement.Request{Job: id(i), Affinity: "x"})
		require.Equal(t, fmt.Sprintf("%d>w%d", i, i), next(y))
	}
	y.Free("w0", id(0), start)
	y.Free("w1", id(1), start)
	y.Free("w2", id(2), start)
	ask(t, y, placement.Request{Job: id(10), Affinity: "x"})
	assert.Equal(t, "10>w2", next(y), "one of the last four")
	ask(t, y, placement.Request{Job: id(11), Affinity: "x"})
	assert.Equal(t, "11>w0", next(y), "both others are forgotten: the turn decides")
}

func TestAffinitiesOfNoJobAreForgottenInTheEnd(t *testing.T) {
	t.Parallel()

	y := yard(1, 1)
	run := func(i int, affinity string) {
		ask(t, y, placement.Request{Job: id(i), Affinity: affinity})
		require.NotEmpty(t, next(y))
		require.True(t, y.Free("w0", id(i), start.Add(minute)))
	}
	run(1, "first")
	for i := range 4095 {
		run(1, fmt.Sprint(i))
	}
	_, known := y.Typical("first")
	require.True(t, known)
	run(1, "first") // used again: the next oldest is "0"
	run(1, "one too many")
	_, known = y.Typical("first")
	assert.True(t, known)
	_, known = y.Typical("0")
	assert.False(t, known)
	_, known = y.Typical("1")
	assert.True(t, known)
}
