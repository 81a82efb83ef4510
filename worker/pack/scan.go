package pack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"yardmaster/domain/artifact"
	"yardmaster/worker/glob"
)

// maxLooked bounds the files and directories that are looked at, whether they are meant
// or not.
const maxLooked = 1_000_000

// scanner finds the files that a source means.
type scanner struct {
	ctx      context.Context //nolint:containedctx // of one scan
	root     *os.Root
	source   Source
	patterns glob.Patterns
	base     []string // where paths of the manifest begin
	files    []file
	bytes    int64
	looked   int
}

// scan returns the files that are meant, by name. It reads none of them: what is over a
// limit, or no regular file, is told before anything is stored.
func scan(ctx context.Context, root *os.Root, source Source) ([]file, error) {
	patterns, err := glob.Parse(source.Patterns, source.Directory)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if outside := patterns.Outside(); len(outside) > 0 {
		return nil, fmt.Errorf("%w: %q", ErrOutside, outside[0])
	}
	s := &scanner{ctx: ctx, root: root, source: source, patterns: patterns}
	starts := patterns.Starts()
	if source.Common {
		s.base = common(starts)
	}
	for _, start := range starts {
		if err := s.visit(start); err != nil {
			return nil, err
		}
	}
	if len(s.files) == 1 && source.Common && len(s.files[0].path) == 0 { // a file that is named itself
		s.files[0].path = path.Base(s.files[0].name)
	}
	slices.SortFunc(s.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return s.files, nil
}

// common returns the segments that all have at their beginning.
func common(all [][]string) []string {
	if len(all) == 0 {
		return nil
	}
	base := all[0]
	for _, other := range all[1:] {
		n := 0
		for n < min(len(base), len(other)) && base[n] == other[n] {
			n++
		}
		base = base[:n]
	}
	return base
}

// visit looks at a file or directory, given by its segments below the root.
func (s *scanner) visit(segments []string) error {
	if s.looked++; s.looked > maxLooked {
		return fmt.Errorf("%w: more than %d files and directories to look at", artifact.ErrLimit, maxLooked)
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	f := file{name: nameOf(segments), path: strings.Join(segments[min(len(s.base), len(segments)):], "/")}
	info, err := s.root.Lstat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.failed(err)
	case !s.source.Hidden && hidden(segments):
		return nil
	}
	f.info = info
	if info.IsDir() {
		return s.enter(segments, &f)
	}
	if !s.patterns.Mean(segments) {
		return nil
	}
	return s.add(f)
}

func (s *scanner) enter(segments []string, f *file) error {
	if !s.patterns.MayMeanBelow(segments) {
		return nil
	}
	if limit := s.source.Limits.Depth; len(segments)-len(s.base) >= limit {
		return fmt.Errorf("%w: more than %d directories within each other at %q…", artifact.ErrLimit, limit,
			f.name[:min(len(f.name), 64)])
	}
	names, err := s.list(f)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.visit(append(segments[:len(segments):len(segments)], name)); err != nil {
			return err
		}
	}
	return nil
}

// list returns the names in a directory, if it is the one that was looked at.
func (s *scanner) list(f *file) ([]string, error) {
	dir, err := s.root.Open(f.name)
	if err != nil {
		return nil, f.failed(err)
	}
	defer dir.Close()
	if info, err := dir.Stat(); err != nil || !os.SameFile(info, f.info) {
		return nil, f.failed(cmp.Or(err, ErrChanged))
	}
	names, err := dir.Readdirnames(maxLooked)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, f.failed(err)
	}
	slices.Sort(names)
	return names, nil
}

// add notes a file that is to be packed.
func (s *scanner) add(f file) error {
	if !f.info.Mode().IsRegular() {
		return f.failed(fmt.Errorf("%w, but %s", ErrKind, kind(f.info.Mode())))
	}
	limits := s.source.Limits
	if len(s.files) == limits.Files {
		return fmt.Errorf("%w: more than %d files", artifact.ErrLimit, limits.Files)
	}
	if s.bytes += f.info.Size(); s.bytes > limits.Bytes {
		return fmt.Errorf("%w: more than %d bytes", artifact.ErrLimit, limits.Bytes)
	}
	name := f.path
	if name == "" {
		name = path.Base(f.name)
	}
	if err := artifact.CheckPath(name, limits); err != nil {
		return err
	}
	s.files = append(s.files, f)
	return nil
}

// kind says what is no regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a link; copy what it leads to, or leave it out with a pattern that begins with !"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}
