package actorstest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

// the attempt that the tests write of.
var one = job.ID{Run: "01ONE", Index: 3}

func chunk(seq uint64) attempt.Chunk {
	return attempt.Chunk{
		Seq: seq, Step: int(seq % 3), Kind: attempt.ChunkKind(seq % 2), Time: time.Unix(1000, int64(seq)).UTC(),
		Data: fmt.Appendf(nil, "chunk %d\n", seq),
	}
}

// Logs tests a store of logs. fresh returns an empty one.
func Logs(t *testing.T, fresh func(t *testing.T) actors.Logs) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, actors.Logs){
		"chunks are read in order, from anywhere":      testOrder,
		"a chunk that comes again is stored once":      testAgain,
		"a chunk beyond a gap is not stored":           testGap,
		"attempts do not mix":                          testAttempts,
		"a follower gets what comes later, to its end": testFollow,
		"what fn refuses ends the reading":             testRefused,
		"purged runs have no log":                      testPurge,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func put(t *testing.T, l actors.Logs, id job.ID, token job.Token, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		require.NoError(t, append1(t, l, id, token, seq))
	}
}

func append1(t *testing.T, l actors.Logs, id job.ID, token job.Token, seq uint64) error {
	t.Helper()
	told := make(chan error, 1)
	l.Append(id, token, chunk(seq), func(err error) { told <- err })
	return receive(t, told)
}

func read(t *testing.T, l actors.Logs, id job.ID, token job.Token, from uint64) []attempt.Chunk {
	t.Helper()
	var got []attempt.Chunk
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, l.Read(ctx, id, token, from, false, func(c attempt.Chunk) error {
		c.Time = c.Time.UTC()
		got = append(got, c)
		return nil
	}))
	return got
}

func testOrder(t *testing.T, l actors.Logs) {
	assert.Empty(t, read(t, l, one, 1, 1))
	put(t, l, one, 1, 1, 2, 3)
	assert.Equal(t, []attempt.Chunk{chunk(1), chunk(2), chunk(3)}, read(t, l, one, 1, 1))
	assert.Equal(t, []attempt.Chunk{chunk(3)}, read(t, l, one, 1, 3))
	assert.Empty(t, read(t, l, one, 1, 4))
}

func testAgain(t *testing.T, l actors.Logs) {
	put(t, l, one, 1, 1, 2, 1, 2, 3, 3)
	assert.Len(t, read(t, l, one, 1, 1), 3)
}

func testGap(t *testing.T, l actors.Logs) {
	put(t, l, one, 1, 1)
	require.Error(t, append1(t, l, one, 1, 3))
	put(t, l, one, 1, 2, 3)
	assert.Len(t, read(t, l, one, 1, 1), 3)
}

func testAttempts(t *testing.T, l actors.Logs) {
	put(t, l, one, 1, 1, 2)
	put(t, l, one, 2, 1)
	put(t, l, job.ID{Run: one.Run, Index: 4}, 1, 1)
	assert.Len(t, read(t, l, one, 1, 1), 2)
	assert.Len(t, read(t, l, one, 2, 1), 1)
}

func testFollow(t *testing.T, l actors.Logs) {
	put(t, l, one, 1, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, done := make(chan uint64, 10), make(chan error, 1)
	go func() {
		done <- l.Read(ctx, one, 1, 1, true, func(c attempt.Chunk) error {
			got <- c.Seq
			return nil
		})
	}()
	for seq := range uint64(3) {
		select {
		case s := <-got:
			require.Equal(t, seq+1, s)
		case err := <-done:
			require.FailNow(t, "it ended", "%v", err)
		}
		put(t, l, one, 1, seq+2)
	}
	cancel()
	require.ErrorIs(t, receive(t, done), context.Canceled)
}

func testRefused(t *testing.T, l actors.Logs) {
	put(t, l, one, 1, 1, 2)
	enough := errors.New("enough")
	for _, follow := range []bool{false, true} {
		err := l.Read(t.Context(), one, 1, 1, follow, func(attempt.Chunk) error { return enough })
		require.ErrorIs(t, err, enough)
	}
}

func testPurge(t *testing.T, l actors.Logs) {
	other := job.ID{Run: "01OTHER"}
	put(t, l, one, 1, 1)
	put(t, l, other, 1, 1)
	require.NoError(t, l.Purge(t.Context(), []job.RunID{one.Run}))
	assert.Empty(t, read(t, l, one, 1, 1))
	assert.Len(t, read(t, l, other, 1, 1), 1)
}
