package api_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/api"
	"yardmaster/domain/problem"
)

func requireExhausted(t testing.TB, err error) *problem.Problem {
	t.Helper()
	var p *problem.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, problem.Exhausted, p.Kind)
	require.Positive(t, p.RetryAfter)
	return p
}

func TestWhoComesFirstIsServedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := api.NewQuota(10, 100, time.Minute)
		large, err := q.Take(t.Context(), 7)
		require.NoError(t, err)
		var mu sync.Mutex
		var served []int64
		var backs []func()
		for _, n := range []int64{8, 1, 2} { // the small ones do not overtake
			go func() {
				back, err := q.Take(t.Context(), n)
				assert.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				served, backs = append(served, n), append(backs, back)
			}()
			synctest.Wait()
		}
		assert.Equal(t, api.PoolUse{Size: 10, InUse: 7, Waiting: 3}, q.Use())
		large()
		large() // given back once
		synctest.Wait()
		mu.Lock()
		slices.Sort(served)
		assert.Equal(t, []int64{1, 8}, served)
		first, second := backs[0], backs[1]
		mu.Unlock()
		assert.Equal(t, api.PoolUse{Size: 10, InUse: 9, Waiting: 1}, q.Use())
		first()
		second()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		backs[2]()
		assert.Equal(t, api.PoolUse{Size: 10}, q.Use())
	})
}

func TestWhoWaitsTooLongIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := api.NewQuota(1, 100, 10*time.Second)
		for range 60 { // a use takes six seconds
			back, err := q.Take(t.Context(), 5) // more than there is: all of it
			require.NoError(t, err)
			time.Sleep(6 * time.Second)
			back()
		}
		back, err := q.Take(t.Context(), 1)
		require.NoError(t, err)
		begun := time.Now()
		_, err = q.Take(t.Context(), 1)
		p := requireExhausted(t, err)
		assert.Equal(t, 10*time.Second, time.Since(begun))
		assert.InDelta(t, 12, p.RetryAfter.Seconds(), 1, "who has it and this one: a turn each")
		assert.Equal(t, "the server has no room left: 0 calls wait for it", p.Message)
		back()
		assert.Equal(t, api.PoolUse{Size: 1, Refused: 1}, q.Use())
	})
}

func TestWhenTooManyWaitTheAnswerIsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := api.NewQuota(1, 1, time.Minute)
		back, err := q.Take(t.Context(), 1)
		require.NoError(t, err)
		gone, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := q.Take(gone, 1)
			left <- err
		}()
		synctest.Wait()
		begun := time.Now()
		_, err = q.Take(t.Context(), 1)
		_ = requireExhausted(t, err)
		assert.Zero(t, time.Since(begun))
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		assert.Zero(t, q.Use().Waiting)
		back()
	})
}

// TestAQuotaIsNeverExceeded has many take and give back at any times, and checks
// that nothing is lost of it.
func TestAQuotaIsNeverExceeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type visit struct {
			n                   int64
			arrive, hold, leave time.Duration
		}
		ms := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(0, 50).Draw(t, "ms")) * time.Millisecond
		})
		visits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) visit {
			return visit{
				rapid.Int64Range(1, 12).Draw(t, "n"), ms.Draw(t, "arrive"), ms.Draw(t, "hold"), ms.Draw(t, "leave") + 1,
			}
		}), 1, 30).Draw(rt, "visits")
		synctest.Test(t, func(t *testing.T) {
			q := api.NewQuota(10, 20, 40*time.Millisecond)
			var all sync.WaitGroup
			for _, v := range visits {
				all.Go(func() {
					time.Sleep(v.arrive)
					ctx, cancel := context.WithTimeout(t.Context(), v.leave)
					defer cancel()
					back, err := q.Take(ctx, v.n)
					if use := q.Use(); use.InUse > use.Size || use.InUse < 0 {
						t.Errorf("%+v", use)
					}
					var p *problem.Problem
					switch {
					case err == nil:
						time.Sleep(v.hold)
						back()
					case !errors.As(err, &p) && !errors.Is(err, context.DeadlineExceeded):
						t.Errorf("refused with %v", err)
					}
				})
			}
			all.Wait()
			if use := q.Use(); use.InUse != 0 || use.Waiting != 0 {
				t.Errorf("left: %+v", use)
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
