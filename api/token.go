package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// LocalPrincipal is who asks when no tokens are configured.
const LocalPrincipal = "local"

const (
	tokenPrincipal    = "token"  // of a token without a name
	maxTokenFileBytes = 64 << 10 // of the token file
	minTokenBytes     = 16       // a shorter token could be guessed
	openPermissions   = 0o077    // bits that let others at the file
)

// Tokens are the secrets that admit callers, as their SHA-256.
type Tokens struct{ list []namedToken }

type namedToken struct {
	name string
	sum  [32]byte
}

// LoadTokens reads a token file: one token a line, as TOKEN or NAME:TOKEN; empty
// lines and those beginning with # do not count. It refuses a file that others
// than its owner may read. Its errors hold no token. It reads the file once, so
// that may be a pipe.
func LoadTokens(path string) (*Tokens, error) {
	t, _, err := loadTokens(path)
	return t, err
}

// FirstToken returns the first token of a token file, for a client. It refuses
// what LoadTokens refuses, and reads as it does.
func FirstToken(path string) (string, error) {
	_, first, err := loadTokens(path)
	return first, err
}

func loadTokens(path string) (t *Tokens, first string, err error) {
	src, err := readPrivate(path)
	if err != nil {
		return nil, "", err
	}
	t = new(Tokens)
	lines := bufio.NewScanner(bytes.NewReader(src))
	for n := 1; lines.Scan(); n++ {
		name, token, ok := parseTokenLine(lines.Text())
		if !ok {
			continue
		}
		if err := t.add(name, token); err != nil {
			return nil, "", fmt.Errorf("api: token file %s, line %d: %w", path, n, err)
		}
		if first == "" {
			first = token
		}
	}
	if err := lines.Err(); err != nil {
		return nil, "", fmt.Errorf("api: token file %s: %w", path, err)
	}
	if len(t.list) == 0 {
		return nil, "", fmt.Errorf("api: token file %s has no token", path)
	}
	return t, first, nil
}

func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("api: token file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("api: token file: %w", err)
	}
	if mode := info.Mode(); mode.IsDir() {
		return nil, fmt.Errorf("api: token file %s is a directory", path)
	} else if mode.Perm()&openPermissions != 0 {
		return nil, fmt.Errorf("api: token file %s can be read by others (mode %#o): chmod 600 it", path, mode.Perm())
	}
	src, err := io.ReadAll(io.LimitReader(f, maxTokenFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("api: token file: %w", err)
	}
	if len(src) > maxTokenFileBytes {
		return nil, fmt.Errorf("api: token file %s has more than %d bytes", path, maxTokenFileBytes)
	}
	return src, nil
}

// parseTokenLine splits a line; ok is false when the line says nothing.
func parseTokenLine(line string) (name, token string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return "", "", false
	}
	name, token, named := strings.Cut(line, ":")
	if !named {
		return tokenPrincipal, line, true
	}
	return strings.TrimSpace(name), strings.TrimSpace(token), true
}

func (t *Tokens) add(name, token string) error {
	switch {
	case name == "" || !printable(name) || len(name) > MaxKeyBytes:
		return errors.New("the name before the colon cannot be used")
	case len(token) < minTokenBytes:
		return fmt.Errorf("the token is shorter than %d bytes", minTokenBytes)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the token has a character other than visible ASCII")
	}
	t.list = append(t.list, namedToken{name: name, sum: sha256.Sum256([]byte(token))})
	return nil
}

// principal returns whose token it is. It compares with every token, whatever it
// finds, so that its time tells nothing.
func (t *Tokens) principal(token string) (name string, ok bool) {
	sum := sha256.Sum256([]byte(token))
	for i := range t.list {
		if subtle.ConstantTimeCompare(sum[:], t.list[i].sum[:]) == 1 {
			name, ok = t.list[i].name, true
		}
	}
	return name, ok
}

type principalKey struct{}

func withPrincipal(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, principalKey{}, name)
}

func principal(ctx context.Context) string {
	if name, ok := ctx.Value(principalKey{}).(string); ok {
		return name
	}
	return LocalPrincipal
}
