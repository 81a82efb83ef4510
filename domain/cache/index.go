package cache

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"yardmaster/domain/blob"
)

// Scope is where an entry belongs.
type Scope struct {
	Project string
	Ref     string // refs/heads/main, say
}

// ID names an entry. There is one of each, and it never changes.
type ID struct {
	Scope

	Key string
	// Version is the digest of what besides the key must agree, such as the paths
	// that were kept: of another version is another cache.
	Version blob.Digest
}

// compare orders IDs, so that what is decided does not depend on the order of a map.
func (id ID) compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Project, other.Project), cmp.Compare(id.Ref, other.Ref),
		cmp.Compare(id.Key, other.Key), id.Version.Compare(other.Version))
}

// Entry is one that was kept.
type Entry struct {
	ID

	Manifest blob.Digest
	Bytes    int64
	Made     time.Time
	Used     time.Time // when it was last found; at first, when it was made
}

// Query asks for an entry.
type Query struct {
	Project string
	// Refs are those whose entries may be seen, the job's own first. All keys are
	// tried in one before the next is looked at.
	Refs    []string
	Version blob.Digest
	Key     string
	// RestoreKeys are beginnings of keys, to be tried in this order when nothing has Key.
	RestoreKeys []string
}

// Index is the entries of all projects. Make it with NewIndex; it is changed by Evolve.
type Index struct {
	projects map[string]*shelf
}

// shelf is the entries of one project.
type shelf struct {
	entries map[ID]Entry
	bytes   int64
}

// NewIndex returns an index without entries.
func NewIndex() *Index { return &Index{projects: map[string]*shelf{}} }

// Bytes returns how many bytes the entries of a project have.
func (x *Index) Bytes(project string) int64 {
	if s := x.projects[project]; s != nil {
		return s.bytes
	}
	return 0
}

// Entries returns the entries of a project, in a fixed order.
func (x *Index) Entries(project string) []Entry {
	s := x.projects[project]
	if s == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(s.entries), func(a, b Entry) int { return a.compare(b.ID) })
}

// Projects returns those that have entries, in order.
func (x *Index) Projects() []string { return slices.Sorted(maps.Keys(x.projects)) }

// Find answers a query, and says whether the entry has the very key. In each ref it
// tries the key, then the entries whose keys begin with it, then those that begin with
// each of the restore keys; of several it takes the one made last.
func (x *Index) Find(q Query) (found Entry, exact, ok bool) {
	s := x.projects[q.Project]
	if s == nil {
		return Entry{}, false, false
	}
	for _, ref := range q.Refs {
		scope := Scope{Project: q.Project, Ref: ref}
		if e, is := s.entries[ID{Scope: scope, Key: q.Key, Version: q.Version}]; is {
			return e, true, true
		}
		if e, is := s.newest(scope, q); is {
			return e, false, true
		}
	}
	return Entry{}, false, false
}

// newest returns the entry of a scope that begins with the first of the query's keys
// that any entry begins with. It looks at every entry of the project once.
func (s *shelf) newest(scope Scope, q Query) (best Entry, found bool) {
	at := len(q.RestoreKeys) + 1 // which key the best begins with
	for id := range s.entries {
		if id.Scope != scope || id.Version != q.Version {
			continue
		}
		k := beginsWith(id.Key, q, at)
		if k < 0 {
			continue
		}
		e := s.entries[id]
		if k < at || younger(e, best) {
			best, at, found = e, k, true
		}
	}
	return best, found
}

// beginsWith returns the number of the first of the query's keys that a key begins with,
// up to the one numbered last; -1 if there is none.
func beginsWith(key string, q Query, last int) int {
	if strings.HasPrefix(key, q.Key) {
		return 0
	}
	for i, prefix := range q.RestoreKeys {
		if i+1 > last {
			break
		}
		if strings.HasPrefix(key, prefix) {
			return i + 1
		}
	}
	return -1
}

// younger reports whether a was made after b; of two of one time, it is the one whose
// name is behind.
func younger(a, b Entry) bool {
	return cmp.Or(a.Made.Compare(b.Made), a.compare(b.ID)) > 0
}
