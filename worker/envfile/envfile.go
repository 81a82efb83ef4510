// Package envfile reads the files into which a step writes what is to outlive it:
// outputs, variables, state and directories of programs.
//
// It is pure, and its errors never hold a value: what stands in such a file may be
// a secret.
package envfile

import (
	"fmt"
	"strings"

	"yardmaster/domain/plan"
)

// MaxSize is the most bytes that a step may write into one of the files.
const MaxSize = 1 << 20

const (
	byteOrderMark = "\ufeff"
	heredoc       = "<<"
)

// Fault is what is wrong with a file, and where.
type Fault struct {
	Line    int // counts from 1
	Message string
}

// Error returns "line N: message".
func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Message) }

// Pairs reads lines of the forms NAME=VALUE, and
//
//	NAME<<DELIMITER
//	any number of lines
//	DELIMITER
//
// Whichever of = and << comes first in a line decides. Empty lines count for
// nothing; of equal names the last counts, which is the caller's to see to. Lines
// end with a line feed, and a carriage return before it belongs to the value. The
// error, if any, is a *Fault.
func Pairs(text string) ([]plan.Var, error) {
	r := reader{rest: strings.TrimPrefix(text, byteOrderMark)}
	var pairs []plan.Var
	for r.next() {
		if r.line == "" {
			continue
		}
		pair, fault := r.pair()
		if fault != nil {
			return nil, fault
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// reader goes through the lines of a text.
type reader struct {
	rest   string
	line   string // without its end
	number int
}

func (r *reader) next() bool {
	if r.rest == "" {
		return false
	}
	r.line, r.rest, _ = strings.Cut(r.rest, "\n")
	r.number++
	return true
}

// pair reads the one that begins in the present line.
func (r *reader) pair() (plan.Var, *Fault) {
	start := r.number
	equals, here := strings.IndexByte(r.line, '='), strings.Index(r.line, heredoc)
	switch {
	case equals < 0 && here < 0:
		return plan.Var{}, &Fault{start, "expected NAME=VALUE or NAME<<DELIMITER"}
	case equals == 0 || here == 0:
		return plan.Var{}, &Fault{start, "the name is empty"}
	case here < 0 || equals >= 0 && equals < here:
		return plan.Var{Name: r.line[:equals], Value: r.line[equals+1:]}, nil
	}
	name, delimiter := r.line[:here], r.line[here+len(heredoc):]
	if delimiter == "" {
		return plan.Var{}, &Fault{start, "the delimiter behind << is empty"}
	}
	value, whole := r.rest, 0 // bytes of value up to the delimiter's line
	for r.next() {
		if r.line == delimiter {
			return plan.Var{Name: name, Value: value[:max(0, whole-1)]}, nil // without the last line's end
		}
		whole += len(r.line) + 1
	}
	return plan.Var{}, &Fault{start, "there is no line that ends the value: its delimiter stands nowhere below"}
}

// CheckVariable returns why a step may not set a variable of this name for the
// steps after it, or nil.
func CheckVariable(v plan.Var) error {
	upper := strings.ToUpper(v.Name)
	switch {
	case strings.ContainsAny(v.Name, "=\x00"):
		return fmt.Errorf("%q cannot name a variable", v.Name)
	case strings.ContainsRune(v.Value, 0):
		return fmt.Errorf("the value of %q holds a zero byte", v.Name)
	case upper == "NODE_OPTIONS":
		return fmt.Errorf("%q must not be set for the steps that follow: it makes them run other code", v.Name)
	case upper == "YARDMASTER" || hasPrefix(upper, "GITHUB_", "RUNNER_", "YARDMASTER_"):
		return fmt.Errorf("the name %q is reserved", v.Name)
	}
	return nil
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// Paths reads a directory in each line; empty lines count for nothing. Lines end
// with a line feed, with a carriage return or without.
func Paths(text string) (paths []string) {
	for line := range strings.SplitSeq(strings.TrimPrefix(text, byteOrderMark), "\n") {
		if line = strings.TrimSuffix(line, "\r"); line != "" {
			paths = append(paths, line)
		}
	}
	return paths
}

// Prepend puts directories in front of others, the last first, and each only once.
func Prepend(before, added []string) []string {
	all := make([]string, 0, len(before)+len(added))
	seen := make(map[string]bool, len(before)+len(added))
	take := func(dir string) {
		if !seen[dir] {
			seen[dir] = true
			all = append(all, dir)
		}
	}
	for i := len(added) - 1; i >= 0; i-- {
		take(added[i])
	}
	for _, dir := range before {
		take(dir)
	}
	return all
}
