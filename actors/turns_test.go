package actors_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/actors"
	"yardmaster/domain/problem"
)

// TestWhoComesBesideAFloodIsNext has one project wait with many calls, and another
// come with one.
func TestWhoComesBesideAFloodIsNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := actors.NewTurns(2, 2, 1000, time.Hour)
		var mu sync.Mutex
		var served []string
		call := func(project string) {
			end, err := turns.Take(t.Context(), project)
			if !assert.NoError(t, err) { //nolint:testifylint // not in the test's goroutine
				return
			}
			mu.Lock()
			served = append(served, project)
			mu.Unlock()
			time.Sleep(time.Second)
			end()
			end() // it ends once
		}
		for range 100 {
			go call("flood")
		}
		synctest.Wait()
		go call("web")
		go call("api")
		synctest.Wait()
		use, _ := turns.Use()
		assert.Equal(t, actors.TurnUse{Size: 2, InUse: 2, Waiting: 100}, use)
		time.Sleep(2500 * time.Millisecond)
		mu.Lock()
		assert.ElementsMatch(t, []string{"web", "api", "flood"}, served[2:5], "within two turns")
		mu.Unlock()
		time.Sleep(time.Hour)
		use, clean := turns.Use()
		assert.Equal(t, actors.TurnUse{Size: 2}, use)
		assert.True(t, clean)
		assert.Len(t, served, 102)
	})
}

func TestALineHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := actors.NewTurns(1, 1, 2, 10*time.Second)
		end, err := turns.Take(t.Context(), "a")
		require.NoError(t, err)
		late := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := turns.Take(t.Context(), "a")
				late <- err
			}()
		}
		synctest.Wait()
		_, err = turns.Take(t.Context(), "a")
		var p *problem.Problem
		require.ErrorAs(t, err, &p)
		assert.Equal(t, problem.Exhausted, p.Kind)
		assert.GreaterOrEqual(t, p.RetryAfter, time.Second)
		assert.Equal(t, "2 submissions of project a wait for their turn already", p.Message)
		gone, leave := context.WithCancel(t.Context())
		go func() {
			_, err := turns.Take(gone, "b")
			late <- err
		}()
		synctest.Wait()
		leave()
		require.ErrorContains(t, <-late, "nobody waits")
		begun := time.Now()
		for range 2 {
			require.ErrorAs(t, <-late, &p)
			assert.Equal(t, problem.Exhausted, p.Kind)
		}
		assert.Equal(t, 10*time.Second, time.Since(begun))
		end()
		use, clean := turns.Use()
		assert.Equal(t, actors.TurnUse{Size: 1, Refused: 3}, use)
		assert.True(t, clean)
	})
}

// TestAProjectThatIsAloneHasMore has a project be alone, in company, and alone again.
func TestAProjectThatIsAloneHasMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := actors.NewTurns(4, 1, 1000, time.Hour)
		call := func(project string) {
			end, err := turns.Take(t.Context(), project)
			if assert.NoError(t, err) {
				time.Sleep(time.Second)
				end()
			}
		}
		come := func(project string, times int) actors.TurnUse {
			for range times {
				go call(project)
			}
			synctest.Wait()
			use, _ := turns.Use()
			return use
		}
		assert.Equal(t, actors.TurnUse{Size: 4, InUse: 4}, come("flood", 4))
		assert.Equal(t, actors.TurnUse{Size: 1, InUse: 4, Waiting: 1}, come("web", 1))
		time.Sleep(5 * time.Second)
		assert.Equal(t, actors.TurnUse{Size: 1, InUse: 1, Waiting: 3}, come("flood", 4), "others were there a moment ago")
		time.Sleep(10 * time.Second)
		assert.Equal(t, actors.TurnUse{Size: 4, InUse: 4}, come("flood", 4))
		_, clean := turns.Use()
		assert.True(t, clean)
		time.Sleep(time.Second)
	})
}

// TestTurnsAreNeverExceededNorLost has calls of a few projects come, go on, and give
// up at any times.
func TestTurnsAreNeverExceededNorLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type visit struct {
			project             int
			arrive, hold, leave time.Duration
		}
		ms := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(1, 50).Draw(t, "ms")) * time.Millisecond
		})
		visits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) visit {
			return visit{
				rapid.IntRange(0, 2).Draw(t, "project"), ms.Draw(t, "arrive"), ms.Draw(t, "hold"), ms.Draw(t, "leave"),
			}
		}), 1, 40).Draw(rt, "visits")
		size, most := rapid.IntRange(1, 4).Draw(rt, "size"), rapid.IntRange(1, 5).Draw(rt, "most")
		more := rapid.IntRange(0, 3).Draw(rt, "more")
		synctest.Test(t, func(t *testing.T) {
			turns := actors.NewTurns(size+more, size, most, 30*time.Millisecond)
			var mu sync.Mutex
			under, worst := 0, 0
			var all sync.WaitGroup
			for _, v := range visits {
				all.Go(func() {
					time.Sleep(v.arrive)
					ctx, cancel := context.WithTimeout(t.Context(), v.leave)
					defer cancel()
					end, err := turns.Take(ctx, fmt.Sprint(v.project))
					if err != nil {
						return
					}
					mu.Lock()
					under++
					worst = max(worst, under)
					mu.Unlock()
					time.Sleep(v.hold)
					mu.Lock()
					under--
					mu.Unlock()
					end()
				})
			}
			all.Wait()
			use, clean := turns.Use()
			if worst > size+more || use.InUse != 0 || use.Waiting != 0 || !clean {
				rt.Fatalf("at most %d of %d at once; left: %+v, %t", worst, size+more, use, clean)
			}
		})
	})
}
