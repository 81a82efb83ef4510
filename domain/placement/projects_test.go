package placement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/worker"
)

func set(limits map[string]project.Limits) project.Set { return project.Set{By: limits} }

func TestNewLimitsHoldFromNowOn(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"a": {Running: 1}, "slow": {StartsPerSecond: 0.001}}))
	pushFor(t, y, "a", 0, 6)
	worksAt(y, "w", 8, worker.Available)
	require.Equal(t, "0>w", placed(y))
	y.SetProjects(set(map[string]project.Limits{"a": {Running: 3}}), start)
	require.Equal(t, "1>w 2>w", placed(y))
	y.SetProjects(set(map[string]project.Limits{"a": {Running: 1}}), start)
	require.True(t, y.Free("w", id(0), start))
	require.True(t, y.Free("w", id(1), start))
	require.Empty(t, placed(y), "what runs beyond the limit goes on, and counts")
	assert.Contains(t, y.Why(id(3), start).String(), "has 1 job running, and may have no more")
	require.True(t, y.Free("w", id(2), start))
	require.Equal(t, "3>w", placed(y))
	y.SetProjects(project.Set{}, start)
	require.Equal(t, "4>w 5>w", placed(y))
}

func TestAPaceThatGrowsIsNotWaitedForAsBefore(t *testing.T) {
	t.Parallel()

	y := placement.New(by(map[string]project.Limits{"a": {StartsPerSecond: 0.001}}))
	pushFor(t, y, "a", 0, 4)
	worksAt(y, "w", 8, worker.Available)
	require.Equal(t, "0>w", placed(y))
	at, waits := y.NextAt(start)
	require.True(t, waits)
	require.Equal(t, start.Add(1000*time.Second), at)
	y.SetProjects(set(map[string]project.Limits{"a": {StartsPerSecond: 2}}), start)
	at, waits = y.NextAt(start)
	require.True(t, waits)
	require.Equal(t, start.Add(time.Second/2), at)
	y.SetProjects(project.Set{}, start)
	_, waits = y.NextAt(start)
	require.False(t, waits)
	require.Equal(t, "1>w 2>w 3>w", placed(y))
}

func TestAProjectThatIsGivenAnotherPoolWaitsForItsWorkers(t *testing.T) {
	t.Parallel()

	y := placement.New(by(nil))
	y.Join(placement.Worker{ID: "w", Slots: 1, State: worker.Available})
	for i := range 5 {
		ask(t, y, placement.Request{
			Job: id(i), Project: "a", Labels: []string{}, Priority: i % 2, Avoid: []worker.ID{"p1"}, QueuedAt: start,
		})
	}
	ask(t, y, placement.Request{Job: id(9), Project: "b", QueuedAt: start})
	require.Equal(t, "1>w", next(y))
	require.Empty(t, y.SetProjects(set(map[string]project.Limits{"a": {Pool: "p"}}), start))
	assert.Equal(t, 4, y.WaitingOf("a"))
	require.True(t, y.Free("w", id(1), start))
	require.Equal(t, "9>w", placed(y), "none of the other pool")
	for _, w := range []worker.ID{"p1", "p2"} {
		y.Join(placement.Worker{ID: w, Pool: "p", Slots: 2, State: worker.Available})
	}
	require.Equal(t, "3>p2 0>p2", placed(y), "in their old order, and away from where they failed")
	require.True(t, y.Free("p2", id(0), start))
	require.Empty(t, y.SetProjects(project.Set{}, start))
	require.Empty(t, placed(y))
	require.True(t, y.Free("w", id(9), start))
	require.Equal(t, "2>w", placed(y))
	assert.Equal(t, 1, y.WaitingOf("a"))
}

func TestAPoolThatMakesTooManyDemandsIsSaid(t *testing.T) {
	t.Parallel()

	y := placement.New(by(nil))
	ask(t, y, placement.Request{Job: id(0), Project: "a", QueuedAt: start})
	for i := 1; i < placement.MaxDemands; i++ {
		ask(t, y, placement.Request{Job: id(i), Labels: []string{fmt.Sprint("l", i)}, QueuedAt: start})
	}
	dropped := y.SetProjects(set(map[string]project.Limits{"a": {Pool: "p"}}), start)
	assert.Equal(t, []job.ID{id(0)}, dropped)
	assert.Equal(t, placement.MaxDemands-1, y.Waiting())
}
