package natsjs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

// TestAReadLeavesNothingBehind reads in every way in which a read can end, and looks
// for what NATS still keeps for it. It would keep it for five minutes.
func TestAReadLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	l := logs(t, m)
	log := natsjs.AttemptLog{Partition: 1, Job: job.ID{Run: "RUN1"}, Token: 1}
	for seq := range uint64(3) {
		require.NoError(t, l.Append(t.Context(), log, chunk(seq+1, "x")))
	}
	store, err := natsjs.OpenJournalStore(t.Context(), m.js, 0)
	require.NoError(t, err)
	position, err := store.Append(t.Context(), []byte("a batch"), 0)
	require.NoError(t, err)
	nothing := func(attempt.Chunk) error { return nil }
	broken := errors.New("the reader has had enough")

	require.NoError(t, l.Read(t.Context(), log.Job, 1, 1, false, nothing))
	require.NoError(t, l.Read(t.Context(), log.Job, 99, 1, false, nothing), "there is none")
	require.NoError(t, l.Read(t.Context(), log.Job, 1, 1, true, func(attempt.Chunk) error { return natsjs.ErrStop }))
	require.ErrorIs(t, l.Read(t.Context(), log.Job, 1, 1, true, func(attempt.Chunk) error { return broken }), broken)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, l.Read(ctx, log.Job, 1, 1, true, nothing), "it followed until it was called off")
	require.NoError(t, store.Read(t.Context(), position, position, func(uint64, []byte) error { return nil }))

	streams := m.js.ListStreams(t.Context())
	for s := range streams.Info() {
		assert.Zero(t, s.State.Consumers, s.Config.Name)
	}
	require.NoError(t, streams.Err())
}
