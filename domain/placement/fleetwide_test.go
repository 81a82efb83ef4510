package placement_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

func TestCouldSaysWhatNobodyCouldEverTake(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 10})
	assert.Equal(t, placement.Could{Reason: "no worker is connected"}, y.Could(placement.Request{}))
	y.Join(placement.Worker{ID: "w0", Slots: 1, Labels: []string{"linux"}, State: worker.Draining})
	y.Join(placement.Worker{ID: "w1", Slots: 1, Labels: []string{"linux"}, Pool: "p", Total: resource.Amount{
		CPU: 4 * resource.Core, Memory: 8 << 30,
	}, State: worker.Running})
	for want, r := range map[string]placement.Request{
		"": {Labels: []string{"Linux"}, Resources: resource.Amount{CPU: 99}},
		"no worker could ever match: label gpu is on no worker; 2 lack only label gpu": {Labels: []string{"gpu", "linux"}},
		"no worker could ever match: all 2 that match are of another pool: " +
			"the jobs of its project run only in pool q": {Pool: "q"},
		"no worker could ever match: the only one left is too small: it needs 8 cpu, the most any of them has is 4 cpu": {
			Pool: "p", Resources: resource.Amount{CPU: 8 * resource.Core, Memory: 1 << 30},
		},
	} {
		for range 2 { // before and after such a job waits
			got := y.Could(r)
			assert.Equal(t, want, got.Reason)
			assert.Equal(t, want == "", got.Ever)
			r.Job = id(len(want))
			ask(t, y, r)
		}
	}
}

func TestDemandsAreCountedByKind(t *testing.T) {
	t.Parallel()

	y := yard(1, 2, "linux")
	for i := range 4 {
		ask(t, y, placement.Request{
			Job: id(i), Labels: []string{"linux"}, Project: []string{"a", "b"}[i%2], QueuedAt: start.Add(-minute),
		})
	}
	ask(t, y, placement.Request{Job: id(4), Labels: []string{"gpu"}, Pool: "p", Resources: cores(2)})
	require.Equal(t, "0>w0 1>w0", placed(y))
	require.True(t, y.Free("w0", id(1), start.Add(5*time.Second)))
	assert.Equal(t, []placement.Demand{
		{Labels: []string{"gpu"}, Pool: "p", Resources: cores(2), Waiting: 1, Stuck: 1},
		{Labels: []string{"linux"}, Waiting: 2, Held: 1, OldestWait: 2 * minute, Typical: 5 * time.Second},
	}, y.Demands(start.Add(minute)))
	y.Leave("w0")
	assert.Equal(t, 2, y.Demands(start)[1].Stuck)
	y.Remove(id(4))
	assert.Len(t, y.Demands(start), 1)
}

func TestDemandsTellWhatLimitsHoldBack(t *testing.T) {
	t.Parallel()

	y := placement.New(placement.Config{Limit: 100, Projects: project.Set{By: map[string]project.Limits{
		"few": {Running: 3}, "slow": {StartsPerSecond: 0.5}, "quick": {StartsPerSecond: 4},
	}}})
	limited := func(now time.Time) (all []int) {
		for _, d := range y.Demands(now) {
			all = append(all, d.Limited)
		}
		return all
	}
	n := 0
	push := func(project, label string, times int) {
		for range times {
			ask(t, y, placement.Request{Job: id(n), Labels: []string{label}, Project: project})
			n++
		}
	}
	push("few", "a", 2)
	push("few", "b", 2)
	push("slow", "c", 3)
	push("quick", "d", 9)
	push("any", "e", 9)
	assert.Equal(t, []int{0, 1, 2, 5, 0}, limited(start), "so many would run, were there workers")
	y.Join(placement.Worker{ID: "w0", Slots: 99, Labels: []string{"a", "c"}, State: worker.Available})
	require.Equal(t, "0>w0 4>w0 1>w0", placed(y))
	assert.Equal(t, []int{0, 1, 2, 5, 0}, limited(start))
	assert.Equal(t, []int{0, 1, 1, 5, 0}, limited(start.Add(2*time.Second)), "the pace allows another one")
}
