package worker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/resource"
)

// Limits of a registration.
const (
	MaxSlots  = 10_000
	MaxLabels = 256
	MaxName   = 63 // bytes of an ID, an incarnation, a label or a pool
)

var (
	// ErrBadRegistration means that a registration breaks a limit or a syntax.
	ErrBadRegistration = errors.New("worker: bad registration")
	// ErrBadLabel means that a text is not a label.
	ErrBadLabel = errors.New("worker: bad label")
	// ErrBadPool means that a text is not the name of a trust pool.
	ErrBadPool = errors.New("worker: bad pool")
)

// Validate returns an error that is ErrBadRegistration and names every fault, or nil.
func (r Register) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrBadRegistration}, args...)...))
	}
	if !ValidID(r.ID) {
		fault("id %q is not 1 to %d letters, digits, '_' or '-', the first a letter or digit", clip(string(r.ID)), MaxName)
	}
	if !isName(string(r.Incarnation), isAlnum, "_-") {
		fault("incarnation %q has not the form of an id", clip(string(r.Incarnation)))
	}
	labels := slices.Concat(r.Labels, r.Found)
	if len(labels) > MaxLabels {
		fault("%d labels are more than %d", len(labels), MaxLabels)
	}
	for _, label := range labels[:min(len(labels), MaxLabels)] {
		if says := labelFault(label); says != "" {
			fault("%s", says)
		}
	}
	if r.Slots < 1 || r.Slots > MaxSlots {
		fault("%d slots are not in [1,%d]", r.Slots, MaxSlots)
	}
	if r.Resources.CPU < 0 || r.Resources.CPU > resource.MaxCPU {
		fault("%d thousandths of a core are not in [0,%d]", r.Resources.CPU, int64(resource.MaxCPU))
	}
	if r.Resources.Memory < 0 || r.Resources.Memory > resource.MaxMemory {
		fault("%d bytes of memory are not in [0,%d]", r.Resources.Memory, int64(resource.MaxMemory))
	}
	if says := poolFault(r.Pool); says != "" {
		fault("%s", says)
	}
	if r.Held < 0 || r.Held > MaxSlots {
		fault("%d attempts held are not in [0,%d]", r.Held, MaxSlots)
	}
	return errors.Join(faults...)
}

// ValidID reports whether id can be a worker's: see Register.
func ValidID(id ID) bool { return isName(string(id), isAlnum, "_-") }

// CheckLabel returns ErrBadLabel, with what is wrong, or nil. In lower case a label
// is one letter or digit, then up to 62 letters, digits or any of "._=/-".
func CheckLabel(label string) error { return faultAs(ErrBadLabel, labelFault(label)) }

// CheckPool returns ErrBadPool, with what is wrong, or nil. The default pool is "";
// others are one lower-case letter or digit, then up to 62 of these or any of "._-".
func CheckPool(name string) error { return faultAs(ErrBadPool, poolFault(name)) }

func labelFault(label string) string {
	if isName(strings.ToLower(label), isLowerAlnum, "._=/-") {
		return ""
	}
	return fmt.Sprintf("label %q is not 1 to %d letters, digits or any of ._=/-, the first a letter or digit",
		clip(label), MaxName)
}

func poolFault(name string) string {
	if name == "" || isName(name, isLowerAlnum, "._-") {
		return ""
	}
	return fmt.Sprintf("pool %q is not 1 to %d lower-case letters, digits or any of ._-, the first a letter or digit",
		clip(name), MaxName)
}

func faultAs(kind error, says string) error {
	if says == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", kind, says)
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
