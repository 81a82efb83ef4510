package journal_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/cluster/journal"
)

func batchOf(t *rapid.T) journal.Batch {
	return journal.Batch{
		Partition: rapid.Uint32().Draw(t, "partition"), Epoch: rapid.Uint64().Draw(t, "epoch"),
		First: rapid.Uint64Range(1, 1<<60).Draw(t, "first"),
		Time:  time.Unix(0, rapid.Int64().Draw(t, "nanos")).UTC(),
		Prev:  journal.HashOf(rapid.SliceOf(rapid.Byte()).Draw(t, "before")),
		Events: rapid.SliceOfN(rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) []byte {
			return append([]byte{}, b...)
		}), 1, 20).Draw(t, "events"),
	}
}

func TestABatchIsReadBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := batchOf(t)
		raw := journal.Encode([]byte("before"), want)
		require.Equal(t, "before", string(raw[:6]))
		got, err := journal.Decode(raw[6:])
		require.NoError(t, err)
		want.Hash = journal.HashOf(raw[6:])
		require.Equal(t, want, got)
	})
}

func TestABatchWithAFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := journal.Encode(nil, batchOf(t))
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, err := journal.Decode(raw)
		require.ErrorIs(t, err, journal.ErrMalformed)
	})
}

func TestAShortenedBatchIsRefused(t *testing.T) {
	t.Parallel()
	raw := journal.Encode(nil, journal.Batch{First: 1, Events: [][]byte{[]byte("one"), []byte("two")}})
	for n := range raw {
		_, err := journal.Decode(raw[:n])
		require.ErrorIs(t, err, journal.ErrMalformed, "%d bytes", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(journal.Encode(nil, journal.Batch{First: 1, Events: [][]byte{[]byte("one"), nil}}))
	f.Add(journal.Encode(nil, journal.Batch{First: 7, Kind: journal.Claim, Events: [][]byte{[]byte("node")}}))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = fixSum(raw)
		b, err := journal.Decode(raw)
		if err == nil && !bytes.Equal(journal.Encode(nil, b), raw) {
			t.Fatalf("%x is not what Encode writes of %+v", raw, b)
		}
	})
}
