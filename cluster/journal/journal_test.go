package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/journal/journaltest"
)

var errAway = errors.New("the answer is lost")

func event(format string, args ...any) [][]byte { return [][]byte{fmt.Appendf(nil, format, args...)} }

// history collects the events of the callers, by sequence number.
type history map[uint64]string

func (h history) add(b journal.Batch) error {
	if b.Kind == journal.Events {
		for i, e := range b.Events {
			h[b.First+uint64(i)] = string(e)
		}
	}
	return nil
}

func nothing(journal.Batch) error { return nil }

func open(t *testing.T, m *journaltest.Memory) *journal.Journal {
	t.Helper()
	j, err := m.Open(t.Context(), nothing)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close(context.Background()) })
	return j
}

func replayed(t *testing.T, m *journaltest.Memory) history {
	t.Helper()
	h := history{}
	j, err := m.Open(t.Context(), h.add)
	require.NoError(t, err)
	require.NoError(t, j.Close(t.Context()))
	return h
}

func TestWhatWasAcknowledgedIsReplayedInItsPlace(t *testing.T) {
	t.Parallel()
	m := journaltest.NewMemory()
	j := open(t, m)
	var mu sync.Mutex
	want := history{}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			events := [][]byte{fmt.Append(nil, "a", i), fmt.Append(nil, "b", i)}
			ack, err := j.Append(events)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			want[ack.First], want[ack.First+1] = string(events[0]), string(events[1])
		})
	}
	all.Wait()
	require.NoError(t, j.Close(t.Context()))
	require.Len(t, want, 400)
	require.Equal(t, want, replayed(t, m))
}

func TestCallbacksComeInTheOrderOfTheCalls(t *testing.T) {
	t.Parallel()
	j := open(t, journaltest.NewMemory())
	var got []uint64
	for range 1000 {
		j.AppendAsync(event("x"), func(first uint64, err error) {
			if err == nil {
				got = append(got, first)
			}
		})
	}
	require.NoError(t, j.Close(t.Context()))
	require.Len(t, got, 1000)
	for i, first := range got {
		require.Equal(t, uint64(i+2), first, "the claim has number 1")
	}
}

func TestTheSecondOwnerFencesTheFirst(t *testing.T) {
	t.Parallel()
	m := journaltest.NewMemory()
	old := open(t, m)
	_, err := old.Append(event("kept"))
	require.NoError(t, err)
	young := open(t, m)
	require.Equal(t, old.Epoch()+1, young.Epoch())

	_, err = old.Append(event("too late"))
	require.ErrorIs(t, err, journal.ErrLostOwnership)
	<-old.Lost()
	require.ErrorIs(t, old.Err(), journal.ErrLostOwnership)
	_, err = old.Append(event("later still"))
	require.ErrorIs(t, err, journal.ErrLostOwnership)

	_, err = young.Append(event("new"))
	require.NoError(t, err)
	require.NoError(t, young.Close(t.Context()))
	require.Equal(t, history{2: "kept", 4: "new"}, replayed(t, m))
}

func TestAnAmbiguousAppendIsStoredOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(call int, stored bool) error{
		"the answer is lost after storing": func(call int, stored bool) error {
			return when(call <= 3 && stored)
		},
		"the message is lost before storing": func(call int, stored bool) error {
			return when(call <= 3 && !stored)
		},
		"nothing gets through for a while, and the breaker opens": func(call int, _ bool) error {
			return when(call <= 12)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := journaltest.NewMemory()
				j := open(t, m)
				m.FailAppends(lose)
				ack, err := j.Append(event("once"))
				require.NoError(t, err)
				require.Equal(t, uint64(2), ack.First)
				require.NoError(t, j.Close(t.Context()))
				m.FailAppends(nil)
				require.Equal(t, history{2: "once"}, replayed(t, m))
			})
		})
	}
}

func when(lost bool) error {
	if lost {
		return errAway
	}
	return nil
}

func TestAStoreWithoutAnAnswerStopsTheJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.NewMemory()
		var opened atomic.Int64
		j, err := journal.Open(t.Context(), m, journal.Config{
			Owner: "n", Marks: m, Hooks: journal.Hooks{Breaker: func(state string) {
				if state == "open" {
					opened.Add(1)
				}
			}},
		}, nothing)
		require.NoError(t, err)
		m.FailAppends(func(int, bool) error { return errAway })
		start := time.Now()
		_, err = j.Append(event("unknown"))
		require.ErrorIs(t, err, journal.ErrUncertain)
		require.ErrorIs(t, err, errAway)
		require.Equal(t, time.Minute, time.Since(start))
		require.Positive(t, opened.Load())
		<-j.Lost()
		require.NoError(t, j.Close(t.Context()))
	})
}

func TestAStoreThatCannotWriteIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	m := journaltest.NewMemory()
	j := open(t, m)
	var calls atomic.Int64
	m.FailAppends(func(call int, _ bool) error {
		calls.Store(int64(call))
		return journal.ErrStorage
	})
	_, err := j.Append(event("x"))
	require.ErrorIs(t, err, journal.ErrStorage)
	<-j.Lost()
	require.Equal(t, int64(1), calls.Load())
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.NewMemory()
		cfg := journal.Config{Owner: "n", Marks: m, QueueLength: 3, EntryBytes: 100}
		j, err := journal.Open(t.Context(), m, cfg, nothing)
		require.NoError(t, err)
		gate := make(chan struct{})
		m.FailAppends(func(int, bool) error { <-gate; return nil })
		var stored int
		count := func(_ uint64, err error) {
			if err == nil {
				stored++
			}
		}
		for range 3 {
			j.AppendAsync(event("x"), count)
			synctest.Wait()
		}
		_, err = j.Append(event("one too many"))
		require.ErrorIs(t, err, journal.ErrOverloaded)
		_, err = j.Append([][]byte{make([]byte, 200)})
		require.ErrorIs(t, err, journal.ErrTooLarge)
		_, err = j.Append(nil)
		require.ErrorIs(t, err, journal.ErrTooLarge)
		close(gate)
		require.NoError(t, j.Close(t.Context()))
		require.Equal(t, 3, stored)
		_, err = j.Append(event("closed"))
		require.ErrorIs(t, err, journal.ErrClosed)
	})
}

func TestAnEntryIsNotSplitAndABatchKeepsItsLimits(t *testing.T) {
	t.Parallel()
	m := journaltest.NewMemory()
	cfg := journal.Config{Owner: "n", Marks: m, BatchEvents: 7, BatchBytes: 1000}
	j, err := journal.Open(t.Context(), m, cfg, nothing)
	require.NoError(t, err)
	var firsts []uint64
	for range 100 {
		j.AppendAsync([][]byte{[]byte("a"), []byte("b"), []byte("c")}, func(first uint64, _ error) {
			firsts = append(firsts, first)
		})
	}
	require.NoError(t, j.Close(t.Context()))
	starts := map[uint64]bool{}
	at, err := journal.ReadRange(t.Context(), m, 0, journal.Point{}, j.Head().Sequence, func(b journal.Batch) error {
		require.LessOrEqual(t, len(b.Events), 7)
		for i := 0; i < len(b.Events); i += 3 {
			starts[b.First+uint64(i)] = true
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, j.Head(), at)
	require.Len(t, firsts, 100)
	for _, first := range firsts {
		require.True(t, starts[first], "entry at %d", first)
	}
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.NewMemory()
		j := open(t, m)
		m.FailAppends(func(int, bool) error { return errAway })
		answers := make(chan error, 1)
		j.AppendAsync(event("x"), func(_ uint64, err error) { answers <- err })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, j.Close(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, <-answers, journal.ErrUncertain)
	})
}
