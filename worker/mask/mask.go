// Package mask hides values in what passes through it.
//
// # What it promises
//
//   - No value of a Set is in what a Stream lets through, however its text comes in
//     pieces, and neither is what most often becomes of a value: base64, hex, escapes
//     of URLs and JSON, and each of its lines by itself.
//   - The result does not depend on the pieces.
//   - The time it takes is proportional to the text, however many values there are.
//   - Values may be added while texts pass; they count from then on.
//
// Values of one character are not hidden, for that would tell more than it hides, nor
// are encodings of fewer than four, nor values that are made of stars.
package mask

import (
	"errors"
	"strings"
	"sync"
	"unicode/utf8"
)

// Limits of a Set.
const (
	MaxValue = 64 << 10 // bytes of a value
	// MaxNodes bounds the memory of a Set: about the bytes of all values in all of
	// their encodings, which are some 14 times those of the values.
	MaxNodes = 1 << 20
)

// Stars stand for what is hidden.
const Stars = "***"

// ErrFull means that a value cannot be hidden, so that nothing is shown any more.
var ErrFull = errors.New("mask: too many values, or too long ones")

// Set is the values to hide. It may be used by goroutines at once.
type Set struct {
	mu    sync.Mutex
	trie  *trie // nil without values
	value map[string]bool
}

// NewSet returns a Set without values.
func NewSet() *Set { return &Set{} }

// Add hides a value from now on, and each of its lines. The error is ErrFull, and from
// then on all is hidden.
func (s *Set) Add(value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trie == nil {
		s.trie, s.value = newTrie(), map[string]bool{}
	}
	for _, v := range append(lines(value), value) {
		if utf8.RuneCountInString(strings.TrimSpace(v)) <= 1 || strings.Trim(v, "*") == "" || s.value[v] {
			continue
		}
		if len(v) > MaxValue {
			s.trie.full = true
		}
		for _, form := range forms(v) {
			s.trie.add(form)
		}
		if s.trie.full {
			return ErrFull
		}
		s.value[v] = true
	}
	return nil
}

// Empty reports that there is nothing to hide.
func (s *Set) Empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trie == nil
}

// Hide returns a text with stars in place of the values.
func (s *Set) Hide(text string) string {
	switch {
	case text == "" || s.Empty():
		return text
	case s.full():
		return Stars
	}
	stream := NewStream(s)
	return string(stream.Flush(stream.Append(nil, []byte(text))))
}

func (s *Set) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trie.full
}

// Hides reports whether there is a value in a text.
func (s *Set) Hides(text string) bool { return s.Hide(text) != text }

// lines returns the lines of a value that has more than one.
func lines(value string) (all []string) {
	if !strings.ContainsAny(value, "\r\n") {
		return nil
	}
	for _, line := range strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
		all = append(all, strings.TrimSpace(line))
	}
	return all
}
