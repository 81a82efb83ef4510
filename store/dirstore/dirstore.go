// Package dirstore keeps blobs in a directory: each a file that is named by its digest.
//
//	ab/cdef…   the blob abcdef…
//	tmp/       what is being put
//	lock       held by the process that has it open
//
// A file gets its name when all of it is on disk, so what is there is complete after a
// crash of process or machine.
package dirstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

const (
	incoming = "tmp"
	lockFile = "lock"
	// bufferSize is what a copy has in memory.
	bufferSize = 128 << 10
	// atOnce is how many names of a directory are read at once.
	atOnce = 256
)

// ErrInUse means that another process has the directory open.
var ErrInUse = errors.New("dirstore: in use by another process")

// Store is a directory of blobs. It implements store.Blobs.
type Store struct {
	root    *os.Root
	lock    *os.File
	buffers sync.Pool

	// names is held when a name is given or taken away, so that a sweep does not take
	// away what was put since it looked.
	names sync.Mutex
}

var _ store.Blobs = (*Store)(nil)

// Open returns the store of a directory, which it makes if there is none. It takes away
// what an earlier process was putting when it died.
func Open(directory string) (*Store, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("dirstore: %w", err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("dirstore: %w", err)
	}
	s := &Store{root: root, buffers: sync.Pool{New: func() any { return new([bufferSize]byte) }}}
	if err := s.take(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// take makes the directory this process's.
func (s *Store) take() (err error) {
	if s.lock, err = s.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("dirstore: %w", err)
	}
	if err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("%w: %s", ErrInUse, s.root.Name())
		}
		return fmt.Errorf("dirstore: lock: %w", err)
	}
	if err := s.root.RemoveAll(incoming); err != nil {
		return fmt.Errorf("dirstore: %w", err)
	}
	if err := s.root.Mkdir(incoming, 0o700); err != nil {
		return fmt.Errorf("dirstore: %w", err)
	}
	return s.sync(".")
}

// Close gives the directory back. Readers that are open stay so.
func (s *Store) Close() error {
	err := s.root.Close()
	if s.lock != nil {
		// By hand: a process that is being started has a copy of the file for a moment.
		err = errors.Join(err, unix.Flock(int(s.lock.Fd()), unix.LOCK_UN), s.lock.Close())
	}
	return err
}

// fileOf returns where a blob is: with 256 directories, each has few enough names.
func fileOf(d blob.Digest) (shard, file string) {
	text := d.String()
	return text[:2], path.Join(text[:2], text[2:])
}

// Put implements store.Blobs.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (blob.Digest, int64, error) {
	name := path.Join(incoming, rand.Text())
	in := store.NewIntake(ctx, r, limit)
	err := s.write(name, in)
	if err == nil {
		err = s.settle(name, in.Digest())
	}
	if err != nil {
		_ = s.root.Remove(name) // it may not be there; if it cannot be removed, the next Open does
		return blob.Digest{}, 0, failed("put", err)
	}
	return in.Digest(), in.Size(), nil
}

// write writes a file, and returns once it is on disk.
func (s *Store) write(name string, in *store.Intake) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	buffer := s.buffers.Get().(*[bufferSize]byte)
	_, err = io.CopyBuffer(plain{f}, in, buffer[:])
	s.buffers.Put(buffer)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// plain hides that a file can read from readers by itself, in pieces of another size.
type plain struct{ io.Writer }

// settle gives a file that is on disk the name of its digest, and returns once that is on
// disk, too.
func (s *Store) settle(name string, d blob.Digest) error {
	shard, file := fileOf(d)
	if err := s.rename(name, shard, file); err != nil {
		return err
	}
	return s.sync(shard) // not under the lock: others need not wait for it
}

func (s *Store) rename(name, shard, file string) error {
	s.names.Lock()
	defer s.names.Unlock()
	switch err := s.root.Mkdir(shard, 0o700); {
	case err == nil:
		if err := s.sync("."); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	// Written files have the time of a coarser clock.
	if err := s.root.Chtimes(name, time.Time{}, time.Now()); err != nil {
		return err
	}
	return s.root.Rename(name, file)
}

// sync has the names in a directory on disk.
func (s *Store) sync(directory string) error {
	dir, err := s.root.Open(directory)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Get implements store.Blobs.
func (s *Store) Get(ctx context.Context, d blob.Digest) (io.ReadCloser, error) {
	_, file := fileOf(d)
	f, err := s.root.Open(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s", blob.ErrNotFound, d)
	case err != nil:
		return nil, failed("get", err)
	}
	return store.Verified(ctx, f, d), nil
}

// Has implements store.Blobs.
func (s *Store) Has(ctx context.Context, d blob.Digest) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	_, file := fileOf(d)
	s.names.Lock()
	defer s.names.Unlock()
	switch err := s.root.Chtimes(file, time.Time{}, time.Now()); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, failed("look at", err)
	}
	return true, nil
}

// Delete implements store.Blobs.
func (s *Store) Delete(ctx context.Context, d blob.Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, file := fileOf(d)
	s.names.Lock()
	defer s.names.Unlock()
	if err := s.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("delete", err)
	}
	return nil
}

// failed says what could not be done, and that the disk is full if that is why.
func failed(what string, err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("dirstore: %s: %w: %w", what, blob.ErrNoRoom, err)
	}
	return fmt.Errorf("dirstore: %s: %w", what, err)
}
