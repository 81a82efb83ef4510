// Package storetest holds every store of blobs to one promise, so that the fake and the
// real ones cannot drift apart.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

// Fixture is a store under test.
type Fixture struct {
	Store store.Blobs
	// Damage flips a bit of a blob's byte at an offset, where it is stored.
	Damage func(t *testing.T, d blob.Digest, offset int)
	// Traces returns how many things are stored: files, messages.
	Traces func(t *testing.T) int
}

// plenty is a limit that no test reaches.
const plenty = 1 << 30

// sizes are around those at which a store may go another way.
func sizes() []int {
	return []int{0, 1, 1000, 64<<10 - 1, 64 << 10, 128<<10 - 1, 128 << 10, 128<<10 + 1, 256 << 10, 1<<20 + 3}
}

// Test tests a store. fresh returns an empty one.
func Test(t *testing.T, fresh func(t *testing.T) Fixture) { //nolint:tparallel // whoever calls it says so
	t.Helper()
	for name, test := range map[string]func(*testing.T, Fixture){
		"what was put is read":                         testRead,
		"what is not there is told":                    testAbsent,
		"what is put again is there once":              testAgain,
		"the limit is exact and leaves no trace":       testLimit,
		"a reader that fails leaves no trace":          testFailingReader,
		"a put that is cancelled leaves no trace":      testCancel,
		"flipped bits are told, and healed by a put":   testDamage,
		"what is deleted is gone":                      testDelete,
		"many put the same":                            testSame,
		"many put and read":                            testMany,
		"a read ends with its context":                 testReadCancelled,
		"a reader closed early harms nobody":           testClosedEarly,
		"a blob put anew is read on":                   testReplacedWhileRead,
		"a blob deleted is never read wrong":           testDeletedWhileRead,
		"a sweep takes the old that are not live":      testSweep,
		"who was told that it is there may rely on it": testSweepAfterHas,
		"what is put during a sweep stays":             testSweepDuringPut,
		"a sweep ends with its context":                testSweepCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// content returns bytes that differ with the seed.
func content(seed uint64, size int) []byte {
	data := make([]byte, size)
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(s).Read(data) // it cannot fail
	return data
}

func put(t *testing.T, f Fixture, data []byte) blob.Digest {
	t.Helper()
	d, size, err := f.Store.Put(t.Context(), bytes.NewReader(data), plenty)
	require.NoError(t, err)
	require.Equal(t, int64(len(data)), size)
	require.Equal(t, blob.Of(data), d)
	return d
}

func get(ctx context.Context, f Fixture, d blob.Digest) ([]byte, error) {
	r, err := f.Store.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

// putAndGet is for goroutines, which must not end the test.
func putAndGet(ctx context.Context, f Fixture, data []byte) error {
	d, _, err := f.Store.Put(ctx, bytes.NewReader(data), plenty)
	if err != nil {
		return err
	}
	got, err := get(ctx, f, d)
	if err == nil && !bytes.Equal(data, got) {
		err = errors.New("other bytes")
	}
	return err
}

func requireHas(t *testing.T, f Fixture, data []byte) {
	t.Helper()
	got, err := get(t.Context(), f, blob.Of(data))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got), "other bytes")
}

func requireLacks(t *testing.T, f Fixture, d blob.Digest) {
	t.Helper()
	_, err := f.Store.Get(t.Context(), d)
	require.ErrorIs(t, err, blob.ErrNotFound)
	has, err := f.Store.Has(t.Context(), d)
	require.NoError(t, err)
	require.False(t, has)
}

func testRead(t *testing.T, f Fixture) {
	for i, size := range sizes() {
		data := content(uint64(i), size)
		// However its bytes come.
		for _, r := range []io.Reader{
			bytes.NewReader(data), iotest.HalfReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data)),
		} {
			d, n, err := f.Store.Put(t.Context(), r, int64(size))
			require.NoError(t, err)
			require.Equal(t, int64(size), n)
			require.Equal(t, blob.Of(data), d)
			requireHas(t, f, data)
		}
		has, err := f.Store.Has(t.Context(), blob.Of(data))
		require.NoError(t, err)
		require.True(t, has)
	}
	for i, size := range sizes() {
		requireHas(t, f, content(uint64(i), size))
	}
	r, err := f.Store.Get(t.Context(), blob.Of(content(9, sizes()[9])))
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(r, content(9, sizes()[9])))
	require.NoError(t, r.Close())
}

func testAbsent(t *testing.T, f Fixture) {
	d := blob.Of([]byte("never put"))
	requireLacks(t, f, d)
	require.NoError(t, f.Store.Delete(t.Context(), d))
	swept, err := f.Store.Sweep(t.Context(), nobody, time.Now())
	require.NoError(t, err)
	require.Zero(t, swept)
}

func nobody(blob.Digest) bool { return false }

func testAgain(t *testing.T, f Fixture) {
	for _, size := range []int{1000, 300 << 10} {
		put(t, f, content(1, size))
		once := f.Traces(t)
		for range 3 {
			put(t, f, content(1, size))
		}
		require.Equal(t, once, f.Traces(t))
		requireHas(t, f, content(1, size))
	}
}

func testLimit(t *testing.T, f Fixture) {
	before := f.Traces(t)
	for _, size := range sizes()[1:] {
		data := content(1, size)
		_, _, err := f.Store.Put(t.Context(), bytes.NewReader(data), int64(size-1))
		require.ErrorIs(t, err, blob.ErrTooLarge)
		requireLacks(t, f, blob.Of(data))
	}
	// However much there is, no more than the limit is read.
	_, _, err := f.Store.Put(t.Context(), endless{}, 1<<20)
	require.ErrorIs(t, err, blob.ErrTooLarge)
	require.Equal(t, before, f.Traces(t))
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func testFailingReader(t *testing.T, f Fixture) {
	before := f.Traces(t)
	for _, size := range sizes() {
		data := content(1, size)
		// The second is what the body of a request says that was cut off.
		for _, broken := range []error{errors.New("the wire was cut"), io.ErrUnexpectedEOF} {
			_, _, err := f.Store.Put(t.Context(), io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)), plenty)
			require.ErrorIs(t, err, broken)
			requireLacks(t, f, blob.Of(data))
		}
	}
	require.Equal(t, before, f.Traces(t))
}

// hook calls f when it is read, and yields nothing.
type hook func()

func (h hook) Read([]byte) (int, error) {
	h()
	return 0, io.EOF
}

func testCancel(t *testing.T, f Fixture) {
	before := f.Traces(t)
	for _, size := range sizes() {
		data := content(1, size)
		for name, rest := range map[string]io.Reader{
			"and its reader goes on": bytes.NewReader(data),
			"and its reader ends":    bytes.NewReader(nil),
		} {
			ctx, cancel := context.WithCancel(t.Context())
			_, _, err := f.Store.Put(ctx, io.MultiReader(bytes.NewReader(data), hook(cancel), rest), plenty)
			require.ErrorIs(t, err, context.Canceled, name)
			requireLacks(t, f, blob.Of(data))
		}
	}
	require.Equal(t, before, f.Traces(t))
}

func testDamage(t *testing.T, f Fixture) {
	for i, size := range sizes()[1:] {
		data := content(uint64(i), size)
		d := put(t, f, data)
		clean := f.Traces(t)
		for _, offset := range []int{0, size / 2, size - 1} {
			f.Damage(t, d, offset)
			got, err := get(t.Context(), f, d)
			require.ErrorIs(t, err, blob.ErrDamaged, "%d of %d bytes were read", len(got), size)
			put(t, f, data)
			requireHas(t, f, data)
			require.Equal(t, clean, f.Traces(t))
		}
	}
}

func testDelete(t *testing.T, f Fixture) {
	before := f.Traces(t)
	for i, size := range sizes() {
		d := put(t, f, content(uint64(i), size))
		require.NoError(t, f.Store.Delete(t.Context(), d))
		requireLacks(t, f, d)
		put(t, f, content(uint64(i), size))
		requireHas(t, f, content(uint64(i), size))
		require.NoError(t, f.Store.Delete(t.Context(), d))
	}
	require.LessOrEqual(t, f.Traces(t), before+len(sizes()), "a directory may stay")
}

func testSame(t *testing.T, f Fixture) {
	for i, size := range []int{1000, 300 << 10} {
		data := content(uint64(i), size)
		put(t, f, data)
		once := f.Traces(t)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				assert.NoError(t, putAndGet(t.Context(), f, data))
			})
		}
		all.Wait()
		require.Equal(t, once, f.Traces(t))
		requireHas(t, f, data)
	}
}

func testMany(t *testing.T, f Fixture) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 6 {
				data := content(uint64(100*i+k), 1000+k*60<<10)
				assert.NoError(t, putAndGet(t.Context(), f, data))
			}
		})
	}
	all.Wait()
}

func testReadCancelled(t *testing.T, f Fixture) {
	for i, size := range []int{1000, 300 << 10} {
		d := put(t, f, content(uint64(i), size))
		ctx, cancel := context.WithCancel(t.Context())
		r, err := f.Store.Get(ctx, d)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 10))
		require.NoError(t, err)
		cancel()
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, r.Close())
		_, err = f.Store.Has(ctx, d)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, f.Store.Delete(ctx, d), context.Canceled)
	}
}

func testClosedEarly(t *testing.T, f Fixture) {
	data := content(1, 1<<20)
	d := put(t, f, data)
	for range 10 {
		r, err := f.Store.Get(t.Context(), d)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 10))
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
	requireHas(t, f, data)
}

func testReplacedWhileRead(t *testing.T, f Fixture) {
	for i, size := range []int{1000, 1 << 20} {
		data := content(uint64(i), size)
		r, err := f.Store.Get(t.Context(), put(t, f, data))
		require.NoError(t, err)
		got := make([]byte, size)
		_, err = io.ReadFull(r, got[:10])
		require.NoError(t, err)
		put(t, f, data)
		_, err = io.ReadFull(r, got[10:])
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		require.True(t, bytes.Equal(data, got))
		require.NoError(t, r.Close())
	}
}

func testDeletedWhileRead(t *testing.T, f Fixture) {
	for i, size := range []int{1000, 1 << 20} {
		data := content(uint64(i), size)
		d := put(t, f, data)
		r, err := f.Store.Get(t.Context(), d)
		require.NoError(t, err)
		require.NoError(t, f.Store.Delete(t.Context(), d))
		got, err := io.ReadAll(r)
		if err == nil {
			require.True(t, bytes.Equal(data, got))
		} else {
			require.ErrorIs(t, err, blob.ErrNotFound)
		}
		require.NoError(t, r.Close())
	}
}
