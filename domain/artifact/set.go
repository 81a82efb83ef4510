package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"yardmaster/domain/blob"
)

// ErrExists means that the run has another artifact of that name.
var ErrExists = errors.New("artifact: it exists")

// Artifact is what one upload left.
type Artifact struct {
	Name     string
	Manifest blob.Digest
	Files    int
	Bytes    int64
}

// Upload asks for an artifact to be kept.
type Upload struct {
	Artifact
	// Overwrite puts it in the place of the one that has its name.
	Overwrite bool
}

// Set is the artifacts of one run, by name. It is a value: With returns another one.
type Set struct{ all []Artifact }

// Decide returns whether an upload changes the set, or why it is refused. An artifact
// does not change once it is there, unless the upload asks for that; the same upload
// may come again, and changes nothing.
func (s Set) Decide(u Upload, limits RunLimits) (changes bool, err error) {
	if err := CheckName(u.Name); err != nil {
		return false, err
	}
	if u.Bytes < 0 || u.Files < 0 {
		return false, fmt.Errorf("%w: %d files of %d bytes", ErrInvalid, u.Files, u.Bytes)
	}
	old, exists := s.Find(u.Name)
	switch {
	case exists && old == u.Artifact:
		return false, nil
	case exists && !u.Overwrite:
		return false, fmt.Errorf("%w: the run has another artifact %q; use another name, or overwrite: true",
			ErrExists, u.Name)
	case !exists && len(s.all) >= limits.Artifacts:
		return false, fmt.Errorf("%w: the run has %d artifacts", ErrLimit, len(s.all))
	}
	if sum := plus(s.Bytes()-old.Bytes, u.Bytes); sum > limits.Bytes {
		return false, fmt.Errorf("%w: the artifacts of the run would have %d bytes, more than %d",
			ErrLimit, sum, limits.Bytes)
	}
	return true, nil
}

// With returns the set with an artifact, in the place of the one that has its name. It
// folds what was decided, so it refuses nothing.
func (s Set) With(a Artifact) Set {
	at, exists := s.search(a.Name)
	all := slices.Clone(s.all)
	if exists {
		all[at] = a
	} else {
		all = slices.Insert(all, at, a)
	}
	return Set{all}
}

// Find returns the artifact of a name.
func (s Set) Find(name string) (Artifact, bool) {
	at, exists := s.search(name)
	if !exists {
		return Artifact{}, false
	}
	return s.all[at], true
}

func (s Set) search(name string) (int, bool) {
	return slices.BinarySearchFunc(s.all, name, func(a Artifact, n string) int { return cmp.Compare(a.Name, n) })
}

// All returns the artifacts by name. They are not to be changed.
func (s Set) All() []Artifact { return s.all }

// Bytes returns how many bytes all artifacts have, as if none had a file of another.
func (s Set) Bytes() (sum int64) {
	for i := range s.all {
		sum = plus(sum, s.all[i].Bytes)
	}
	return sum
}
