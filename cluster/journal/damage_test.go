package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/journal/journaltest"
)

// filled returns a memory with a claim and n batches of one event, positions 1 to n+1.
func filled(t *testing.T, n int) (*journaltest.Memory, []journal.Point) {
	t.Helper()
	m := journaltest.NewMemory()
	j, err := m.Open(t.Context(), nothing)
	require.NoError(t, err)
	points := []journal.Point{{}, j.Head()}
	for i := range n {
		_, err := j.Append(event("event %d", i))
		require.NoError(t, err)
	}
	require.NoError(t, j.Close(t.Context()))
	_, err = journal.ReadRange(t.Context(), m, 0, points[1], j.Head().Sequence, func(b journal.Batch) error {
		points = append(points, journal.Point{Sequence: b.Last(), Hash: b.Hash})
		return nil
	})
	require.NoError(t, err)
	return m, points
}

func TestDamageIsRefusedByName(t *testing.T) {
	t.Parallel()
	foreign, _ := filled(t, 9)
	raw5, err := foreign.Get(t.Context(), 5)
	require.NoError(t, err)
	reseal := func(change func(*journal.Batch)) func([]byte) []byte {
		return func(raw []byte) []byte {
			b, err := journal.Decode(raw)
			require.NoError(t, err)
			change(&b)
			return journal.Encode(nil, b)
		}
	}
	tests := map[string]struct {
		damage func(*journaltest.Memory)
		kind   error
	}{
		"a removed message": {
			func(m *journaltest.Memory) { m.Alter(5, func([]byte) []byte { return nil }) }, journal.ErrHole,
		},
		"a flipped bit": {
			func(m *journaltest.Memory) { m.Alter(5, func(r []byte) []byte { r[70] ^= 4; return r }) }, journal.ErrCorrupt,
		},
		"a lost end":       {func(m *journaltest.Memory) { m.Truncate(3) }, journal.ErrTruncated},
		"everything lost":  {func(m *journaltest.Memory) { m.Truncate(10) }, journal.ErrTruncated},
		"a lost beginning": {func(m *journaltest.Memory) { _ = m.Purge(t.Context(), 4) }, journal.ErrHole},
		"a foreign batch": {
			func(m *journaltest.Memory) { m.Alter(5, func([]byte) []byte { return raw5 }) }, journal.ErrBadHash,
		},
		"a foreign last batch": {func(m *journaltest.Memory) {
			m.Alter(10, reseal(func(b *journal.Batch) { b.Time = b.Time.Add(1) }))
		}, journal.ErrBadHash},
		"a doubled batch": {func(m *journaltest.Memory) {
			r, _ := m.Get(t.Context(), 5)
			m.Alter(6, func([]byte) []byte { return r })
		}, journal.ErrHole},
		"another partition's": {func(m *journaltest.Memory) {
			m.Alter(5, reseal(func(b *journal.Batch) { b.Partition = 3 }))
		}, journal.ErrWrongPartition},
		"an epoch nobody opened": {func(m *journaltest.Memory) {
			m.Alter(5, reseal(func(b *journal.Batch) { b.Epoch = 9 }))
		}, journal.ErrCorrupt},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _ := filled(t, 9)
			tt.damage(m)
			_, err := m.Open(t.Context(), nothing)
			require.ErrorIs(t, err, tt.kind)
			var fault *journal.Fault
			require.ErrorAs(t, err, &fault)
			require.Contains(t, err.Error(), "partition 0")
		})
	}
}

// TestAnyAlterationIsFound damages a journal in any one place, and shows that a
// replay either refuses or yields all that was stored.
func TestAnyAlterationIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m, points := filled(t, 9)
		at := uint64(rapid.IntRange(1, 10).Draw(rt, "message"))
		m.Alter(at, func(raw []byte) []byte {
			raw[rapid.IntRange(0, len(raw)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			return raw
		})
		_, err := journal.ReadRange(t.Context(), m, 0, journal.Point{}, points[10].Sequence, nothing)
		var fault *journal.Fault
		require.ErrorAs(rt, err, &fault)
		require.Equal(rt, at, fault.Position)
	})
}

func TestReplayGoesOnFromASnapshot(t *testing.T) {
	t.Parallel()
	for from := 1; from <= 10; from++ {
		t.Run(fmt.Sprint("after ", from), func(t *testing.T) {
			t.Parallel()
			m, points := filled(t, 9)
			h := history{}
			cfg := journal.Config{Owner: "n", Marks: m, From: points[from]}
			j, err := journal.Open(t.Context(), m, cfg, h.add)
			require.NoError(t, err)
			require.NoError(t, j.Close(t.Context()))
			require.Len(t, h, 10-from)
			require.Equal(t, uint64(2), j.Epoch())
		})
	}
}

func TestASnapshotOfAnotherHistoryIsRefused(t *testing.T) {
	t.Parallel()
	m, points := filled(t, 9)
	for name, tt := range map[string]struct {
		from journal.Point
		kind error
	}{
		"another hash":        {journal.Point{Sequence: 5, Hash: points[4].Hash}, journal.ErrBadHash},
		"another hash at end": {journal.Point{Sequence: 10, Hash: points[4].Hash}, journal.ErrBadHash},
		"beyond the end":      {journal.Point{Sequence: 11, Hash: points[4].Hash}, journal.ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := journal.Open(t.Context(), m, journal.Config{Owner: "n", Marks: m, From: tt.from}, nothing)
			require.ErrorIs(t, err, tt.kind)
		})
	}
}

func TestTrimKeepsWhatTheOlderSnapshotNeeds(t *testing.T) {
	t.Parallel()
	m, points := filled(t, 9)
	cfg := journal.Config{
		Owner: "n", Marks: m, From: points[8],
		Floor: func() (uint64, error) { return 6, nil },
	}
	j, err := journal.Open(t.Context(), m, cfg, nothing)
	require.NoError(t, err)
	require.NoError(t, j.Trim(t.Context(), 8))
	require.NoError(t, j.Close(t.Context()))
	first, _, err := m.Bounds(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(7), first)

	cfg.From = points[6]
	j, err = journal.Open(t.Context(), m, cfg, nothing)
	require.NoError(t, err)
	require.NoError(t, j.Close(t.Context()))
	cfg.From = points[4]
	_, err = journal.Open(t.Context(), m, cfg, nothing)
	require.ErrorIs(t, err, journal.ErrHole)
}

func TestMarksOutliveTheirFileBeingTorn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "marks")
	require.NoError(t, journal.CreateMarks(path, 4))
	m, err := journal.OpenMarks(path, 4)
	require.NoError(t, err)
	zero, err := m.Load(3)
	require.NoError(t, err)
	require.Zero(t, zero)
	for i := range uint64(5) {
		require.NoError(t, m.Set(3, journal.Point{Sequence: i + 1, Hash: journal.Hash{byte(i)}}))
	}
	require.Error(t, m.Set(4, journal.Point{}))
	require.NoError(t, m.Close())

	load := func() (journal.Point, error) {
		m, err := journal.OpenMarks(path, 4)
		require.NoError(t, err)
		defer func() { require.NoError(t, m.Close()) }()
		return m.Load(3)
	}
	p, err := load()
	require.NoError(t, err)
	require.Equal(t, journal.Point{Sequence: 5, Hash: journal.Hash{4}}, p)

	tear := func(side int64) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("torn"), (3*2+side)*64+20)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	tear(1) // generation 5
	p, err = load()
	require.NoError(t, err)
	require.Equal(t, uint64(4), p.Sequence)
	tear(0)
	_, err = load()
	require.ErrorIs(t, err, journal.ErrMarksDamaged)
	require.NoError(t, os.Truncate(path, 10))
	_, err = journal.OpenMarks(path, 4)
	require.ErrorIs(t, err, journal.ErrMarksDamaged)
}
