// Package actorstest holds what every implementation of a port of package actors
// owes, as tests. The ports in memory and the real ones pass the same.
package actorstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/partition"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// history is what a test's partition adds up to: the texts of its events.
type history struct{ texts []string }

// Snapshot implements actors.Folder.
func (h *history) Snapshot(data []byte) error {
	if len(data) > 0 {
		h.texts = append(h.texts, strings.Split(string(data), "\n")...)
	}
	return nil
}

// Event implements actors.Folder.
func (h *history) Event(data []byte) error {
	h.texts = append(h.texts, string(data))
	return nil
}

// Encode implements actors.Folder.
func (h *history) Encode() []byte { return []byte(strings.Join(h.texts, "\n")) }

func open(t *testing.T, o actors.Opener, p partition.Number) (actors.Journal, []string) {
	t.Helper()
	h := &history{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	j, err := o.Open(ctx, p, h.Snapshot, h.Event)
	require.NoError(t, err)
	t.Cleanup(j.Close)
	return j, h.texts
}

// Opener tests an Opener and its Journals. fresh returns one with two empty
// partitions, 0 and 1.
func Opener(t *testing.T, fresh func(t *testing.T) actors.Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, actors.Opener){
		"an empty partition has no history":                  testEmpty,
		"what was appended is replayed in order":             testReplay,
		"partitions do not mix":                              testPartitions,
		"appends of many are all or none, and in order":      testConcurrent,
		"a second owner fences the first":                    testFence,
		"a closed journal stores nothing more":               testClosed,
		"a snapshot and what is behind it are the history":   testSnapshot,
		"a history that cannot be folded cannot be opened":   testFault,
		"an append that is not waited for tells how it went": testAsync,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func testEmpty(t *testing.T, o actors.Opener) {
	_, got := open(t, o, 0)
	assert.Empty(t, got)
}

func testReplay(t *testing.T, o actors.Opener) {
	j, _ := open(t, o, 0)
	require.NoError(t, j.Append([]byte("a"), []byte("b")))
	require.NoError(t, j.Append([]byte("c")))
	j.Close()
	_, got := open(t, o, 0)
	assert.Equal(t, []string{"a", "b", "c"}, got)
}

func testPartitions(t *testing.T, o actors.Opener) {
	zero, _ := open(t, o, 0)
	one, _ := open(t, o, 1)
	require.NoError(t, zero.Append([]byte("zero")))
	require.NoError(t, one.Append([]byte("one")))
	zero.Close()
	require.NoError(t, one.Append([]byte("one still")))
	_, got := open(t, o, 0)
	assert.Equal(t, []string{"zero"}, got)
}

func testConcurrent(t *testing.T, o actors.Opener) {
	j, _ := open(t, o, 0)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			assert.NoError(t, j.Append(fmt.Appendf(nil, "%d first", i), fmt.Appendf(nil, "%d second", i)))
		})
	}
	wg.Wait()
	j.Close()
	_, got := open(t, o, 0)
	require.Len(t, got, 40)
	for i := 0; i < len(got); i += 2 {
		assert.Equal(t, strings.Replace(got[i], "first", "second", 1), got[i+1])
	}
}

func testFence(t *testing.T, o actors.Opener) {
	old, _ := open(t, o, 0)
	require.NoError(t, old.Append([]byte("by the first")))
	young, got := open(t, o, 0)
	assert.Equal(t, []string{"by the first"}, got)
	require.ErrorIs(t, old.Append([]byte("too late")), actors.ErrLostOwnership)
	require.NoError(t, young.Append([]byte("by the second")))
	young.Close()
	_, got = open(t, o, 0)
	assert.Equal(t, []string{"by the first", "by the second"}, got)
}

func testClosed(t *testing.T, o actors.Opener) {
	j, _ := open(t, o, 0)
	j.Close()
	j.Close()
	require.ErrorIs(t, j.Append([]byte("x")), actors.ErrLostOwnership)
	_, got := open(t, o, 0)
	assert.Empty(t, got)
}

func testSnapshot(t *testing.T, o actors.Opener) {
	j, _ := open(t, o, 0)
	want := make([]string, 0, 101)
	for i := range 100 {
		want = append(want, fmt.Sprint("event ", i))
		require.NoError(t, j.Append([]byte(want[i])))
	}
	require.NoError(t, o.Compact(t.Context(), 0, &history{}))
	require.NoError(t, j.Append([]byte("behind")))
	j.Close()
	_, got := open(t, o, 0)
	assert.Equal(t, append(want, "behind"), got)
}

func testFault(t *testing.T, o actors.Opener) {
	j, _ := open(t, o, 0)
	require.NoError(t, j.Append([]byte("x")))
	j.Close()
	unreadable := errors.New("unreadable")
	_, err := o.Open(t.Context(), 0, (&history{}).Snapshot, func([]byte) error { return unreadable })
	require.ErrorIs(t, err, unreadable)
}

func testAsync(t *testing.T, o actors.Opener) {
	j, _ := open(t, o, 0)
	told := make(chan error, 100)
	for i := range 50 {
		j.AppendAsync([][]byte{fmt.Appendf(nil, "%02d", i)}, func(err error) { told <- err })
	}
	for range 50 {
		require.NoError(t, receive(t, told))
	}
	j.Close()
	j.AppendAsync([][]byte{[]byte("x")}, func(err error) { told <- err })
	require.ErrorIs(t, receive(t, told), actors.ErrLostOwnership)
	_, got := open(t, o, 0)
	require.Len(t, got, 50)
	assert.IsIncreasing(t, got)
}

func receive(t *testing.T, from <-chan error) error {
	t.Helper()
	select {
	case err := <-from:
		return err
	case <-time.After(patience):
		require.FailNow(t, "no answer")
		return nil
	}
}
