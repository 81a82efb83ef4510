package natsjs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

func chunk(seq uint64, text string) attempt.Chunk {
	at := time.Unix(9, int64(seq)).UTC()
	return attempt.Chunk{Seq: seq, Step: 3, Kind: attempt.Notice, Time: at, Data: []byte(text)}
}

func logs(t testing.TB, m machine) *natsjs.Logs {
	t.Helper()
	l, err := natsjs.OpenLogs(t.Context(), m.js)
	require.NoError(t, err)
	return l
}

func TestALogIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	l := logs(t, m)
	log := natsjs.AttemptLog{Partition: 2, Job: job.ID{Run: "RUN1", Index: 5}, Token: 7}
	read := func(token job.Token, from uint64) (got []attempt.Chunk) {
		t.Helper()
		require.NoError(t, l.Read(t.Context(), log.Job, token, from, false, func(c attempt.Chunk) error {
			got = append(got, c)
			return nil
		}))
		return got
	}
	require.Empty(t, read(7, 1))
	want := []attempt.Chunk{chunk(1, "a"), chunk(2, "b"), chunk(3, "c")}
	for _, c := range want {
		require.NoError(t, l.Append(t.Context(), log, c))
		require.NoError(t, l.Append(t.Context(), log, c), "a repetition is a success")
	}
	require.ErrorIs(t, l.Append(t.Context(), log, chunk(5, "x")), natsjs.ErrLogGap)
	require.ErrorIs(t, l.Append(t.Context(), log, chunk(0, "x")), natsjs.ErrBadChunk)
	odd := natsjs.AttemptLog{Job: job.ID{Run: "a.*"}}
	require.Error(t, l.Append(t.Context(), odd, chunk(1, "x")))
	require.Error(t, l.Read(t.Context(), odd.Job, 1, 1, false, nil))
	require.Error(t, l.Purge(t.Context(), ">"))

	l = logs(t, m) // as after a restart
	require.NoError(t, l.Append(t.Context(), log, chunk(2, "b")))
	want = append(want, chunk(4, "d"))
	require.NoError(t, l.Append(t.Context(), log, want[3]))
	l.Forget(log)
	require.Equal(t, want, read(7, 1))
	require.Equal(t, want[2:], read(7, 3))
	require.Empty(t, read(8, 1))

	require.NoError(t, l.Purge(t.Context(), "RUN1"))
	require.Empty(t, read(7, 1))
}

func TestAFollowerSeesWhatComesLater(t *testing.T) {
	t.Parallel()
	l := logs(t, start(t, t.TempDir()))
	log := natsjs.AttemptLog{Job: job.ID{Run: "RUN1"}, Token: 1}
	got, ended := make(chan uint64, 8), make(chan error, 1)
	go func() {
		ended <- l.Read(t.Context(), log.Job, 1, 1, true, func(c attempt.Chunk) error {
			got <- c.Seq
			if string(c.Data) == "end" {
				return natsjs.ErrStop
			}
			return nil
		})
	}()
	for seq, text := range []string{"a", "b", "end"} {
		require.NoError(t, l.Append(t.Context(), log, chunk(uint64(seq+1), text)))
		require.Equal(t, uint64(seq+1), <-got)
	}
	require.NoError(t, <-ended)

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- l.Read(ctx, log.Job, 1, 3, true, func(c attempt.Chunk) error { got <- c.Seq; return nil })
	}()
	require.Equal(t, uint64(3), <-got)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestManyAttemptsShareTheWait(t *testing.T) {
	t.Parallel()
	l := logs(t, start(t, t.TempDir()))
	var all sync.WaitGroup
	errs := make(chan error, 64)
	for i := range uint32(64) {
		all.Add(1)
		log := natsjs.AttemptLog{Job: job.ID{Run: "R", Index: i}, Token: 1}
		l.AppendAsync(t.Context(), log, chunk(1, "x"), func(err error) { errs <- err; all.Done() })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

func TestTwoWritersOfOneLogDoNotMix(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	one, two := logs(t, m), logs(t, m)
	log := natsjs.AttemptLog{Job: job.ID{Run: "R"}, Token: 1}
	require.NoError(t, one.Append(t.Context(), log, chunk(1, "x")))
	require.NoError(t, two.Append(t.Context(), log, chunk(2, "y")))
	require.ErrorIs(t, one.Append(t.Context(), log, chunk(2, "z")), natsjs.ErrLogBusy)
	require.NoError(t, one.Append(t.Context(), log, chunk(2, "z")), "it is stored already")
	require.NoError(t, one.Append(t.Context(), log, chunk(3, "z")))
}
