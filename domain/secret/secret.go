// Package secret is what steps may use and nobody may read: values that are kept
// sealed, each under a name within a project.
//
// What it promises:
//
//   - A sealed value is told apart from every other: one that was moved to another
//     name or project, or was changed, does not open.
//   - What is kept tells which key sealed it, so that a wrong key is named as such.
//   - No value is in an error, or in what is printed of anything here.
package secret

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what is kept.
const (
	MaxName       = 255
	MaxValue      = 48 << 10 // bytes
	MaxPerProject = 100
	MaxSealed     = 64 << 20 // bytes that the sealed values of all projects take
	// MaxPerJob is the most bytes that the values of one job may take: with the job
	// itself they must fit one message to a worker.
	MaxPerJob = 1 << 20
)

// Errors of what is asked for.
var (
	// ErrBadName means that a name is not as CheckName wants it.
	ErrBadName = errors.New("secret: bad name")
	// ErrBadValue means that a value is empty, too long, or no text.
	ErrBadValue = errors.New("secret: bad value")
	// ErrTooMany means that a project has as many as it may, or all projects together.
	ErrTooMany = errors.New("secret: too many")
)

// Ref says which secret it is.
type Ref struct {
	Project string
	Name    string // as Canonical gives it
}

// String returns the project and the name.
func (r Ref) String() string { return r.Project + "/" + r.Name }

// Canonical returns the form in which a name is kept: names are the same whatever
// their case.
func Canonical(name string) string { return strings.ToUpper(name) }

// CheckName returns ErrBadName, with the reason, or nil.
func CheckName(name string) error {
	upper := Canonical(name)
	switch {
	case name == "" || len(name) > MaxName || strings.ContainsFunc(name, unfit) || name[0] >= '0' && name[0] <= '9':
		return fmt.Errorf("%w %q: use 1 to %d letters, digits or '_', the first no digit", ErrBadName, shown(name), MaxName)
	case strings.HasPrefix(upper, "GITHUB_") || strings.HasPrefix(upper, "YARDMASTER"):
		return fmt.Errorf("%w %q: what begins with GITHUB_ or YARDMASTER is reserved", ErrBadName, shown(name))
	}
	return nil
}

func unfit(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// maxShown is how much of a name that is none an error shows: somebody may have given
// the value in its place.
const maxShown = 24

func shown(name string) string {
	if len(name) <= maxShown {
		return strings.ToValidUTF8(name, "\ufffd")
	}
	return strings.ToValidUTF8(name[:maxShown], "") + "…"
}

// minHidden is the fewest characters of a value that workers can hide: fewer would be
// found in any text.
const minHidden = 2

// CheckValue returns ErrBadValue, with the reason, or nil.
func CheckValue(value string) error {
	switch {
	case value == "":
		return fmt.Errorf("%w: it is empty", ErrBadValue)
	case len(value) > MaxValue:
		return fmt.Errorf("%w: it has %d bytes, more than %d", ErrBadValue, len(value), MaxValue)
	case utf8.RuneCountInString(strings.TrimSpace(value)) < minHidden || strings.Trim(value, "*") == "":
		return fmt.Errorf("%w: what has fewer than %d characters, or stars alone, cannot be hidden in logs",
			ErrBadValue, minHidden)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return fmt.Errorf("%w: it is no UTF-8 text without NUL; encode it first, with base64 for instance", ErrBadValue)
	}
	return nil
}

// Record is what is kept of a secret.
type Record struct {
	Ref
	Sealed []byte
	At     time.Time // when it was set last
	By     string    // who did
}

// Shelf is the secrets of all projects. Make one with New. It has no lock: whoever
// shares it brings one. What it hands out does not change any more.
type Shelf struct {
	by    map[string]map[string]Record // by project and name
	bytes int                          // of all that is sealed
}

// New returns a Shelf without secrets.
func New() *Shelf { return &Shelf{by: map[string]map[string]Record{}} }

// Admit returns ErrTooMany when there is no room for a secret.
func (s *Shelf) Admit(r Record) error {
	of := s.by[r.Project]
	old, known := of[r.Name]
	switch {
	case !known && len(of) >= MaxPerProject:
		return fmt.Errorf("%w: project %s has %d secrets, the most there may be", ErrTooMany, r.Project, len(of))
	case s.bytes-len(old.Sealed)+len(r.Sealed) > MaxSealed:
		return fmt.Errorf("%w: those of all projects would take more than %d bytes", ErrTooMany, MaxSealed)
	}
	return nil
}

// Put keeps a secret, over one of the same name.
func (s *Shelf) Put(r Record) {
	if s.by[r.Project] == nil {
		s.by[r.Project] = map[string]Record{}
	}
	s.bytes += len(r.Sealed) - len(s.by[r.Project][r.Name].Sealed)
	s.by[r.Project][r.Name] = r
}

// Remove lets go of a secret, and reports whether there was one.
func (s *Shelf) Remove(ref Ref) bool {
	old, known := s.by[ref.Project][ref.Name]
	s.bytes -= len(old.Sealed)
	delete(s.by[ref.Project], ref.Name)
	if len(s.by[ref.Project]) == 0 {
		delete(s.by, ref.Project)
	}
	return known
}

// Get returns a secret.
func (s *Shelf) Get(ref Ref) (Record, bool) {
	r, known := s.by[ref.Project][ref.Name]
	return r, known
}

// Of returns the secrets of a project by their names.
func (s *Shelf) Of(project string) []Record {
	return slices.SortedFunc(maps.Values(s.by[project]), func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
}

// All ranges over the secrets by their projects and names.
func (s *Shelf) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, project := range slices.Sorted(maps.Keys(s.by)) {
			for _, r := range s.Of(project) {
				if !yield(r) {
					return
				}
			}
		}
	}
}
