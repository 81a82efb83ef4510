package natsjs_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
	"yardmaster/domain/blob"
	"yardmaster/store"
	"yardmaster/store/storetest"
)

const (
	blobsStream = "YM_BLOBS"
	chunkBytes  = 128 << 10
)

// blobs opens the store of a machine, with room for so many bytes.
func blobs(t testing.TB, m machine, room int64) *natsjs.Blobs {
	t.Helper()
	_, err := natsjs.OpenBlobs(t.Context(), m.js)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = natsjs.Ensure(t.Context(), m.js, append(natsjs.Streams(4, 1), natsjs.BlobStream(1, room)))
	}
	require.NoError(t, err)
	b, err := natsjs.OpenBlobs(t.Context(), m.js)
	require.NoError(t, err)
	return b
}

// damageBlob publishes other bytes in the place of those that a blob has.
func damageBlob(t *testing.T, m machine, d blob.Digest, offset int) {
	t.Helper()
	stream, err := m.js.Stream(t.Context(), blobsStream)
	require.NoError(t, err)
	part, err := stream.GetLastMsgForSubject(t.Context(), "ym.blob.head."+d.String())
	require.NoError(t, err)
	if upload := part.Header.Get("Yardmaster-Upload"); upload != "" {
		part, err = stream.GetLastMsgForSubject(t.Context(), chunkOf(upload, offset/chunkBytes))
		require.NoError(t, err)
	}
	part.Data[offset%chunkBytes] ^= 0x10
	other := &nats.Msg{Subject: part.Subject, Header: nats.Header{}, Data: part.Data}
	for name, values := range part.Header {
		if strings.HasPrefix(name, "Yardmaster-") { // the others are the server's
			other.Header[name] = values
		}
	}
	_, err = m.js.PublishMsg(t.Context(), other)
	require.NoError(t, err)
}

func chunkOf(upload string, n int) string {
	return "ym.blob.chunk." + upload + "." + string(rune('0'+n))
}

func messagesOf(t *testing.T, m machine) int {
	t.Helper()
	stream, err := m.js.Stream(t.Context(), blobsStream)
	require.NoError(t, err)
	return int(stream.CachedInfo().State.Msgs)
}

func TestBlobsPassTheSuite(t *testing.T) {
	t.Parallel()
	storetest.Test(t, func(t *testing.T) storetest.Fixture {
		m := start(t, t.TempDir())
		return storetest.Fixture{
			Store: blobs(t, m, 0),
			Damage: func(t *testing.T, d blob.Digest, offset int) {
				t.Helper()
				damageBlob(t, m, d, offset)
			},
			Traces: func(t *testing.T) int {
				t.Helper()
				return messagesOf(t, m)
			},
		}
	})
}

func readBlob(t *testing.T, b *natsjs.Blobs, d blob.Digest) ([]byte, error) {
	t.Helper()
	r, err := b.Get(t.Context(), d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func putBlob(t *testing.T, b *natsjs.Blobs, data []byte) blob.Digest {
	t.Helper()
	d, _, err := b.Put(t.Context(), bytes.NewReader(data), 1<<30)
	require.NoError(t, err)
	return d
}

func TestABlobThatLacksAChunkIsDamaged(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	b := blobs(t, m, 0)
	data := bytes.Repeat([]byte("0123456789abcdef"), 40<<10)
	d := putBlob(t, b, data)
	stream, err := m.js.Stream(t.Context(), blobsStream)
	require.NoError(t, err)
	head, err := stream.GetLastMsgForSubject(t.Context(), "ym.blob.head."+d.String())
	require.NoError(t, err)
	upload := head.Header.Get("Yardmaster-Upload")
	for name, spoil := range map[string]func() error{
		"a chunk is gone": func() error {
			return stream.Purge(t.Context(), jetstream.WithPurgeSubject(chunkOf(upload, 2)))
		},
		"a chunk is short": func() error {
			_, err := m.js.Publish(t.Context(), chunkOf(upload, 2), []byte("short"))
			return err
		},
		"the head has another size": func() error {
			other := &nats.Msg{Subject: head.Subject, Header: nats.Header{}}
			other.Header.Set("Yardmaster-Upload", upload)
			other.Header.Set("Yardmaster-Size", "100")
			_, err := m.js.PublishMsg(t.Context(), other)
			return err
		},
		"the head has no size": func() error {
			_, err := m.js.Publish(t.Context(), head.Subject, []byte("x"))
			return err
		},
	} {
		require.NoError(t, spoil())
		_, err = readBlob(t, b, d)
		require.ErrorIs(t, err, blob.ErrDamaged, name)
		putBlob(t, b, data)
		got, err := readBlob(t, b, d)
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(data, got))
		head, err = stream.GetLastMsgForSubject(t.Context(), "ym.blob.head."+d.String())
		require.NoError(t, err)
		upload = head.Header.Get("Yardmaster-Upload")
	}
}

// TestABitThatFlipsOnDiskNeverPassesAsABlob flips bits in the server's files: what it
// cannot read any more may be gone, but what it yields is right.
func TestABitThatFlipsOnDiskNeverPassesAsABlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir)
	b := blobs(t, m, 0)
	all := map[blob.Digest][]byte{}
	for i := range 5 {
		data := bytes.Repeat([]byte{byte('a' + i), byte(i)}, 1+i*50<<10)
		all[putBlob(t, b, data)] = data
	}
	m.stop()
	for _, place := range []int{3, 2, 1} { // quarters of the file: from its end on, more is lost each time
		stored := filepath.Join(dir, "jetstream", "jetstream", "$G", "streams", blobsStream, "msgs")
		blocks, err := filepath.Glob(filepath.Join(stored, "*.blk"))
		require.NoError(t, err)
		require.NotEmpty(t, blocks)
		raw, err := os.ReadFile(blocks[0])
		require.NoError(t, err)
		raw[len(raw)*place/4] ^= 4
		require.NoError(t, os.WriteFile(blocks[0], raw, 0o600))
		m := start(t, dir)
		b := blobs(t, m, 0)
		bad := 0
		for d, data := range all {
			got, err := readBlob(t, b, d)
			if err == nil {
				require.True(t, bytes.Equal(data, got), "wrong bytes, silently")
				continue
			}
			bad++
			require.True(t, errors.Is(err, blob.ErrDamaged) || errors.Is(err, blob.ErrNotFound), "%v", err)
		}
		require.NotZero(t, bad)
		m.stop()
	}
}

func TestBlobsHaveNoMoreRoomThanTheirStream(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	b := blobs(t, m, 1<<20)
	d := putBlob(t, b, make([]byte, 600<<10))
	before := messagesOf(t, m)
	for _, size := range []int{900 << 10, 500 << 10} {
		_, _, err := b.Put(t.Context(), bytes.NewReader(bytes.Repeat([]byte("x"), size)), 1<<30)
		require.ErrorIs(t, err, blob.ErrNoRoom)
		require.Equal(t, before, messagesOf(t, m))
	}
	got, err := readBlob(t, b, d)
	require.NoError(t, err)
	require.Len(t, got, 600<<10)
	require.NoError(t, b.Delete(t.Context(), d))
	putBlob(t, b, bytes.Repeat([]byte("x"), 900<<10))
}

func TestBlobsAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir)
	data := bytes.Repeat([]byte("content"), 100<<10)
	d := putBlob(t, blobs(t, m, 0), data)
	m.stop()
	got, err := readBlob(t, blobs(t, start(t, dir), 0), d)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

// TestASweepTakesWhatADeadUploadLeft makes chunks whose upload never stored a head.
func TestASweepTakesWhatADeadUploadLeft(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	b := blobs(t, m, 0)
	data := bytes.Repeat([]byte("live"), 100<<10)
	d := putBlob(t, b, data)
	live := messagesOf(t, m)
	for n := range 3 {
		_, err := m.js.Publish(t.Context(), chunkOf("DEAD", n), make([]byte, chunkBytes))
		require.NoError(t, err)
	}
	everything := func(blob.Digest) bool { return true }
	_, err := b.Sweep(t.Context(), everything, time.Now())
	require.NoError(t, err)
	require.Equal(t, live+3, messagesOf(t, m), "it may be under way")
	require.NoError(t, b.SweepUploads(t.Context(), nil, time.Now().Add(-time.Hour)))
	require.Equal(t, live+3, messagesOf(t, m))
	head, err := m.js.Stream(t.Context(), blobsStream)
	require.NoError(t, err)
	h, err := head.GetLastMsgForSubject(t.Context(), "ym.blob.head."+d.String())
	require.NoError(t, err)
	used := map[string]struct{}{h.Header.Get("Yardmaster-Upload"): {}}
	require.NoError(t, b.SweepUploads(t.Context(), used, time.Now()))
	require.Equal(t, live, messagesOf(t, m))
	got, err := readBlob(t, b, d)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

func TestWhatChangesBehindASweepStays(t *testing.T) {
	t.Parallel()
	b := blobs(t, start(t, t.TempDir()), 0)
	for _, size := range []int{1000, 300 << 10} {
		data := bytes.Repeat([]byte("x"), size)
		d := putBlob(t, b, data)
		for name, happens := range map[string]func(){
			"somebody is told that it is there": func() {
				has, err := b.Has(t.Context(), d)
				require.NoError(t, err)
				require.True(t, has)
			},
			"it is put anew": func() { putBlob(t, b, data) },
		} {
			gone, err := b.RemoveAfter(t.Context(), d, happens)
			require.NoError(t, err)
			require.False(t, gone, name)
			got, err := readBlob(t, b, d)
			require.NoError(t, err, name)
			require.True(t, bytes.Equal(data, got))
		}
	}
}

func TestBlobsNeedTheirStream(t *testing.T) {
	t.Parallel()
	_, err := natsjs.OpenBlobs(t.Context(), start(t, t.TempDir()).js)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

func TestAServerThatIsGoneIsTold(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir())
	b := blobs(t, m, 0)
	m.stop()
	for _, data := range []string{"x", strings.Repeat("x", 300<<10)} {
		_, _, err := b.Put(t.Context(), strings.NewReader(data), 1<<30)
		require.Error(t, err)
	}
	_, err := b.Get(t.Context(), blob.Of(nil))
	require.Error(t, err)
	require.NotErrorIs(t, err, blob.ErrNotFound)
	_, err = b.Has(t.Context(), blob.Of(nil))
	require.Error(t, err)
	require.Error(t, b.Delete(t.Context(), blob.Of(nil)))
	_, err = b.Sweep(t.Context(), func(blob.Digest) bool { return false }, time.Now())
	require.Error(t, err)
}

func BenchmarkBlobs(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Blobs {
		b.Helper()
		return blobs(b, start(b, b.TempDir()), 0)
	})
}
