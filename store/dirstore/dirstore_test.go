package dirstore_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"yardmaster/domain/blob"
	"yardmaster/store"
	"yardmaster/store/dirstore"
	"yardmaster/store/storetest"
)

// childDir names the directory that a process started by a test puts blobs into.
const childDir = "DIRSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, dir string) *dirstore.Store {
	t.Helper()
	s, err := dirstore.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// fileOf returns where a blob is.
func fileOf(dir string, d blob.Digest) string {
	text := d.String()
	return filepath.Join(dir, text[:2], text[2:])
}

// files returns how many files a directory has, in all.
func files(t *testing.T, dir string) (n int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	}))
	return n
}

func TestTheStorePassesTheSuite(t *testing.T) {
	t.Parallel()
	storetest.Test(t, func(t *testing.T) storetest.Fixture {
		dir := t.TempDir()
		return storetest.Fixture{
			Store: open(t, dir),
			Damage: func(t *testing.T, d blob.Digest, offset int) {
				t.Helper()
				require.NoError(t, os.Chmod(fileOf(dir, d), 0o600))
				raw, err := os.ReadFile(fileOf(dir, d))
				require.NoError(t, err)
				raw[offset] ^= 0x40
				require.NoError(t, os.WriteFile(fileOf(dir, d), raw, 0o600))
			},
			Traces: func(t *testing.T) int {
				t.Helper()
				return files(t, dir)
			},
		}
	})
}

func TestAFileThatWasCutIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	d, _, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 1000)), 1000)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(fileOf(dir, d), 999))
	r, err := s.Get(t.Context(), d)
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, blob.ErrDamaged)
	require.NoError(t, r.Close())
}

func TestWhatIsOpenIsNotOpenedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := dirstore.Open(dir)
	require.NoError(t, err)
	_, err = dirstore.Open(dir)
	require.ErrorIs(t, err, dirstore.ErrInUse)
	require.ErrorContains(t, err, dir)
	require.NoError(t, s.Close())
	open(t, dir)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	_, err = dirstore.Open(filepath.Join(dir, "file"))
	require.Error(t, err)
}

// TestNothingIsWrittenOutside has a directory of the store lead out of it.
func TestNothingIsWrittenOutside(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	data := []byte("hello")
	d := blob.Of(data)
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, d.String()[:2])))
	_, _, err := s.Put(t.Context(), bytes.NewReader(data), 5)
	require.ErrorContains(t, err, "escapes")
	require.NoError(t, os.WriteFile(filepath.Join(outside, d.String()[2:]), data, 0o600))
	_, err = s.Get(t.Context(), d)
	require.ErrorContains(t, err, "escapes")
	_, err = s.Has(t.Context(), d)
	require.ErrorContains(t, err, "escapes")
	require.ErrorContains(t, s.Delete(t.Context(), d), "escapes")
	_, err = s.Sweep(t.Context(), func(blob.Digest) bool { return false }, time.Now().Add(time.Hour))
	require.ErrorContains(t, err, "escapes")
	require.Equal(t, 1, files(t, outside))
	require.Equal(t, 2, files(t, dir), "the lock and the link")
}

func TestASweepLeavesForeignFilesAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "ab"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ab", "notes.txt"), nil, 0o600))
	swept, err := s.Sweep(t.Context(), func(blob.Digest) bool { return false }, time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, swept)
	require.Equal(t, 2, files(t, dir))
}

// TestAFullDiskIsTold fills a small disk, and shows that what did not fit has left no
// trace, what did is there, and the store goes on when there is room.
func TestAFullDiskIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no disk of our own: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	s := open(t, dir)
	fits, _, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 300<<10)), 1<<20)
	require.NoError(t, err)
	before := files(t, dir)
	_, _, err = s.Put(t.Context(), bytes.NewReader(make([]byte, 900<<10)), 1<<20)
	require.ErrorIs(t, err, blob.ErrNoRoom)
	require.ErrorContains(t, err, "no space left")
	require.Equal(t, before, files(t, dir))
	r, err := s.Get(t.Context(), fits)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.Equal(t, int64(300<<10), n)
	require.NoError(t, r.Close())

	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT, "size=4m"))
	_, _, err = s.Put(t.Context(), bytes.NewReader(make([]byte, 900<<10)), 1<<20)
	require.NoError(t, err)
}

// numbered is the n-th blob that a child puts.
func numbered(n int) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, uint64(n)), 1+n*997%20_000)
}

// child puts one blob after the other, and prints the number of each that is stored.
func child(dir string) {
	s, err := dirstore.Open(dir)
	if err != nil {
		panic(err)
	}
	for n := 0; ; n++ {
		if _, _, err := s.Put(context.Background(), bytes.NewReader(numbered(n)), 1<<20); err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintln(os.Stdout, n)
	}
}

// TestKillNineLosesNoBlob kills a process that puts blobs, and shows that all it said it
// had stored are there, and nothing that is half put.
func TestKillNineLosesNoBlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stored := 0
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var n int
			_, err := fmt.Sscan(lines.Text(), &n)
			require.NoError(t, err)
			if stored = max(stored, n+1); n == 50+20*round {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		require.Error(t, cmd.Wait())
	}
	s := open(t, dir)
	for n := range stored {
		r, err := s.Get(t.Context(), blob.Of(numbered(n)))
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(numbered(n), got))
		require.NoError(t, r.Close())
	}
	left, err := os.ReadDir(filepath.Join(dir, "tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestALargeBlobTakesLittleMemory allocates, over all of its way in and out, a fraction
// of the blob.
func TestALargeBlobTakesLittleMemory(t *testing.T) { //nolint:paralleltest // it measures the whole process
	s := open(t, t.TempDir())
	const size = 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, _, err := s.Put(t.Context(), io.LimitReader(zeros{}, size), size)
	require.NoError(t, err)
	r, err := s.Get(t.Context(), d)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	runtime.ReadMemStats(&after)
	require.Equal(t, int64(size), n)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func Benchmark(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Blobs {
		b.Helper()
		return open(b, b.TempDir())
	})
}
