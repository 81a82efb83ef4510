package api_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

func TestEveryCallComesBackWhenTheServerSaysSo(t *testing.T) {
	t.Parallel()
	left := 0 // refusals; calls come one after the other
	b := &apitest.Backend{
		OnCancel: func(*messages.CancelRunRequest, string) error {
			if left--; left >= 0 {
				return problem.RetryIn(problem.Exhausted, time.Millisecond, "the queue is full")
			}
			return nil
		},
	}
	c := client(t, serve(t, b, api.Config{}), "")
	var waits int
	c.OnWait = func(reason error, wait time.Duration) {
		waits++
		assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(reason))
		assert.GreaterOrEqual(t, wait, time.Millisecond)
	}
	left = 2
	require.NoError(t, c.Cancel(t.Context(), &messages.CancelRunRequest{RunId: apitest.RunID(1)}))
	assert.Len(t, b.Cancels(), 3)
	assert.Equal(t, 2, waits)

	b.Fail = problem.New(problem.Unavailable, "it may or may not have been stored")
	err := c.Cancel(t.Context(), &messages.CancelRunRequest{RunId: apitest.RunID(1)})
	assert.Equal(t, connect.CodeUnavailable, connect.CodeOf(err))
	assert.Len(t, b.Cancels(), 4, "without a hint it may have been done: not again")

	for name, call := range map[string]func() error{
		"list":    func() error { _, err := c.Runs(t.Context(), &messages.ListRunsRequest{}); return err },
		"show":    func() error { _, err := c.Run(t.Context(), apitest.RunID(1)); return err },
		"why":     func() error { _, err := c.Explain(t.Context(), apitest.RunID(1), 0); return err },
		"workers": func() error { _, err := c.Workers(t.Context()); return err },
		"info":    func() error { _, err := c.Info(t.Context()); return err },
	} {
		waits = 0
		b.Fail = problem.RetryIn(problem.Unavailable, time.Microsecond, "the node is recovering")
		c.OnWait = func(error, time.Duration) {
			if waits++; waits == 1 {
				b.Fail = nil
			}
		}
		err := call()
		var wire *connect.Error
		if errors.As(err, &wire) {
			assert.Equal(t, connect.CodeNotFound, wire.Code(), name)
		}
		assert.Equal(t, 1, waits, name)
	}
}

func TestACallWaitsWithinReason(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hint        time.Duration
		tries       int
		least, most time.Duration // from beginning to end
	}{
		"not often":       {time.Millisecond, 8, 100 * time.Millisecond << 6, time.Minute},
		"not long in all": {20 * time.Second, 6, 80 * time.Second, 2 * time.Minute},
		"not for ever":    {time.Hour, 4, time.Minute, 2 * time.Minute}, // half a minute each, and up to half more
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, err := api.NewClient("http://127.0.0.1:1", "")
				require.NoError(t, err)
				defer c.Close()
				full := api.ProblemError(problem.RetryIn(problem.Exhausted, tt.hint, "full"))
				tries, begun := 0, time.Now()
				err = api.Call(t.Context(), c, func(context.Context) error { tries++; return full })
				require.ErrorIs(t, err, full)
				took := time.Since(begun)
				assert.LessOrEqual(t, tries, tt.tries)
				assert.GreaterOrEqual(t, tries, 2)
				assert.GreaterOrEqual(t, took, min(tt.least, tt.hint*time.Duration(tries-1)))
				assert.LessOrEqual(t, took, tt.most)
			})
		})
	}
}

// A hundred who were refused at once do not come back at once.
func TestThoseWhoWereRefusedTogetherComeBackApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := api.NewClient("http://127.0.0.1:1", "")
		require.NoError(t, err)
		defer c.Close()
		full := api.ProblemError(problem.RetryIn(problem.Exhausted, 10*time.Second, "full"))
		begun, back := time.Now(), make(chan time.Duration, 100)
		for range cap(back) {
			go func() {
				tries := 0
				_ = api.Call(t.Context(), c, func(context.Context) error {
					if tries++; tries == 1 {
						return full
					}
					back <- time.Since(begun)
					return nil
				})
			}()
		}
		buckets := map[time.Duration]int{}
		for range cap(back) {
			at := <-back
			assert.GreaterOrEqual(t, at, 10*time.Second)
			assert.LessOrEqual(t, at, 15*time.Second)
			buckets[at.Truncate(time.Second)]++
		}
		for at, n := range buckets {
			assert.Less(t, n, 60, "%d come back in second %s", n, at)
		}
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := api.NewClient("http://127.0.0.1:1", "")
		require.NoError(t, err)
		defer c.Close()
		full := api.ProblemError(problem.RetryIn(problem.Exhausted, 10*time.Second, "full"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		err = api.Call(ctx, c, func(context.Context) error { return full })
		require.ErrorIs(t, err, full)
		assert.Equal(t, time.Second, time.Since(begun))
	})
}
