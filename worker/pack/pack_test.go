package pack_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"yardmaster/domain/artifact"
	"yardmaster/domain/blob"
	"yardmaster/internal/testkit"
	"yardmaster/worker/pack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tree makes a directory of files that hold their names.
func tree(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
	}
	return dir
}

func artifactOf(dir string, patterns ...string) pack.Source {
	return pack.Source{Directory: dir, Patterns: patterns, Common: true, Limits: artifact.UploadLimits()}
}

// listed returns the paths of a pack's manifest.
func listed(t *testing.T, blobs pack.Blobs, p pack.Packed) (paths []string) {
	t.Helper()
	m, err := pack.Open(t.Context(), blobs, p.Manifest, artifact.UploadLimits())
	require.NoError(t, err)
	for _, e := range m.Entries() {
		paths = append(paths, e.Path)
	}
	return paths
}

func TestWhatIsPackedAndUnderWhichPaths(t *testing.T) {
	t.Parallel()
	dir := tree(t, "dist/app.js", "dist/css/a.css", "dist/.map", "README.md", "src/a/x.go", "src/b/x.go", ".env",
		"src/.git/x")
	for name, c := range map[string]struct {
		source pack.Source
		want   []string
	}{
		"a directory":          {artifactOf(dir, "dist"), []string{"app.js", "css/a.css"}},
		"a directory, slash":   {artifactOf(dir, dir+"/dist/"), []string{"app.js", "css/a.css"}},
		"a file":               {artifactOf(dir, "dist/css/a.css"), []string{"a.css"}},
		"a file, and none":     {artifactOf(dir, "README.md\nnone"), []string{"README.md"}},
		"two directories":      {artifactOf(dir, "src/a", "src/b/"), []string{"a/x.go", "b/x.go"}},
		"two without a common": {artifactOf(dir, "src/a", "README.md"), []string{"README.md", "src/a/x.go"}},
		"a wildcard":           {artifactOf(dir, "src/*/x.go"), []string{"a/x.go", "b/x.go"}},
		"all": {
			artifactOf(dir, "**"),
			[]string{"README.md", "dist/app.js", "dist/css/a.css", "src/a/x.go", "src/b/x.go"},
		},
		"without some":       {artifactOf(dir, "dist\n!**/*.css"), []string{"app.js"}},
		"hidden is left out": {artifactOf(dir, ".env", "dist/.map"), nil},
		"nothing":            {artifactOf(dir, "none"), nil},
		"with what is hidden": {
			with(artifactOf(dir, "dist"), func(s *pack.Source) { s.Hidden = true }),
			[]string{".map", "app.js", "css/a.css"},
		},
		"from the workspace on": {
			with(artifactOf(dir, "dist"), func(s *pack.Source) { s.Common = false }),
			[]string{"dist/app.js", "dist/css/a.css"},
		},
	} {
		blobs := testkit.NewBlobs()
		p, err := pack.Pack(t.Context(), blobs, c.source)
		require.NoError(t, err, name)
		require.Equal(t, len(c.want), p.Files, name)
		if p.Files > 0 {
			require.Equal(t, c.want, listed(t, blobs, p), name)
		} else {
			require.Zero(t, blobs.Len(), name)
		}
	}
}

func with(s pack.Source, change func(*pack.Source)) pack.Source {
	change(&s)
	return s
}

func TestWhatIsUnpackedIsWhatWasPacked(t *testing.T) {
	t.Parallel()
	dir := tree(t, "a", "b/c/d", "b/e")
	big := bytes.Repeat([]byte("0123456789"), 100_000)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big"), big, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	require.NoError(t, os.Chmod(filepath.Join(dir, "b/e"), 0o4750))
	blobs := testkit.NewBlobs()
	p, err := pack.Pack(t.Context(), blobs, artifactOf(dir, "**"))
	require.NoError(t, err)
	require.Equal(t, 5, p.Files)
	require.Equal(t, int64(len("ab/c/db/e")+len(big)), p.Bytes)
	again, err := pack.Pack(t.Context(), blobs, artifactOf(dir, "**"))
	require.NoError(t, err)
	require.Equal(t, p, again, "the same files are the same pack")
	require.Equal(t, 6, blobs.Len())

	to := tree(t, "b/e", "kept")
	_, err = pack.Unpack(t.Context(), blobs, p.Manifest, to, artifact.UploadLimits())
	require.NoError(t, err)
	for name, want := range map[string]string{
		"a": "a", "b/c/d": "b/c/d", "b/e": "b/e", "big": string(big), "empty": "", "kept": "kept",
	} {
		got, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		require.Equal(t, blob.Of([]byte(want)), blob.Of(got), name)
	}
	info, err := os.Stat(filepath.Join(to, "b/e"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100, "it can be run")
	require.Zero(t, info.Mode()&fs.ModeSetuid, "and as nobody else")
	info, err = os.Stat(filepath.Join(to, "a"))
	require.NoError(t, err)
	require.Zero(t, info.Mode()&0o111)
	requireNoPartial(t, to)
}

func requireNoPartial(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		require.NotContains(t, name, "partial")
		return err
	}))
}

func TestWhatCannotBePackedIsNamed(t *testing.T) {
	t.Parallel()
	dir := tree(t, "a/b/c", "a/with:colon", "x/1", "x/2", "x/3")
	outside := tree(t, "secret")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "out")))
	require.NoError(t, os.Symlink("x/1", filepath.Join(dir, "link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "sock"))
	require.NoError(t, err)
	defer socket.Close()
	deep := strings.Repeat("d/", 100)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deep", deep), 0o755))
	less := func(change func(*artifact.Limits)) func(*pack.Source) {
		return func(s *pack.Source) { change(&s.Limits) }
	}
	for name, c := range map[string]struct {
		pattern string
		change  func(*pack.Source)
		is      error
		says    string
	}{
		"a link":             {"link", nil, pack.ErrKind, `"link": pack: no regular file, but a link`},
		"a link that leaves": {"out", nil, pack.ErrKind, `"out"`},
		"through a link":     {"out/secret", nil, nil, "path escapes"},
		"a pipe":             {"pipe", nil, pack.ErrKind, "a pipe"},
		"a socket":           {"sock", nil, pack.ErrKind, "a socket"},
		"home":               {"~/.cache", nil, pack.ErrOutside, "~/.cache"},
		"absolute":           {"/etc/passwd", nil, pack.ErrOutside, "/etc/passwd"},
		"up":                 {"../x", nil, nil, `".."`},
		"a name":             {"a", nil, artifact.ErrInvalid, "with:colon"},
		"deep":               {"deep", nil, artifact.ErrLimit, "directories within each other"},
		"many":               {"x", less(func(l *artifact.Limits) { l.Files = 2 }), artifact.ErrLimit, "more than 2 files"},
		"large":              {"x", less(func(l *artifact.Limits) { l.Bytes = 8 }), artifact.ErrLimit, "more than 8 bytes"},
		"the manifest":       {"x", less(func(l *artifact.Limits) { l.Encoded = 99 }), artifact.ErrLimit, "the manifest has"},
		"no workspace":       {"x", func(s *pack.Source) { s.Directory += "/none" }, nil, "the workspace cannot be read"},
	} {
		source := artifactOf(dir, c.pattern)
		if c.change != nil {
			c.change(&source)
		}
		blobs := testkit.NewBlobs()
		_, err := pack.Pack(t.Context(), blobs, source)
		require.ErrorContains(t, err, c.says, name)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, name)
		}
		require.NotContains(t, err.Error(), dir, "no path of the machine")
		if name != "the manifest" {
			require.Zero(t, blobs.Len(), "nothing was stored of it")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = pack.Pack(ctx, testkit.NewBlobs(), artifactOf(dir, "x"))
	require.ErrorIs(t, err, context.Canceled)
}

// store does what a test wants when it is asked.
type store struct {
	*testkit.Blobs

	has func(blob.Digest)
	put func(io.Reader) io.Reader
	get func(io.Reader) io.Reader
}

func (s *store) Has(ctx context.Context, d blob.Digest) (bool, error) {
	if s.has != nil {
		s.has(d)
	}
	return s.Blobs.Has(ctx, d)
}

func (s *store) Put(ctx context.Context, r io.Reader, limit int64) (blob.Digest, int64, error) {
	if s.put != nil {
		r = s.put(r)
	}
	return s.Blobs.Put(ctx, r, limit)
}

func (s *store) Get(ctx context.Context, d blob.Digest) (io.ReadCloser, error) {
	r, err := s.Blobs.Get(ctx, d)
	if err != nil || s.get == nil {
		return r, err
	}
	return io.NopCloser(s.get(r)), nil
}

func TestAFileThatChangesWhileItIsPackedIsTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(file string) error{
		"other bytes": func(file string) error { return os.WriteFile(file, []byte("b"), 0o600) },
		"more bytes":  func(file string) error { return os.WriteFile(file, []byte("aa"), 0o600) },
		"fewer bytes": func(file string) error { return os.Truncate(file, 0) },
	} {
		dir := tree(t, "a")
		s := &store{Blobs: testkit.NewBlobs(), has: func(blob.Digest) { require.NoError(t, change(filepath.Join(dir, "a"))) }}
		_, err := pack.Pack(t.Context(), s, artifactOf(dir, "a"))
		require.ErrorIs(t, err, pack.ErrChanged, name)
		require.ErrorContains(t, err, `"a"`, name)
	}
}

// TestFilesThatAreSwappedAreNotRead has the second file be something else by the time
// that its turn comes.
func TestFilesThatAreSwappedAreNotRead(t *testing.T) {
	t.Parallel()
	outside := tree(t, "secret")
	for name, swap := range map[string]func(file string) error{
		"a link outside": func(file string) error { return os.Symlink(filepath.Join(outside, "secret"), file) },
		"a link inside":  func(file string) error { return os.Symlink("../0/0", file) },
		"a pipe":         func(file string) error { return unix.Mkfifo(file, 0o600) },
		"another file":   func(file string) error { return os.WriteFile(file, []byte("1/1"), 0o600) },
		"a directory":    func(file string) error { return os.Mkdir(file, 0o700) },
		"nothing":        func(string) error { return nil },
	} {
		var names []string
		for i := range 20 {
			names = append(names, strconv.Itoa(i)+"/"+strconv.Itoa(i))
		}
		dir := tree(t, names...)
		var once sync.Once // which has the other files wait
		s := &store{Blobs: testkit.NewBlobs(), has: func(blob.Digest) {
			once.Do(func() {
				last := filepath.Join(dir, "9/9") // in order of names
				require.NoError(t, os.Rename(last, filepath.Join(dir, "elsewhere")))
				require.NoError(t, swap(last))
			})
		}}
		_, err := pack.Pack(t.Context(), s, artifactOf(dir, "*/*"))
		require.Error(t, err, name)
		require.ErrorContains(t, err, `"9/9"`, name)
		has, err := s.Blobs.Has(t.Context(), blob.Of([]byte("secret")))
		require.NoError(t, err)
		require.False(t, has, name)
	}
}

// packed stores a manifest of entries, with their content.
func packed(t *testing.T, blobs *testkit.Blobs, entries ...artifact.Entry) blob.Digest {
	t.Helper()
	d, _, err := blobs.Put(t.Context(), bytes.NewReader(artifact.New(entries).Encode()), 1<<20)
	require.NoError(t, err)
	return d
}

func entry(t *testing.T, blobs *testkit.Blobs, path, content string) artifact.Entry {
	t.Helper()
	d, n, err := blobs.Put(t.Context(), strings.NewReader(content), 1<<20)
	require.NoError(t, err)
	return artifact.Entry{Path: path, Size: n, Digest: d}
}

func TestHostileManifestsAreNotUnpacked(t *testing.T) {
	t.Parallel()
	blobs := testkit.NewBlobs()
	for _, path := range []string{"../x", "/etc/x", "a/../../x", "", ".", "a//b"} {
		to := t.TempDir()
		d := packed(t, blobs, entry(t, blobs, "ok", "ok"), entry(t, blobs, path, "evil"))
		_, err := pack.Unpack(t.Context(), blobs, d, to, artifact.UploadLimits())
		require.ErrorIs(t, err, artifact.ErrInvalid, path)
		left, err := os.ReadDir(to)
		require.NoError(t, err)
		require.Empty(t, left, "not even the others")
	}
	limits := artifact.UploadLimits()
	limits.Encoded = 50
	_, err := pack.Unpack(t.Context(), blobs, packed(t, blobs, entry(t, blobs, "ok", "ok")), t.TempDir(), limits)
	require.ErrorIs(t, err, blob.ErrTooLarge)
	_, err = pack.Unpack(t.Context(), blobs, entry(t, blobs, "x", "no manifest").Digest, t.TempDir(), limits)
	require.ErrorIs(t, err, artifact.ErrInvalid)
	_, err = pack.Unpack(t.Context(), blobs, blob.Of([]byte("never put")), t.TempDir(), limits)
	require.ErrorIs(t, err, blob.ErrNotFound)
}

func TestNothingIsWrittenOutside(t *testing.T) {
	t.Parallel()
	blobs := testkit.NewBlobs()
	outside := tree(t, "victim")
	to := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(to, "dir")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "victim"), filepath.Join(to, "file")))

	limits := artifact.UploadLimits()
	_, err := pack.Unpack(t.Context(), blobs, packed(t, blobs, entry(t, blobs, "dir/x", "evil")), to, limits)
	require.Error(t, err)
	_, err = pack.Unpack(t.Context(), blobs, packed(t, blobs, entry(t, blobs, "file", "new")), to, limits)
	require.NoError(t, err, "the link is replaced")

	got, err := os.ReadFile(filepath.Join(outside, "victim"))
	require.NoError(t, err)
	require.Equal(t, "victim", string(got))
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Len(t, left, 1)
	info, err := os.Lstat(filepath.Join(to, "file"))
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
}

// TestDirectoriesThatAreSwappedLeadNowhereElse swaps a directory with a link, again and
// again, while it is unpacked into.
func TestDirectoriesThatAreSwappedLeadNowhereElse(t *testing.T) {
	t.Parallel()
	blobs := testkit.NewBlobs()
	outside, to := t.TempDir(), tree(t, "d/old")
	var entries []artifact.Entry
	for i := range 200 {
		entries = append(entries, entry(t, blobs, "d/"+strconv.Itoa(i), strconv.Itoa(i)))
	}
	d := packed(t, blobs, entries...)
	s := &store{Blobs: blobs, get: func(r io.Reader) io.Reader {
		_ = os.Rename(filepath.Join(to, "d"), filepath.Join(to, "away"))
		_ = os.Symlink(outside, filepath.Join(to, "d"))
		_ = os.Rename(filepath.Join(to, "away"), filepath.Join(to, "d"))
		return r
	}}
	_, err := pack.Unpack(t.Context(), s, d, to, artifact.UploadLimits())
	require.Error(t, err)
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWrongBytesAreNeverUnpacked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		get func(io.Reader) io.Reader
		is  error
	}{
		"other bytes": {func(io.Reader) io.Reader { return strings.NewReader("evil") }, blob.ErrDamaged},
		"fewer":       {func(r io.Reader) io.Reader { return io.LimitReader(r, 2) }, blob.ErrDamaged},
		"more": {func(r io.Reader) io.Reader {
			return io.MultiReader(r, strings.NewReader("!"))
		}, blob.ErrTooLarge},
		"a broken wire": {func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, 2), broken{})
		}, io.ErrUnexpectedEOF},
	} {
		blobs := testkit.NewBlobs()
		d := packed(t, blobs, entry(t, blobs, "x", "good"))
		to := tree(t, "x")
		first := true
		s := &store{Blobs: blobs, get: func(r io.Reader) io.Reader {
			if first { // the manifest
				first = false
				return r
			}
			return c.get(r)
		}}
		_, err := pack.Unpack(t.Context(), s, d, to, artifact.UploadLimits())
		require.ErrorIs(t, err, c.is, name)
		got, err := os.ReadFile(filepath.Join(to, "x"))
		require.NoError(t, err)
		require.Equal(t, "x", string(got), "what was there is there")
		requireNoPartial(t, to)
	}

	blobs := testkit.NewBlobs()
	lies := entry(t, blobs, "x", "good")
	lies.Size = 5
	_, err := pack.Unpack(t.Context(), blobs, packed(t, blobs, lies), t.TempDir(), artifact.UploadLimits())
	require.ErrorIs(t, err, blob.ErrDamaged)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWhatCannotBeUnpackedIsNamed(t *testing.T) {
	t.Parallel()
	blobs := testkit.NewBlobs()
	d := packed(t, blobs, entry(t, blobs, "a/b", "b"), entry(t, blobs, "c", "c"))
	for name, to := range map[string]string{
		`"a/b"`:                        tree(t, "a"),
		`"c"`:                          tree(t, "c/x"),
		"the directory to unpack into": filepath.Join(t.TempDir(), "none"),
	} {
		_, err := pack.Unpack(t.Context(), blobs, d, to, artifact.UploadLimits())
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), to)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &store{Blobs: blobs, get: func(r io.Reader) io.Reader {
		cancel()
		return r
	}}
	_, err := pack.Unpack(ctx, s, d, t.TempDir(), artifact.UploadLimits())
	require.ErrorIs(t, err, context.Canceled)
}

func TestAStoreThatFailsIsTold(t *testing.T) {
	t.Parallel()
	dir := tree(t, "a", "b")
	s := &store{Blobs: testkit.NewBlobs(), put: func(io.Reader) io.Reader { return broken{} }}
	_, err := pack.Pack(t.Context(), s, artifactOf(dir, "*"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	var n atomic.Int32
	s.put = func(r io.Reader) io.Reader {
		if n.Add(1) == 3 { // the manifest
			return strings.NewReader("another")
		}
		return r
	}
	_, err = pack.Pack(t.Context(), s, artifactOf(dir, "a", "b"))
	require.ErrorIs(t, err, blob.ErrDamaged)
}

func Benchmark(b *testing.B) {
	for name, c := range map[string]struct{ files, size int }{
		"1x64MiB": {1, 64 << 20}, "2000x4KiB": {2000, 4 << 10},
	} {
		dir := b.TempDir()
		data := make([]byte, c.size)
		for i := range c.files {
			copy(data, strconv.Itoa(i))
			require.NoError(b, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), data, 0o600))
		}
		blobs := testkit.NewBlobs()
		p, err := pack.Pack(b.Context(), blobs, artifactOf(dir, "*"))
		require.NoError(b, err)
		b.Run("Pack/"+name, func(b *testing.B) {
			b.SetBytes(int64(c.files * c.size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pack.Pack(b.Context(), blobs, artifactOf(dir, "*")); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Unpack/"+name, func(b *testing.B) {
			to := b.TempDir()
			b.SetBytes(int64(c.files * c.size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pack.Unpack(b.Context(), blobs, p.Manifest, to, artifact.UploadLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
