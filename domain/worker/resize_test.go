package worker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/worker"
)

func TestAWorkerMayHaveFewerSlotsThanItRunsAttempts(t *testing.T) {
	t.Parallel()

	w := given(registered, worker.Counted{Held: 2})
	events, err := worker.Decide(w, worker.Resize{Incarnation: "a", Slots: 1})
	require.NoError(t, err)
	require.Equal(t, []worker.Event{worker.Resized{Slots: 1}}, events)
	w = worker.Evolve(w, events[0])
	assert.Equal(t, 2, w.Held, "none is stopped")
	assert.Equal(t, 1, w.Slots)
	assert.Equal(t, worker.Running, w.State(), "its state is the same: nothing to be kept in a history")

	events, err = worker.Decide(w, worker.Resize{Incarnation: "a", Slots: 3})
	require.NoError(t, err)
	assert.Equal(t, 3, worker.Evolve(w, events[0]).Slots)
}

func TestASizeIsRefused(t *testing.T) {
	t.Parallel()

	one, tooMany := worker.Resize{Incarnation: "a", Slots: 1}, worker.Resize{Incarnation: "a", Slots: worker.MaxSlots + 1}
	for name, tt := range map[string]struct {
		given worker.Worker
		size  worker.Resize
		err   error
	}{
		"of nobody":               {given(), one, worker.ErrNotRegistered},
		"of an earlier life":      {given(registered, superseded, again), one, worker.ErrSuperseded},
		"of none":                 {given(registered), worker.Resize{Incarnation: "a"}, worker.ErrBadSlots},
		"of more than can be":     {given(registered), tooMany, worker.ErrBadSlots},
		"not, when it says so":    {given(registered), worker.Resize{Incarnation: "a", Slots: 2}, nil},
		"of a worker that is not": {given(registered, worker.Left{}), one, &worker.InvalidStateTransition{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := worker.Decide(tt.given, tt.size)
			assert.Empty(t, events)
			if is := new(worker.InvalidStateTransition); assert.ObjectsAreEqual(tt.err, is) {
				require.ErrorAs(t, err, &is)
				return
			}
			require.ErrorIs(t, err, tt.err)
		})
	}
}
