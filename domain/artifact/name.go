// Package artifact holds the rules of what jobs hand on as files: names, manifests,
// and what an upload may change.
//
// A manifest lists files by path, size, mode and digest; their bytes are blobs. Nothing
// here trusts where a manifest comes from: what Validate passes can be unpacked without
// leaving its directory, and within the limits.
package artifact

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a name in bytes: what file systems take as the name of one file.
const maxName = 255

// forbidden are the characters that no name may hold, and no path that other systems
// should be able to have: Windows refuses them.
const forbidden = `":<>|*?`

// ErrName means that an artifact cannot be called so.
var ErrName = errors.New("artifact: bad name")

// CheckName returns what is wrong with the name of an artifact. The rules are GitHub's,
// and those without which a name could not be that of a directory.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > maxName:
		return fmt.Errorf("%w: it has %d bytes, more than %d", ErrName, len(name), maxName)
	case name == "." || name == "..":
		return fmt.Errorf("%w: %q is a directory already", ErrName, name)
	}
	if r, bad := odd(name, forbidden+`\/`); bad {
		return fmt.Errorf("%w: %q holds %q", ErrName, name, r)
	}
	return nil
}

// odd returns the first character of a text that is one of those given, a control
// character, or no character at all.
func odd(text, others string) (rune, bool) {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return r, true
			}
		}
		if unicode.IsControl(r) || strings.ContainsRune(others, r) {
			return r, true
		}
	}
	return 0, false
}
