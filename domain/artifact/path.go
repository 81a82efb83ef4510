package artifact

import (
	"fmt"
	"strings"
)

// CheckPath returns what is wrong with the path of a file: whatever could lead out of
// the directory it is unpacked into, has two spellings, or is over a limit.
func CheckPath(path string, limits Limits) error {
	if len(path) > limits.Path {
		return fmt.Errorf("%w: a path has %d bytes, more than %d: %q…", ErrLimit, len(path), limits.Path, start(path))
	}
	others := `\`
	if limits.Portable {
		others += forbidden
	}
	if r, bad := odd(path, others); bad {
		return fmt.Errorf("%w: the path %q holds %q", ErrInvalid, path, r)
	}
	depth := 0
	for segment := range strings.SplitSeq(path, "/") {
		depth++
		switch {
		case segment == "":
			return fmt.Errorf("%w: the path %q has an empty segment", ErrInvalid, path)
		case segment == "." || segment == "..":
			return fmt.Errorf("%w: the path %q has a segment %q", ErrInvalid, path, segment)
		case len(segment) > maxName:
			return fmt.Errorf("%w: a segment of a path has %d bytes, more than %d", ErrLimit, len(segment), maxName)
		}
	}
	if depth > limits.Depth {
		return fmt.Errorf("%w: the path %q has %d segments, more than %d", ErrLimit, path, depth, limits.Depth)
	}
	return nil
}

// start returns enough of a long path to know it by.
func start(path string) string { return path[:min(len(path), 64)] }
