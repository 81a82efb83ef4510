package actors_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/messages"
)

func TestASlowWatcherIsToldToReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := actors.NewFeed()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		slow := make(chan struct{})
		var resyncs, changes int
		var last *messages.RunChange
		go func() {
			_ = f.Watch(ctx, "r1", func(m *messages.WatchRunsResponse) error {
				<-slow
				changes += len(m.Changes)
				if m.Resync {
					resyncs++
				}
				if n := len(m.Changes); n > 0 {
					last = m.Changes[n-1]
				}
				return nil
			})
		}()
		synctest.Wait()
		require.True(t, f.Watched())
		for i := range actors.FeedLimit + 10 {
			f.Publish(&messages.RunChange{RunId: "r1", JobIndex: uint32(i)})
		}
		f.Publish(&messages.RunChange{RunId: "other"})
		close(slow)
		synctest.Wait()
		require.Equal(t, 1, resyncs)
		require.Equal(t, 9, changes, "what came after the loss")
		require.Equal(t, uint32(actors.FeedLimit+9), last.JobIndex)

		f.Publish(&messages.RunChange{RunId: "r1"})
		synctest.Wait()
		require.Equal(t, 10, changes)
		require.Equal(t, 1, resyncs, "it is told once")
		cancel()
		synctest.Wait()
		require.False(t, f.Watched())
	})
}

func TestAWatcherOfAllRunsHearsOfAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := actors.NewFeed()
		var runs []string
		enough := errors.New("enough")
		var ended error
		go func() {
			ended = f.Watch(t.Context(), "", func(m *messages.WatchRunsResponse) error {
				for _, c := range m.Changes {
					runs = append(runs, c.RunId)
				}
				if len(runs) == 3 {
					return enough
				}
				return nil
			})
		}()
		synctest.Wait()
		for _, id := range []string{"a", "b", "a"} {
			f.Publish(&messages.RunChange{RunId: id})
			synctest.Wait()
		}
		require.Equal(t, []string{"a", "b", "a"}, runs)
		require.ErrorIs(t, ended, enough)
		require.False(t, f.Watched())
	})
}

func BenchmarkFeedPublish(b *testing.B) {
	for name, watchers := range map[string]int{"nobody": 0, "three": 3} {
		b.Run(name, func(b *testing.B) {
			f := actors.NewFeed()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			joined := make(chan struct{}, watchers)
			for range watchers {
				first := true
				go func() {
					_ = f.Watch(ctx, "r1", func(*messages.WatchRunsResponse) error {
						if first {
							joined <- struct{}{}
						}
						first = false
						return nil
					})
				}()
				<-joined
			}
			c := &messages.RunChange{RunId: "r1"}
			b.ReportAllocs()
			for b.Loop() {
				f.Publish(c)
			}
		})
	}
}
