package pack

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"yardmaster/domain/artifact"
	"yardmaster/domain/blob"
)

// partial begins the names of files that are not complete yet.
const partial = ".yardmaster-partial-"

// Open gets a manifest, and checks it against limits.
func Open(ctx context.Context, blobs Blobs, d blob.Digest, limits artifact.Limits) (artifact.Manifest, error) {
	var text bytes.Buffer
	if err := fetch(ctx, blobs, d, limits.Encoded, &text); err != nil {
		return artifact.Manifest{}, fmt.Errorf("pack: get the manifest: %w", err)
	}
	m, err := artifact.Decode(text.Bytes())
	if err != nil {
		return artifact.Manifest{}, err
	}
	return m, m.Validate(limits)
}

// Unpack writes the files of a manifest into a directory, which must exist. It makes the
// directories above them, and puts them in the place of files that are there, and of
// links, but not of what these lead to. Each gets its name once it is complete and its
// digest is right; when one fails, others may be there.
func Unpack(
	ctx context.Context, blobs Blobs, manifest blob.Digest, directory string, limits artifact.Limits,
) (artifact.Manifest, error) {
	m, err := Open(ctx, blobs, manifest, limits)
	if err != nil {
		return artifact.Manifest{}, err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return artifact.Manifest{}, errors.New("pack: the directory to unpack into cannot be opened")
	}
	defer root.Close()
	all := m.Entries()
	err = inParallel(ctx, len(all), func(ctx context.Context, i int) error { return write(ctx, blobs, root, &all[i]) })
	return m, err
}

// write writes one file.
func write(ctx context.Context, blobs Blobs, root *os.Root, e *artifact.Entry) error {
	f := file{name: e.Path}
	above := path.Dir(e.Path)
	if err := root.MkdirAll(above, 0o777); err != nil { // less what the umask says
		return f.failed(err)
	}
	mode := os.FileMode(0o666)
	if e.Executable {
		mode = 0o777
	}
	name := path.Join(above, partial+rand.Text())
	if err := writeTo(ctx, blobs, root, name, mode, e); err != nil {
		_ = root.Remove(name) // what cannot be removed has a name that says what it is
		return f.failed(err)
	}
	if err := root.Rename(name, e.Path); err != nil {
		_ = root.Remove(name)
		return f.failed(err)
	}
	return nil
}

func writeTo(
	ctx context.Context, blobs Blobs, root *os.Root, name string, mode os.FileMode, e *artifact.Entry,
) error {
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	counted := &counter{w: out}
	err = fetch(ctx, blobs, e.Digest, e.Size, counted)
	if err == nil && counted.n != e.Size {
		err = fmt.Errorf("%w: it has %d bytes, not %d", blob.ErrDamaged, counted.n, e.Size)
	}
	return errors.Join(err, out.Close())
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// fetch copies a blob, of no more than limit bytes, and checks it.
func fetch(ctx context.Context, blobs Blobs, d blob.Digest, limit int64, to io.Writer) error {
	r, err := blobs.Get(ctx, d)
	if err != nil {
		return err
	}
	defer r.Close()
	in := &limited{ctx: ctx, r: r, left: limit}
	sum, err := copyOf(in, to, limit)
	if err == nil && sum != d {
		err = fmt.Errorf("%w: %s has the digest %s", blob.ErrDamaged, d, sum)
	}
	return err
}
