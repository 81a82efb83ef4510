package cache

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"yardmaster/domain/blob"
)

// Why an entry is not kept.
var (
	// ErrExists means that there is another entry of that name: entries never change.
	ErrExists = errors.New("cache: it exists")
	// ErrTooLarge means that it would be more than all entries of a project may be.
	ErrTooLarge = errors.New("cache: too large")
)

// Limits bound the entries of each project.
type Limits struct {
	Bytes   int64
	Entries int
	// Unused is how long an entry is kept that nobody finds; 0 is for ever.
	Unused time.Duration
}

// Event is a change of an index.
//
//sumtype:decl
type Event interface{ event() }

// Saved says that an entry is there.
type Saved struct{ Entry Entry }

// Found says that a job got an entry.
type Found struct {
	ID ID
	At time.Time
}

// Evicted says that an entry is no longer there.
type Evicted struct{ ID ID }

func (Saved) event()   {}
func (Found) event()   {}
func (Evicted) event() {}

// Check returns what is wrong with a query.
func (q Query) Check() error {
	if len(q.RestoreKeys) > maxRestoreKeys {
		return fmt.Errorf("%w: %d restore keys, more than %d", ErrKey, len(q.RestoreKeys), maxRestoreKeys)
	}
	faults := []error{CheckKey(q.Key)}
	for _, key := range q.RestoreKeys {
		faults = append(faults, CheckKey(key))
	}
	return errors.Join(faults...)
}

// Save decides about an entry that a job leaves: which others must go, and that it is
// there. The same save may come again, and causes nothing.
func (x *Index) Save(id ID, manifest blob.Digest, size int64, now time.Time, limits Limits) ([]Event, error) {
	if err := CheckKey(id.Key); err != nil {
		return nil, err
	}
	if size < 0 || size > limits.Bytes || limits.Entries < 1 {
		return nil, fmt.Errorf("%w: %d bytes, and all entries of a project may have %d", ErrTooLarge, size, limits.Bytes)
	}
	if s := x.projects[id.Project]; s != nil {
		if old, is := s.entries[id]; is && old.Manifest == manifest {
			return nil, nil
		} else if is {
			return nil, fmt.Errorf("%w: %q of %s", ErrExists, id.Key, id.Ref)
		}
	}
	room := Limits{Bytes: limits.Bytes - size, Entries: limits.Entries - 1, Unused: limits.Unused}
	events := x.Evict(id.Project, now, room)
	return append(events, Saved{Entry{ID: id, Manifest: manifest, Bytes: size, Made: now, Used: now}}), nil
}

// Evict decides which entries of a project must go so that the others are within limits:
// those that nobody has found for longest go first.
func (x *Index) Evict(project string, now time.Time, limits Limits) (events []Event) {
	s := x.projects[project]
	if s == nil {
		return nil
	}
	if limits.Unused == 0 && s.bytes <= limits.Bytes && len(s.entries) <= limits.Entries {
		return nil // nothing to do, which is most of the time
	}
	all := x.Entries(project)
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Or(a.Used.Compare(b.Used), a.Made.Compare(b.Made)) })
	count, bytes := len(all), s.bytes
	for _, e := range all {
		old := limits.Unused > 0 && now.Sub(e.Used) >= limits.Unused
		if !old && count <= limits.Entries && bytes <= limits.Bytes {
			break
		}
		events = append(events, Evicted{e.ID})
		count, bytes = count-1, bytes-e.Bytes
	}
	return events
}

// Evolve folds an event into the index. It never fails: an event already happened.
func (x *Index) Evolve(e Event) {
	switch e := e.(type) {
	case Saved:
		s := x.projects[e.Entry.Project]
		if s == nil {
			s = &shelf{entries: map[ID]Entry{}}
			x.projects[e.Entry.Project] = s
		}
		s.bytes += e.Entry.Bytes - s.entries[e.Entry.ID].Bytes
		s.entries[e.Entry.ID] = e.Entry
	case Found:
		x.used(e.ID, e.At)
	case Evicted:
		x.drop(e.ID)
	default:
		panic("cache: event without a rule in Evolve")
	}
}

// used notes when an entry was found. Word of that may come late, or twice.
func (x *Index) used(id ID, at time.Time) {
	s := x.projects[id.Project]
	if s == nil {
		return
	}
	if e, is := s.entries[id]; is && at.After(e.Used) {
		e.Used = at
		s.entries[id] = e
	}
}

func (x *Index) drop(id ID) {
	s := x.projects[id.Project]
	if s == nil {
		return
	}
	s.bytes -= s.entries[id].Bytes
	delete(s.entries, id)
	if len(s.entries) == 0 {
		delete(x.projects, id.Project)
	}
}
