package worker

import (
	"errors"
	"fmt"
	"slices"
)

// MaxSettings is how many labels operators may add to a worker, and how many they
// may remove.
const MaxSettings = 64

// ErrBadAdjustment means that an operator's wish breaks a limit or a syntax, or
// contradicts itself.
var ErrBadAdjustment = errors.New("worker: bad change")

// Settings are what operators want of a worker. They hold until somebody says
// otherwise, whoever restarts. The zero value wants nothing.
type Settings struct {
	// HeldBack means that the worker ends what it runs and gets nothing new.
	HeldBack bool
	// Added and Removed are where its labels differ from what it says of itself.
	// Both are in lower case, sorted, each label once, and have none in common.
	Added, Removed []string
}

// IsZero reports whether operators want nothing of the worker.
func (s Settings) IsZero() bool { return !s.HeldBack && len(s.Added) == 0 && len(s.Removed) == 0 }

// Equal reports whether both want the same.
func (s Settings) Equal(other Settings) bool {
	return s.HeldBack == other.HeldBack && slices.Equal(s.Added, other.Added) && slices.Equal(s.Removed, other.Removed)
}

// Apply returns the labels of a worker that says it has those of said, which are
// canonical, and the result is too.
func (s Settings) Apply(said []string) []string {
	if len(s.Added) == 0 && len(s.Removed) == 0 {
		return said
	}
	labels := CanonicalLabels(slices.Concat(said, s.Added))
	return slices.DeleteFunc(labels, func(label string) bool { return has(s.Removed, label) })
}

// adjusted returns the settings after an operator's wish about a worker that says
// it has the labels of said: only what differs from these is kept.
func (s Settings) adjusted(c Adjust, said []string) Settings {
	if c.HeldBack != nil {
		s.HeldBack = *c.HeldBack
	}
	s.Added, s.Removed = slices.Clone(s.Added), slices.Clone(s.Removed)
	for _, label := range CanonicalLabels(c.Add) {
		s.Removed = without(s.Removed, label)
		if !has(said, label) {
			s.Added = append(s.Added, label)
		}
	}
	for _, label := range CanonicalLabels(c.Remove) {
		s.Added = without(s.Added, label)
		if has(said, label) {
			s.Removed = append(s.Removed, label)
		}
	}
	s.Added, s.Removed = orNone(CanonicalLabels(s.Added)), orNone(CanonicalLabels(s.Removed))
	return s
}

func without(labels []string, label string) []string {
	return slices.DeleteFunc(labels, func(l string) bool { return l == label })
}

// orNone has no labels be nil, so that equal settings are so in every respect.
func orNone(labels []string) []string {
	if len(labels) == 0 {
		return nil
	}
	return labels
}

// Validate returns an error that is ErrBadAdjustment and names every fault, or nil.
func (c Adjust) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrBadAdjustment}, args...)...))
	}
	for _, labels := range [][]string{c.Add, c.Remove} {
		if len(labels) > MaxSettings {
			fault("%d labels at once are more than %d", len(labels), MaxSettings)
			continue
		}
		for _, label := range labels {
			if says := labelFault(label); says != "" {
				fault("%s", says)
			}
		}
	}
	if len(faults) == 0 {
		remove := CanonicalLabels(c.Remove)
		for _, label := range CanonicalLabels(c.Add) {
			if has(remove, label) {
				fault("label %q is to be added and removed", label)
			}
		}
	}
	return errors.Join(faults...)
}
