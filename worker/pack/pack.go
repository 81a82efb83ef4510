// Package pack turns files of a workspace into a manifest and blobs, and back.
//
// The steps of a job may change their workspace while it is packed or unpacked into, so
// nothing is believed of it: every path is opened through os.Root, which nothing leads out
// of, and a file is read only if it is the very file that was looked at.
package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"yardmaster/domain/artifact"
	"yardmaster/domain/blob"
)

// Why files cannot be packed.
var (
	// ErrKind means that one is a link, a device, a pipe or a socket.
	ErrKind = errors.New("pack: no regular file")
	// ErrChanged means that one changed while it was read.
	ErrChanged = errors.New("pack: changed while it was read")
	// ErrOutside means that a pattern leads out of the workspace.
	ErrOutside = errors.New("pack: outside of the workspace")
)

// Blobs is where packs are put to and got from. Whatever it yields is checked here again.
type Blobs interface {
	// Has reports whether a blob is there, and will be until this pack refers to it.
	Has(ctx context.Context, d blob.Digest) (bool, error)
	// Put stores what a reader yields, up to a limit.
	Put(ctx context.Context, r io.Reader, limit int64) (blob.Digest, int64, error)
	// Get returns a reader of a blob.
	Get(ctx context.Context, d blob.Digest) (io.ReadCloser, error)
}

// atOnce is how many files are stored or fetched at once.
const atOnce = 4

// Source says which files to pack.
type Source struct {
	Directory string // the workspace
	Patterns  []string
	// Common has paths begin below the directory that all patterns have in common, as
	// artifacts do; otherwise they begin at the workspace.
	Common bool
	// Hidden includes files whose names, or those of directories above them, begin with
	// a dot.
	Hidden bool
	Limits artifact.Limits
}

// Packed is what was packed.
type Packed struct {
	Manifest blob.Digest
	Files    int
	Bytes    int64
	// Alike are pairs of paths that are one file where case does not matter.
	Alike [][2]string
}

// Pack stores the files that a source means, and then their manifest. No files are no
// error: who asked decides what that means. When it fails, blobs may be left that
// nothing refers to.
func Pack(ctx context.Context, blobs Blobs, s Source) (Packed, error) {
	root, err := os.OpenRoot(s.Directory)
	if err != nil {
		return Packed{}, errors.New("pack: the workspace cannot be read")
	}
	defer root.Close()
	files, err := scan(ctx, root, s)
	if err != nil || len(files) == 0 {
		return Packed{}, err
	}
	entries := make([]artifact.Entry, len(files))
	err = inParallel(ctx, len(files), func(ctx context.Context, i int) (err error) {
		entries[i], err = store(ctx, blobs, root, &files[i])
		return err
	})
	if err != nil {
		return Packed{}, err
	}
	m := artifact.New(entries)
	if err := m.Validate(s.Limits); err != nil {
		return Packed{}, err
	}
	text := m.Encode()
	d, _, err := blobs.Put(ctx, bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return Packed{}, fmt.Errorf("pack: store the manifest: %w", err)
	}
	if d != blob.Of(text) {
		return Packed{}, fmt.Errorf("%w: the store has another manifest", blob.ErrDamaged)
	}
	return Packed{Manifest: d, Files: len(entries), Bytes: m.Bytes(), Alike: m.Alike()}, nil
}

// store stores a file and returns its entry. It is read once for its digest, and again
// only if the store lacks that.
func store(ctx context.Context, blobs Blobs, root *os.Root, f *file) (artifact.Entry, error) {
	e := artifact.Entry{Path: f.path, Size: f.info.Size(), Executable: f.info.Mode()&0o111 != 0}
	opened, err := f.open(root)
	if err != nil {
		return e, err
	}
	defer opened.Close()
	if e.Digest, err = copyOf(exactly(ctx, opened, e.Size), io.Discard, e.Size); err != nil {
		return e, f.failed(err)
	}
	has, err := blobs.Has(ctx, e.Digest)
	if err != nil {
		return e, fmt.Errorf("pack: %w", err)
	}
	if has {
		return e, nil
	}
	if _, err := opened.Seek(0, io.SeekStart); err != nil {
		return e, f.failed(err)
	}
	d, size, err := blobs.Put(ctx, exactly(ctx, opened, e.Size), e.Size)
	switch {
	case err != nil:
		return e, f.failed(err)
	case d != e.Digest || size != e.Size:
		return e, f.failed(ErrChanged)
	}
	return e, nil
}

// file is one that is to be packed.
type file struct {
	name string // below the root
	path string // in the manifest
	info fs.FileInfo
}

// open opens the file that was looked at, and no other that has its name by now. It does
// not wait for a pipe to be written to.
func (f *file) open(root *os.Root) (*os.File, error) {
	opened, err := root.OpenFile(f.name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, f.failed(err)
	}
	info, err := opened.Stat()
	if err == nil && !(info.Mode().IsRegular() && os.SameFile(f.info, info) && info.Size() == f.info.Size()) {
		err = ErrChanged
	}
	if err != nil {
		_ = opened.Close() // it was not read
		return nil, f.failed(err)
	}
	return opened, nil
}

// failed names the file, as it is below the workspace, and nothing above.
func (f *file) failed(err error) error {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("pack: %q: %w", f.name, err)
}

// inParallel calls f for 0 to n-1, a few at a time, until one fails.
func inParallel(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu   sync.Mutex
		next int
		all  sync.WaitGroup
	)
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	for range min(atOnce, n) {
		all.Go(func() {
			for i := take(); i < n && ctx.Err() == nil; i = take() {
				if err := f(ctx, i); err != nil {
					cancel(err) // the first is kept
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// hidden reports whether a segment of a path begins with a dot.
func hidden(segments []string) bool {
	for _, s := range segments {
		if strings.HasPrefix(s, ".") {
			return true
		}
	}
	return false
}

// nameOf returns the path of segments, as os.Root takes it.
func nameOf(segments []string) string {
	if len(segments) == 0 {
		return "."
	}
	return path.Join(segments...)
}
