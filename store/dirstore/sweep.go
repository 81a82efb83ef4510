package dirstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"time"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

// Sweep implements store.Blobs. It reads the names of one directory after the other, a
// few at a time, and leaves alone what is not named as a blob is.
func (s *Store) Sweep(
	ctx context.Context, live func(blob.Digest) bool, since time.Time,
) (swept store.Swept, err error) {
	const hexDigits = "0123456789abcdef"
	for i := range 256 {
		shard := string([]byte{hexDigits[i>>4], hexDigits[i&15]})
		if err := s.sweepShard(ctx, shard, live, since, &swept); err != nil {
			return swept, failed("sweep", err)
		}
	}
	return swept, nil
}

func (s *Store) sweepShard(
	ctx context.Context, shard string, live func(blob.Digest) bool, since time.Time, swept *store.Swept,
) error {
	dir, err := s.root.Open(shard)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(atOnce)
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := blob.Parse(shard + name)
			if err != nil {
				continue
			}
			if err := s.sweepOne(path.Join(shard, name), live(d), since, swept); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *Store) sweepOne(file string, live bool, since time.Time, swept *store.Swept) error {
	s.names.Lock()
	defer s.names.Unlock()
	info, err := s.root.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	remove := !live && info.ModTime().Before(since)
	if remove {
		if err := s.root.Remove(file); err != nil {
			return err
		}
	}
	swept.Count(remove, info.Size())
	return nil
}
