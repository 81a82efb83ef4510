// Package hashfiles computes what hashFiles of an expression returns: one hash of all
// files of a workspace that patterns mean.
//
// The value is the one that GitHub's runner computes: the SHA-256 of the SHA-256 of each
// file, in the order in which directories are gone through, by name.
package hashfiles

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"yardmaster/worker/glob"
)

// Limits of one call.
const (
	maxEntries = 1_000_000 // files and directories looked at
	maxDepth   = 200       // directories within each other
)

const followLinks = "--follow-symbolic-links"

// Hash returns the hash of the files in a directory that the patterns mean, or "" if
// there are none. Patterns are globs in which ** stands for any number of directories;
// those that begin with ! take files away again; one that means a directory means all
// files below it. If the first is --follow-symbolic-links, directories are entered
// through links, too.
//
// Nothing outside of the directory is read. An error names the file, as it is below the
// directory.
func Hash(ctx context.Context, directory string, patterns []string) (string, error) {
	w := walker{ctx: ctx, sum: sha256.New()}
	if len(patterns) > 0 && strings.HasPrefix(patterns[0], "--") {
		if !strings.EqualFold(patterns[0], followLinks) {
			return "", errors.New("the only option is " + followLinks)
		}
		w.follow, patterns = true, patterns[1:]
	}
	var err error
	if w.patterns, err = glob.Parse(patterns, directory); err != nil {
		return "", err
	}
	if w.root, err = os.OpenRoot(directory); err != nil {
		return "", errors.New("the workspace cannot be read")
	}
	defer w.root.Close()
	for _, start := range w.patterns.Starts() {
		if err := w.visit(start, nil); err != nil {
			return "", err
		}
	}
	if w.files == 0 {
		return "", nil
	}
	return hex.EncodeToString(w.sum.Sum(nil)), nil
}

// walker goes through a workspace.
type walker struct {
	ctx      context.Context //nolint:containedctx // of one call of Hash
	root     *os.Root
	patterns glob.Patterns
	follow   bool
	sum      hash.Hash
	files    int
	entries  int
}

// visit looks at a file or directory, given by its segments below the root; above are
// the directories that lead to it.
func (w *walker) visit(name []string, above []fs.FileInfo) error {
	if w.entries++; w.entries > maxEntries {
		return fmt.Errorf("more than %d files and directories", maxEntries)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	file := "."
	if len(name) > 0 {
		file = path.Join(name...)
	}
	stat := w.root.Lstat
	if w.follow {
		stat = w.root.Stat
	}
	info, err := stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unreadable(file, err)
	case info.IsDir():
		return w.enter(name, file, info, above)
	case w.patterns.Mean(name):
		return w.add(file)
	}
	return nil
}

func unreadable(file string, err error) error {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("%q cannot be read: %w", file, err)
}

func (w *walker) enter(name []string, file string, info fs.FileInfo, above []fs.FileInfo) error {
	same := func(other fs.FileInfo) bool { return os.SameFile(info, other) }
	if !w.patterns.MayMeanBelow(name) || slices.ContainsFunc(above, same) {
		return nil
	}
	if len(above) == maxDepth {
		return fmt.Errorf("more than %d directories within each other", maxDepth)
	}
	dir, err := w.root.Open(file)
	if err != nil {
		return unreadable(file, err)
	}
	names, err := dir.Readdirnames(maxEntries + 1)
	_ = dir.Close() // it was only read
	if err != nil && !errors.Is(err, io.EOF) {
		return unreadable(file, err)
	}
	slices.Sort(names)
	above = append(above[:len(above):len(above)], info)
	for _, child := range names {
		if err := w.visit(append(name[:len(name):len(name)], child), above); err != nil {
			return err
		}
	}
	return nil
}

// add hashes a file. A link is followed as far as it stays within the root.
func (w *walker) add(file string) error {
	info, err := w.root.Stat(file)
	if err != nil {
		return unreadable(file, err)
	}
	if info.IsDir() { // through a link
		return nil
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is no regular file", file)
	}
	f, err := w.root.Open(file)
	if err != nil {
		return unreadable(file, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, reader{w.ctx, f}); err != nil {
		return unreadable(file, err)
	}
	_, _ = w.sum.Write(sum.Sum(nil)) // a hash cannot fail
	w.files++
	return nil
}

// reader reads until a context ends.
type reader struct {
	ctx context.Context //nolint:containedctx // of one call of Hash
	r   io.Reader
}

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
