// Package cache decides which cache entry a job gets, which it may leave, and which
// must go to make room.
//
// An entry is a manifest under a key. It never changes, belongs to one project, and is
// seen from one ref: a branch sees what the default branch left, but not the reverse, so
// that what a pull request leaves reaches nobody else.
package cache

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxKey bounds a key in bytes, as GitHub does.
const maxKey = 512

// maxRestoreKeys bounds the prefixes of one query, as GitHub does together with the key.
const maxRestoreKeys = 9

// ErrKey means that nothing can have that key.
var ErrKey = errors.New("cache: bad key")

// CheckKey returns what is wrong with a key, or with the beginning of one.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrKey)
	case len(key) > maxKey:
		return fmt.Errorf("%w: it has %d bytes, more than %d", ErrKey, len(key), maxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: %q is no UTF-8", ErrKey, key)
	case strings.Contains(key, ","):
		return fmt.Errorf("%w: %q holds a comma", ErrKey, key)
	case strings.ContainsFunc(key, unicode.IsControl):
		return fmt.Errorf("%w: %q holds a control character", ErrKey, key)
	}
	return nil
}
