// Package project is what operators allow each project: its share of the workers
// when there are too few, and its limits. Runs belong to projects.
package project

import (
	"errors"
	"fmt"
)

// Default is the name of the project of runs that name none.
const Default = "default"

// MaxName is the most bytes of a project's name.
const MaxName = 63

// ErrBadName means that a name is not 1 to MaxName lower-case letters, digits,
// '_', '-' or '.', the first a letter or digit.
var ErrBadName = errors.New("project: bad name")

// Limits is what a project may have. The zero value of a limit means no limit.
type Limits struct {
	// Weight is its share when projects compete: one of weight 2 gets twice the
	// slots of one of weight 1. 0 means 1.
	Weight float64
	// Running is how many attempts it may have at once.
	Running int
	// Queued is how many of its jobs may wait.
	Queued int
	// StartsPerSecond is how many attempts may begin in a second.
	StartsPerSecond float64
	// Pool is the trust pool whose workers alone run its jobs; "" means the default.
	Pool string
}

// Share returns the weight, which is positive.
func (l Limits) Share() float64 {
	if l.Weight <= 0 {
		return 1
	}
	return l.Weight
}

// Set has the limits of all projects. The zero value limits nobody.
type Set struct {
	// Others is for projects that have no limits of their own.
	Others Limits
	By     map[string]Limits
}

// Of returns the limits of a project.
func (s Set) Of(name string) Limits {
	if l, ok := s.By[name]; ok {
		return l
	}
	return s.Others
}

// CheckName returns ErrBadName, with the name, or nil.
func CheckName(name string) error {
	ok := name != "" && len(name) <= MaxName
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		plain := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		ok = plain || i > 0 && (c == '_' || c == '-' || c == '.')
	}
	if ok {
		return nil
	}
	if len(name) > MaxName {
		name = name[:MaxName] + "…"
	}
	return fmt.Errorf("%w %q: use 1 to %d lower-case letters, digits, '_', '-' or '.', the first a letter or digit",
		ErrBadName, name, MaxName)
}
