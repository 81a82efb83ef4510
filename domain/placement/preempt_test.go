package placement_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
