// Package blob says how content is named and how a store of it may fail.
//
// A blob is a sequence of bytes that is named by its digest: who has the name can tell
// whether the bytes are the right ones, wherever they come from.
package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// What every store of blobs answers with, in an error that says more.
var (
	// ErrNotFound means there is no such blob.
	ErrNotFound = errors.New("blob: not found")
	// ErrDamaged means that what is stored is not what was: its bytes are not those
	// that the digest names.
	ErrDamaged = errors.New("blob: damaged")
	// ErrTooLarge means that there are more bytes than the caller allows.
	ErrTooLarge = errors.New("blob: too large")
	// ErrNoRoom means that the store has no room for it.
	ErrNoRoom = errors.New("blob: no room")
)

// Digest names a blob: the SHA-256 of its bytes.
type Digest [sha256.Size]byte

// Of returns the digest of content.
func Of(content []byte) Digest { return sha256.Sum256(content) }

// Parse reads what String wrote. It takes no other spelling, so that two texts that
// differ are two digests.
func Parse(text string) (Digest, error) {
	var d Digest
	if len(text) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("blob: a digest has %d characters, not %d", hex.EncodedLen(len(d)), len(text))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil || d.String() != text {
		return Digest{}, fmt.Errorf("blob: %q is no digest: it has other characters than 0-9 and a-f", text)
	}
	return d, nil
}

// String returns the digest as 64 hexadecimal digits, in lower case.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = Parse(string(text))
	return err
}

// Compare returns -1, 0 or 1, as d is before, at or behind other in the order of their texts.
func (d Digest) Compare(other Digest) int { return bytes.Compare(d[:], other[:]) }
