package journal_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/journal/journaltest"
)

func TestTheLastEventBeforeATimeIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.NewMemory()
		last, err := journal.LastBefore(t.Context(), m, 0, time.Now())
		require.NoError(t, err)
		assert.Zero(t, last, "an empty journal")

		began := time.Now()
		j, err := m.Open(t.Context(), nothing) // the claim, at minute 0
		require.NoError(t, err)
		for range 9 { // two events each minute: 2 and 3, 4 and 5...
			time.Sleep(time.Minute)
			_, err := j.Append([][]byte{[]byte("a"), []byte("b")})
			require.NoError(t, err)
		}
		require.NoError(t, j.Close(t.Context()))
		for minute, want := range map[int]uint64{-1: 0, 0: 0, 1: 1, 2: 3, 5: 9, 9: 17, 10: 19, 99: 19} {
			last, err := journal.LastBefore(t.Context(), m, 0, began.Add(time.Duration(minute)*time.Minute))
			require.NoError(t, err)
			assert.Equal(t, want, last, minute)
		}
		require.NoError(t, m.Purge(t.Context(), 4)) // begins at minute 3
		last, err = journal.LastBefore(t.Context(), m, 0, began.Add(2*time.Minute))
		require.NoError(t, err)
		assert.Zero(t, last, "all that is left is younger")
		last, err = journal.LastBefore(t.Context(), m, 0, began.Add(4*time.Minute))
		require.NoError(t, err)
		assert.Equal(t, uint64(7), last)
	})
}

func TestLastBeforeTellsOfAStoreThatCannotBeRead(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := journal.LastBefore(ctx, m, 0, time.Now())
	require.ErrorIs(t, err, context.Canceled)
	_, err = journal.ReadRange(ctx, m, 0, journal.Point{}, 1, nothing)
	require.ErrorIs(t, err, context.Canceled)
	m.Alter(2, func(raw []byte) []byte { return raw[:len(raw)-1] })
	_, err = journal.LastBefore(t.Context(), m, 0, time.Now())
	require.ErrorIs(t, err, journal.ErrCorrupt)
}

func TestARangeIsReadUpToItsEnd(t *testing.T) {
	t.Parallel()
	m := journaltest.NewMemory()
	j := open(t, m)
	var ends []journal.Point // of the claim, and of batches of two events
	ends = append(ends, j.Head())
	for range 4 {
		_, err := j.Append([][]byte{[]byte("a"), []byte("b")})
		require.NoError(t, err)
		ends = append(ends, j.Head())
	}
	for from := range ends {
		for to := range ends[from:] {
			to += from
			h := history{}
			at, err := journal.ReadRange(t.Context(), m, 0, ends[from], ends[to].Sequence, h.add)
			require.NoError(t, err)
			assert.Equal(t, ends[to], at)
			assert.Len(t, h, 2*(to-from))
		}
	}
	errNo := errors.New("no")
	_, err := journal.ReadRange(t.Context(), m, 0, ends[0], 5, func(journal.Batch) error { return errNo })
	require.ErrorIs(t, err, errNo)
	_, err = journal.ReadRange(t.Context(), m, 0, ends[0], 4, nothing)
	require.ErrorContains(t, err, "sequence 4 is inside a batch")
	_, err = journal.ReadRange(t.Context(), m, 0, ends[0], 99, nothing)
	require.ErrorIs(t, err, journal.ErrTruncated)
	_, err = journal.ReadRange(t.Context(), m, 0, journal.Point{Sequence: 4}, 9, nothing)
	require.ErrorIs(t, err, journal.ErrHole)
}

func TestTrimNeedsAFloorThatCanBeAsked(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 3)
	j := open(t, m)
	require.ErrorIs(t, j.Trim(t.Context(), 2), journal.ErrNoFloor)
	errNo := errors.New("no answer")
	floored := func(f func() (uint64, error)) *journal.Journal {
		j, err := journal.Open(t.Context(), m, journal.Config{Owner: "test", Marks: m, Floor: f}, nothing)
		require.NoError(t, err)
		t.Cleanup(func() { _ = j.Close(context.Background()) })
		return j
	}
	require.ErrorIs(t, floored(func() (uint64, error) { return 0, errNo }).Trim(t.Context(), 2), errNo)
	j = floored(func() (uint64, error) { return 99, nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, j.Trim(ctx, 2), context.Canceled)
	first, last, err := m.Bounds(t.Context())
	require.NoError(t, err)
	m.Alter((first+last)/2, func([]byte) []byte { return nil })
	require.ErrorIs(t, j.Trim(t.Context(), 99), journal.ErrHole)
}

func TestAVerifierKnowsWhereItIs(t *testing.T) {
	t.Parallel()
	m, points := filled(t, 3)
	v := journal.NewVerifier(0, journal.Point{}, journal.Point{})
	assert.Zero(t, v.Epoch())
	raw, err := m.Get(t.Context(), 1)
	require.NoError(t, err)
	_, err = v.Check(1, raw)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), v.Epoch())
	assert.Equal(t, uint64(1), v.At().Sequence)
	assert.NotEmpty(t, points)
}

func TestAConfigTellsAllItsFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := journal.Open(t.Context(), journaltest.NewMemory(), journal.Config{BatchBytes: -1}, nothing)
	require.ErrorContains(t, err, "no owner")
	require.ErrorContains(t, err, "no marks")
	require.ErrorContains(t, err, "a limit is negative")
}
