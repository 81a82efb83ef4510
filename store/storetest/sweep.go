package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

func testSweep(t *testing.T, f Fixture) {
	dead, live := [][]byte{}, map[blob.Digest]bool{}
	var deadBytes, liveBytes int64
	for i, size := range sizes() {
		dead = append(dead, content(uint64(i), size))
		deadBytes += int64(size)
		put(t, f, dead[i])
		if size > 0 { // there is one empty blob
			live[put(t, f, content(uint64(100+i), size))] = true
			liveBytes += int64(size)
		}
	}
	long := time.Now().Add(-time.Hour)
	isLive := func(d blob.Digest) bool { return live[d] }
	swept, err := f.Store.Sweep(t.Context(), isLive, long)
	require.NoError(t, err)
	n := len(dead) + len(live)
	require.Equal(t, store.Swept{Kept: n, KeptBytes: deadBytes + liveBytes}, swept, "all are young")

	now := time.Now()
	young := content(1000, 300<<10)
	put(t, f, young)
	swept, err = f.Store.Sweep(t.Context(), isLive, now)
	require.NoError(t, err)
	require.Equal(t, store.Swept{
		Removed: len(dead), RemovedBytes: deadBytes, Kept: len(live) + 1, KeptBytes: liveBytes + 300<<10,
	}, swept)
	for _, data := range dead {
		requireLacks(t, f, blob.Of(data))
	}
	for i, size := range sizes()[1:] {
		requireHas(t, f, content(uint64(101+i), size))
	}
	requireHas(t, f, young)
}

func testSweepAfterHas(t *testing.T, f Fixture) {
	for i, size := range []int{1000, 300 << 10} {
		relied, other := content(uint64(i), size), content(uint64(10+i), size)
		put(t, f, relied)
		put(t, f, other)
		clean := f.Traces(t)
		since := time.Now()
		has, err := f.Store.Has(t.Context(), blob.Of(relied))
		require.NoError(t, err)
		require.True(t, has)
		require.Equal(t, clean, f.Traces(t))
		_, err = f.Store.Sweep(t.Context(), nobody, since)
		require.NoError(t, err)
		requireHas(t, f, relied)
		requireLacks(t, f, blob.Of(other))
	}
}

func testSweepDuringPut(t *testing.T, f Fixture) {
	for i, size := range []int{1000, 300 << 10} {
		data := content(uint64(i), size)
		put(t, f, data)
		for round := range 20 {
			since := time.Now()
			var both sync.WaitGroup
			both.Go(func() {
				_, _ = f.Store.Sweep(t.Context(), nobody, since) // what it removed does not matter
			})
			relied := true
			if round%2 == 0 {
				put(t, f, data)
			} else {
				has, err := f.Store.Has(t.Context(), blob.Of(data))
				require.NoError(t, err)
				relied = has
			}
			both.Wait()
			if relied {
				requireHas(t, f, data)
			} else {
				requireLacks(t, f, blob.Of(data))
				put(t, f, data)
			}
		}
	}
}

func testSweepCancelled(t *testing.T, f Fixture) {
	data := content(1, 1000)
	put(t, f, data)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Store.Sweep(ctx, nobody, time.Now())
	require.ErrorIs(t, err, context.Canceled)
	requireHas(t, f, data)
}

// Bench measures a store: large blobs and small ones, written and read.
func Bench(b *testing.B, fresh func(b *testing.B) store.Blobs) {
	b.Helper()
	for name, size := range map[string]int{"4KiB": 4 << 10, "16MiB": 16 << 20} {
		data := content(1, size)
		b.Run("Put/"+name, func(b *testing.B) {
			s := fresh(b)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			i := uint64(0)
			for b.Loop() {
				i++ // so that each is another blob
				for k := range 8 {
					data[k] = byte(i >> (8 * k))
				}
				if _, _, err := s.Put(b.Context(), bytes.NewReader(data), plenty); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Get/"+name, func(b *testing.B) {
			s := fresh(b)
			d, _, err := s.Put(b.Context(), bytes.NewReader(data), plenty)
			require.NoError(b, err)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			buffer := make([]byte, 64<<10)
			for b.Loop() {
				if err := drain(b.Context(), s, d, buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func drain(ctx context.Context, s store.Blobs, d blob.Digest, buffer []byte) error {
	r, err := s.Get(ctx, d)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		_, err := r.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
