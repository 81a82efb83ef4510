package main

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

// Every command comes back when a busy server says so, and says that it waits.
func TestCommandsObeyABusyServer(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	busyOnce := func() error {
		if calls.Add(1) == 1 {
			return problem.RetryIn(problem.Exhausted, 20*time.Millisecond, "the queue is full")
		}
		return nil
	}
	b := filled()
	b.OnCancel = func(*messages.CancelRunRequest, string) error { return busyOnce() }
	b.OnSubmit = func(api.Submission) ([]*messages.SubmittedRun, error) {
		return []*messages.SubmittedRun{{RunId: apitest.RunID(1)}}, busyOnce()
	}
	for name, args := range map[string][]string{
		"cancel": {"cancel", apitest.RunID(1)},
		"submit": {"submit", workflowFile(t, helloFile)},
	} {
		calls.Store(0)
		c := newCLI(t, b)
		begun := time.Now()
		assert.Equal(t, exitSuccess, c.run(args...), "%s: %s", name, c.err.String())
		assert.GreaterOrEqual(t, time.Since(begun), 20*time.Millisecond, name)
		assert.EqualValues(t, 2, calls.Load(), name)
		assert.Regexp(t, `^yardmaster: the queue is full; trying again in \d+ms\n`, c.err.String(), name)
	}
}

func TestBoundsOfASizeAreFilledIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		slots, least, most             int // as given
		wantFirst, wantLeast, wantMost int
	}{
		"none: it is fixed":           {3, 0, 0, 3, 0, 0},
		"both":                        {3, 2, 9, 3, 2, 9},
		"the upper one: from 1 on":    {3, 0, 9, 3, 1, 9},
		"the first one is beyond":     {3, 4, 9, 4, 4, 9},
		"the first one is far beyond": {64, 1, 9, 9, 1, 9},
		"equal: it is fixed":          {3, 5, 5, 5, 5, 5},
	} {
		c := workerConfig{
			Server: "nats://x:1", ID: "w1", WorkDir: "w", Slots: tt.slots, SlotsMin: tt.least, SlotsMax: tt.most,
			Grace: time.Second, DrainTimeout: time.Second, LogCap: 1,
		}
		require.NoError(t, c.validate(), name)
		assert.Equal(t, []int{tt.wantFirst, tt.wantLeast, tt.wantMost}, []int{c.Slots, c.SlotsMin, c.SlotsMax}, name)
	}
	c := workerConfig{
		Server: "nats://x:1", ID: "w1", WorkDir: "w", Slots: 1, SlotsMin: 2, Grace: 1, DrainTimeout: time.Second, LogCap: 1,
	}
	require.NoError(t, c.validate())
	assert.GreaterOrEqual(t, c.SlotsMax, slotsPerCore)
	c.SlotsMin, c.SlotsMax = 5, 4
	require.ErrorContains(t, c.validate(), "--slots-min is 5 and --slots-max 4")
	c.SlotsMin, c.SlotsMax = -1, maxSlots+1
	require.ErrorContains(t, c.validate(), "--slots-min is -1")
	require.ErrorContains(t, c.validate(), "--slots-max is 10001")
}
