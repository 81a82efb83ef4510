package worker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of a registration.
const (
	MaxSlots  = 10_000
	MaxLabels = 64
	MaxName   = 63 // bytes of an ID, an incarnation or a label
)

// ErrBadRegistration means that a registration breaks a limit or a syntax.
var ErrBadRegistration = errors.New("worker: bad registration")

// Validate returns an error that is ErrBadRegistration and names every fault, or nil.
func (r Register) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrBadRegistration}, args...)...))
	}
	if !isName(string(r.ID), isAlnum, "_-") {
		fault("id %q is not 1 to %d letters, digits, '_' or '-', the first a letter or digit", clip(string(r.ID)), MaxName)
	}
	if !isName(string(r.Incarnation), isAlnum, "_-") {
		fault("incarnation %q has not the form of an id", clip(string(r.Incarnation)))
	}
	if len(r.Labels) > MaxLabels {
		fault("%d labels are more than %d", len(r.Labels), MaxLabels)
	}
	for _, label := range r.Labels[:min(len(r.Labels), MaxLabels)] {
		if !isName(strings.ToLower(label), isLowerAlnum, "._=/-") {
			fault("label %q is not 1 to %d letters, digits or any of ._=/-, the first a letter or digit", clip(label), MaxName)
		}
	}
	if r.Slots < 1 || r.Slots > MaxSlots {
		fault("%d slots are not in [1,%d]", r.Slots, MaxSlots)
	}
	if r.Held < 0 || r.Held > MaxSlots {
		fault("%d attempts held are not in [0,%d]", r.Held, MaxSlots)
	}
	return errors.Join(faults...)
}

// CanonicalLabels returns labels in lower case, sorted and each once: the form in
// which workers have them and jobs demand them.
func CanonicalLabels(labels []string) []string {
	canonical := make([]string, len(labels))
	for i, label := range labels {
		canonical[i] = strings.ToLower(label)
	}
	slices.Sort(canonical)
	return slices.Compact(canonical)
}

// isName reports whether s has 1 to MaxName bytes, the first of them plain, the
// others plain or among marks.
func isName(s string, plain func(byte) bool, marks string) bool {
	if s == "" || len(s) > MaxName || !plain(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !plain(s[i]) && strings.IndexByte(marks, s[i]) < 0 {
			return false
		}
	}
	return true
}

func isLowerAlnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isLowerAlnum(c) || 'A' <= c && c <= 'Z' }

// clip keeps a message readable that quotes what a stranger sent.
func clip(s string) string {
	if len(s) > MaxName+1 {
		return s[:MaxName+1] + "…"
	}
	return s
}
