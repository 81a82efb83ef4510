package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Sizes in bytes.
const (
	KeySize   = 32
	NonceSize = 12 // of AES-GCM
	idSize    = 8
)

// sealedForm is the first byte of every sealed value: another form gets another one.
const sealedForm = 1

// Errors of keys and sealed values.
var (
	// ErrBadKey means that a text is no key.
	ErrBadKey = fmt.Errorf("secret: bad key: it is not %d bytes in hex or base64", KeySize)
	// ErrOtherKey means that a value was sealed with another key.
	ErrOtherKey = errors.New("secret: sealed with another key")
	// ErrDamaged means that a sealed value is not what some key sealed under its name.
	ErrDamaged = errors.New("secret: damaged")
)

// Key seals and opens. It may be used by goroutines at once.
type Key struct {
	aead cipher.AEAD
	id   [idSize]byte // tells keys apart, and nothing about them
}

// NewKey returns the key that KeySize random bytes are.
func NewKey(raw []byte) (*Key, error) {
	if len(raw) != KeySize {
		return nil, ErrBadKey
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	k := &Key{aead: aead}
	sum := sha256.Sum256(append([]byte("yardmaster secrets key\x00"), raw...))
	copy(k.id[:], sum[:])
	return k, nil
}

// ParseKey reads a key in hex or base64, with blanks around it.
func ParseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == KeySize {
		return NewKey(raw)
	}
	for _, alphabet := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if raw, err := alphabet.DecodeString(text); err == nil && len(raw) == KeySize {
			return NewKey(raw)
		}
	}
	return nil, ErrBadKey
}

// FormatKey returns the text that ParseKey reads.
func FormatKey(raw [KeySize]byte) string { return base64.StdEncoding.EncodeToString(raw[:]) }

// String says that it is a key, and not which.
func (k *Key) String() string { return "key ***" }

// GoString is String.
func (k *Key) GoString() string { return k.String() }

// Seal returns a value as it is kept: the form, which key it was, the nonce, and what
// AES-256-GCM makes of the value, bound to ref. No nonce may be used twice: take random
// ones.
func (k *Key) Seal(ref Ref, value string, nonce [NonceSize]byte) []byte {
	sealed := make([]byte, 0, 1+idSize+NonceSize+len(value)+k.aead.Overhead())
	sealed = append(sealed, sealedForm)
	sealed = append(sealed, k.id[:]...)
	sealed = append(sealed, nonce[:]...)
	return k.aead.Seal(sealed, nonce[:], []byte(value), bound(ref))
}

// bound is what a value is sealed together with. No project has a '/' in its name.
func bound(ref Ref) []byte { return []byte(ref.Project + "/" + ref.Name) }

// Open returns the value of a secret. The error is ErrOtherKey or ErrDamaged.
func (k *Key) Open(ref Ref, sealed []byte) (string, error) {
	const head = 1 + idSize + NonceSize
	if len(sealed) < head+k.aead.Overhead() || sealed[0] != sealedForm {
		return "", ErrDamaged
	}
	if !bytes.Equal(sealed[1:1+idSize], k.id[:]) {
		return "", ErrOtherKey
	}
	value, err := k.aead.Open(nil, sealed[1+idSize:head], sealed[head:], bound(ref))
	if err != nil {
		return "", ErrDamaged
	}
	return string(value), nil
}

// Opens returns nil when the key opens every secret of a shelf, else why it does not
// open the first that it cannot.
func (k *Key) Opens(s *Shelf) error {
	for r := range s.All() {
		if _, err := k.Open(r.Ref, r.Sealed); err != nil {
			return fmt.Errorf("the secret %s of the project %s cannot be opened: %w", r.Name, r.Project, err)
		}
	}
	return nil
}
