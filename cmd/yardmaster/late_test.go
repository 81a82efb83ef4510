package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

// endedRun is the source of a run of one job that is over. Its log is what
// readLog sends.
type endedRun struct {
	readLog func(ctx context.Context, send func(text string)) error
}

func (*endedRun) Run(context.Context, string) (*messages.Run, error) {
	return &messages.Run{RunId: "r", State: success, Jobs: []*messages.Job{{
		Key: "a", State: success, Attempts: []*messages.Attempt{{Number: 1}},
	}}}, nil
}

func (*endedRun) Watch(_ context.Context, _ string, handle func(*messages.WatchRunsResponse) error) error {
	return handle(&messages.WatchRunsResponse{})
}

func (r *endedRun) ReadLog(
	ctx context.Context, _ *messages.ReadLogRequest, handle func(*messages.ReadLogResponse) error,
) error {
	return r.readLog(ctx, func(text string) {
		_ = handle(&messages.ReadLogResponse{Parts: []*messages.LogPart{{Data: []byte(text)}}})
	})
}

// shownLogs is a display of what logs say. Whatever it shows takes its time.
type shownLogs struct {
	plainDisplay
	all   string
	takes time.Duration
}

func (s *shownLogs) logged(_ *board, _ int, res *messages.ReadLogResponse) {
	<-time.After(s.takes)
	for _, part := range res.GetParts() {
		s.all += string(part.GetData())
	}
}

func (s *shownLogs) tick(*board) { <-time.After(s.takes) }

// followEnded follows a run that is over, and returns what it showed and complained of.
func followEnded(t *testing.T, r *endedRun, takes time.Duration) (shown, complaint string) {
	t.Helper()
	show := &shownLogs{plainDisplay: plainDisplay{quiet: true}, takes: takes}
	f := &follower{
		client: r, runID: "r", show: show, logs: true, only: allJobs, complain: func(s string) { complaint += s },
	}
	run, err := f.follow(t.Context())
	require.NoError(t, err)
	assert.Equal(t, success, run.GetState())
	return show.all, complaint
}

func TestALogIsFollowedToItsEndHoweverLongThatTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shown, complaint := followEnded(t, &endedRun{func(_ context.Context, send func(string)) error {
			for _, text := range []string{"a", "b", "c", "d"} {
				<-time.After(lateLogs * 3 / 4)
				send(text)
			}
			return nil
		}}, 0)
		assert.Equal(t, "abcd", shown)
		assert.Empty(t, complaint)
	})
}

func TestASlowDisplayLosesNoLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shown, complaint := followEnded(t, &endedRun{func(_ context.Context, send func(string)) error {
			for _, text := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
				<-time.After(lateLogs / 2)
				send(text)
			}
			return nil
		}}, 2*lateLogs)
		assert.Equal(t, "abcdefgh", shown)
		assert.Empty(t, complaint)
	})
}

func TestALogThatSaysNothingMoreIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		shown, complaint := followEnded(t, &endedRun{func(ctx context.Context, send func(string)) error {
			<-time.After(lateLogs / 2)
			send("a")
			<-ctx.Done()
			return ctx.Err()
		}}, 0)
		assert.Equal(t, "a", shown)
		assert.Equal(t, "the end of a log did not arrive", complaint)
		assert.Equal(t, lateLogs*3/2, time.Since(begun))
	})
}
