package journaltest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
)

// TestStore is the suite for a journal.Store. open returns an empty one; it
// arranges for its end with t.Cleanup.
func TestStore(t *testing.T, open func(t *testing.T) journal.Store) { //nolint:tparallel // the caller says
	t.Helper()
	tests := map[string]func(*testing.T, journal.Store){
		"an empty store has nothing between its bounds": storeEmpty,
		"what was appended is read in order":            storeReads,
		"an append behind another message is refused":   storeCompares,
		"of two who append at once one succeeds":        storeRaces,
		"a purge leaves what is above":                  storePurges,
		"a context that has ended ends the call":        storeContext,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func storeEmpty(t *testing.T, s journal.Store) {
	first, last, err := s.Bounds(t.Context())
	require.NoError(t, err)
	require.Equal(t, last+1, first)
	_, err = s.Get(t.Context(), 1)
	require.ErrorIs(t, err, journal.ErrMissing)
	require.ErrorIs(t, s.Read(t.Context(), 1, 1, nil), journal.ErrMissing)
}

// fill appends n messages "1" to "n".
func fill(t *testing.T, s journal.Store, n int) {
	t.Helper()
	for i := range uint64(n) {
		at, err := s.Append(t.Context(), fmt.Append(nil, i+1), i)
		require.NoError(t, err)
		require.Equal(t, i+1, at)
	}
}

func storeReads(t *testing.T, s journal.Store) {
	fill(t, s, 300)
	var got []string
	err := s.Read(t.Context(), 3, 299, func(at uint64, raw []byte) error {
		require.Equal(t, fmt.Sprint(at), string(raw))
		got = append(got, string(raw))
		return nil
	})
	require.NoError(t, err)
	require.Len(t, got, 297)
	require.Equal(t, "3", got[0])

	raw, err := s.Get(t.Context(), 300)
	require.NoError(t, err)
	require.Equal(t, "300", string(raw))
	require.ErrorIs(t, s.Read(t.Context(), 301, 301, nil), journal.ErrMissing)

	enough := fmt.Errorf("enough")
	require.ErrorIs(t, s.Read(t.Context(), 1, 300, func(uint64, []byte) error { return enough }), enough)
}

func storeCompares(t *testing.T, s journal.Store) {
	fill(t, s, 2)
	for _, last := range []uint64{0, 1, 3} {
		_, err := s.Append(t.Context(), []byte("x"), last)
		require.ErrorIs(t, err, journal.ErrWrongLast, "expecting %d", last)
	}
	_, last, err := s.Bounds(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(2), last)
}

func storeRaces(t *testing.T, s journal.Store) {
	var wins atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.Append(t.Context(), []byte("x"), 0); err == nil {
				wins.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(1), wins.Load())
}

func storePurges(t *testing.T, s journal.Store) {
	fill(t, s, 9)
	require.NoError(t, s.Purge(t.Context(), 4))
	first, last, err := s.Bounds(t.Context())
	require.NoError(t, err)
	require.Equal(t, [2]uint64{4, 9}, [2]uint64{first, last})
	_, err = s.Get(t.Context(), 3)
	require.ErrorIs(t, err, journal.ErrMissing)
	at, err := s.Append(t.Context(), []byte("10"), 9)
	require.NoError(t, err)
	require.Equal(t, uint64(10), at)
}

func storeContext(t *testing.T, s journal.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Append(ctx, []byte("x"), 0)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Get(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}
