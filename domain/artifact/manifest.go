package artifact

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"yardmaster/domain/blob"
)

// heading is the first line of an encoded manifest, with the version of the format.
const heading = "yardmaster manifest 1"

// maxFaults bounds how many faults of a manifest are told at once.
const maxFaults = 20

// ErrInvalid means that a manifest must not be unpacked.
var ErrInvalid = errors.New("artifact: invalid manifest")

// Entry is one file.
type Entry struct {
	Path       string // relative, with slashes
	Size       int64
	Executable bool // the only bit of its mode that is kept
	Digest     blob.Digest
}

// Manifest lists files by path. There are no directories without files, and no links.
type Manifest struct{ entries []Entry }

// New returns the manifest of files, in whatever order they come. It takes everything:
// Validate says what is wrong with it.
func New(entries []Entry) Manifest {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	return Manifest{sorted}
}

// Entries returns the files, by path. They are not to be changed.
func (m Manifest) Entries() []Entry { return m.entries }

// Bytes returns how many bytes all files have.
func (m Manifest) Bytes() (sum int64) {
	for i := range m.entries {
		sum = plus(sum, m.entries[i].Size)
	}
	return sum
}

// plus adds sizes, and stays at the greatest number there is rather than turn negative.
func plus(a, b int64) int64 {
	const most = 1<<63 - 1
	if b > 0 && a > most-b {
		return most
	}
	return a + b
}

// Encode returns the one text of the manifest: a heading, and a line a file. It holds
// only what Validate passes; a path with a line break would be two.
//
// The manifest is kept as a blob of this text, so the digest of that is the manifest's.
func (m Manifest) Encode() []byte {
	text := append(make([]byte, 0, m.encoded()), heading...)
	text = append(text, '\n')
	for _, e := range m.entries {
		text = append(text, e.Digest.String()...)
		mode := " - "
		if e.Executable {
			mode = " x "
		}
		text = append(text, mode...)
		text = strconv.AppendInt(text, e.Size, 10)
		text = append(text, ' ')
		text = append(text, e.Path...)
		text = append(text, '\n')
	}
	return text
}

// encoded returns how many bytes Encode returns.
func (m Manifest) encoded() int64 {
	var number [20]byte
	size := int64(len(heading) + 1)
	for i := range m.entries {
		e := &m.entries[i]
		digits := len(strconv.AppendInt(number[:0], e.Size, 10))
		size += int64(2*len(e.Digest) + len(" x ") + digits + len(" ") + len(e.Path) + len("\n"))
	}
	return size
}

// Digest returns the digest of the encoded manifest.
func (m Manifest) Digest() blob.Digest { return blob.Of(m.Encode()) }

// Decode reads what Encode wrote, and takes no other text: paths in order, numbers and
// digests in their one spelling. The manifest is still to be validated.
func Decode(text []byte) (Manifest, error) {
	head, rest, ok := bytes.Cut(text, []byte{'\n'})
	if !ok || string(head) != heading {
		return Manifest{}, fmt.Errorf("%w: it does not begin with %q", ErrInvalid, heading)
	}
	entries := make([]Entry, 0, bytes.Count(rest, []byte{'\n'}))
	for number := 2; len(rest) > 0; number++ {
		line, after, ok := bytes.Cut(rest, []byte{'\n'})
		if !ok {
			return Manifest{}, fmt.Errorf("%w: line %d does not end", ErrInvalid, number)
		}
		e, err := decodeLine(string(line))
		if err != nil {
			return Manifest{}, fmt.Errorf("%w: line %d: %w", ErrInvalid, number, err)
		}
		if n := len(entries); n > 0 && entries[n-1].Path > e.Path {
			return Manifest{}, fmt.Errorf("%w: line %d is out of order", ErrInvalid, number)
		}
		entries, rest = append(entries, e), after
	}
	return Manifest{entries}, nil
}

func decodeLine(line string) (e Entry, err error) {
	fields := strings.SplitN(line, " ", 4) // a path may hold spaces
	if len(fields) != 4 {
		return e, errors.New("it has too few parts")
	}
	if e.Digest, err = blob.Parse(fields[0]); err != nil {
		return e, err
	}
	if fields[1] != "x" && fields[1] != "-" {
		return e, fmt.Errorf("%q is no mode", fields[1])
	}
	e.Executable = fields[1] == "x"
	if e.Size, err = strconv.ParseInt(fields[2], 10, 64); err != nil || strconv.FormatInt(e.Size, 10) != fields[2] {
		return e, fmt.Errorf("%q is no size", fields[2])
	}
	e.Path = fields[3]
	return e, nil
}

// Validate returns why a manifest must not be unpacked: all that is wrong with it, up to
// a number of faults.
func (m Manifest) Validate(limits Limits) error {
	var faults []error
	fault := func(err error) (enough bool) {
		faults = append(faults, err)
		return len(faults) == maxFaults
	}
	if n := len(m.entries); n > limits.Files { // the rest is not looked at: it may be any number
		return fmt.Errorf("%w: %d files, more than %d", ErrLimit, n, limits.Files)
	}
	files := make(map[string]struct{}, len(m.entries))
	for i := range m.entries {
		files[m.entries[i].Path] = struct{}{}
	}
	for i := range m.entries {
		e := &m.entries[i]
		err := e.check(limits)
		if err == nil && i > 0 && m.entries[i-1].Path == e.Path {
			err = fmt.Errorf("%w: %q is there twice", ErrInvalid, e.Path)
		}
		if err == nil {
			err = isNoDirectory(e.Path, files)
		}
		if err != nil && fault(err) {
			return errors.Join(faults...)
		}
	}
	if sum := m.Bytes(); sum > limits.Bytes {
		fault(fmt.Errorf("%w: %d bytes, more than %d", ErrLimit, sum, limits.Bytes))
	}
	if n := m.encoded(); n > limits.Encoded {
		fault(fmt.Errorf("%w: the manifest has %d bytes, more than %d", ErrLimit, n, limits.Encoded))
	}
	return errors.Join(faults...)
}

func (e *Entry) check(limits Limits) error {
	if e.Size < 0 {
		return fmt.Errorf("%w: %q has %d bytes", ErrInvalid, e.Path, e.Size)
	}
	return CheckPath(e.Path, limits)
}

// isNoDirectory returns an error when a directory above a file is a file, too.
func isNoDirectory(file string, files map[string]struct{}) error {
	for i := range len(file) {
		if file[i] != '/' {
			continue
		}
		if _, is := files[file[:i]]; is {
			return fmt.Errorf("%w: %q is a file, and a directory of %q", ErrInvalid, file[:i], file)
		}
	}
	return nil
}

// Alike returns the pairs of paths that are one file where upper and lower case are the
// same: what a person should be warned of.
func (m Manifest) Alike() (pairs [][2]string) {
	seen := make(map[string]string, len(m.entries))
	for i := range m.entries {
		path := m.entries[i].Path
		folded := strings.ToLower(strings.ToUpper(path)) // twice, for letters that have two lower cases
		if other, is := seen[folded]; is {
			pairs = append(pairs, [2]string{other, path})
			continue
		}
		seen[folded] = path
	}
	return pairs
}
