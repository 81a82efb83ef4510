package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing wrong with a file, and where.
type Fault struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters
	Rule    Rule
	Message string
	Hint    string // what to do about it; may be empty
}

// Error returns "file:line:column: message (hint)".
func (f Fault) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// Faults are all the faults of a file, in the order of their places. Never empty
// when returned as an error.
type Faults []Fault

// Error returns one fault a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

const (
	snippetWidth  = 100 // characters of a source line that are shown
	snippetBefore = 60  // of these, before the fault when the line is longer
)

// Snippet returns the line of src that the fault is in, with its number, and a
// caret below the column: for people. It shows text of the file, which may hold
// secrets: do not log it. It is empty when src has no such line.
func (f Fault) Snippet(src []byte) string {
	line, ok := sourceLine(withoutBOM(src), f.Line)
	if !ok {
		return ""
	}
	text := []rune(line)
	at := min(max(f.Column-1, 0), len(text))
	start := 0
	if len(text) > snippetWidth {
		start = max(0, min(at-snippetBefore, len(text)-snippetWidth))
	}
	end := min(len(text), start+snippetWidth)
	number := fmt.Sprintf("%5d", f.Line)
	return fmt.Sprintf("%s | %s\n%s | %s^\n", number, visible(text[start:end]),
		strings.Repeat(" ", len(number)), strings.Repeat(" ", at-start))
}

// visible replaces what would move a terminal's cursor or colour its text.
func visible(text []rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '·'
		}
		return r
	}, string(text))
}

// maxKept bounds the faults that are kept before they are sorted.
const maxKept = 10 * MaxFaults

// reporter collects faults, each once.
type reporter struct {
	file    string
	rule    Rule // of what is reported, unless it is said there; "" means RuleValue
	seen    map[Fault]struct{}
	list    Faults
	dropped int
}

// report adds a fault, under the rule of what is being read.
func (r *reporter) report(at pos, message, hint string) {
	r.reportAs(cmp.Or(r.rule, RuleValue), at, message, hint)
}

// reportLimit adds the fault that something is more than is allowed.
func (r *reporter) reportLimit(at pos, message, hint string) {
	r.reportAs(RuleLimit, at, message, hint)
}

// reportAs adds a fault under a rule.
func (r *reporter) reportAs(rule Rule, at pos, message, hint string) {
	f := Fault{File: r.file, Line: at.line, Column: at.col, Message: message, Hint: hint}
	if _, ok := r.seen[f]; ok {
		return // an alias is read where it stands, more than once
	}
	if r.crowded() {
		r.dropped++
		return
	}
	r.seen[f] = struct{}{}
	f.Rule = rule
	r.list = append(r.list, f)
}

// crowded reports that no more faults are kept, so that none need be made well.
func (r *reporter) crowded() bool { return len(r.list) >= maxKept }

func (r *reporter) any() bool { return len(r.list) > 0 }

// sorted returns the faults by place, cut to MaxFaults.
func (r *reporter) sorted() Faults {
	slices.SortStableFunc(r.list, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(r.list) <= MaxFaults {
		return r.list
	}
	last := r.list[MaxFaults]
	last.Message = fmt.Sprintf("and %d more", len(r.list)-MaxFaults+r.dropped)
	last.Rule, last.Hint = RuleFaults, ""
	return append(slices.Clip(r.list[:MaxFaults]), last)
}

// maxQuoted bounds the text of a file that is quoted in a message, in characters.
const maxQuoted = 60

// quote returns s for a message: in quotes, printable and short.
func quote(s string) string {
	n := 0
	for i := range s {
		if n == maxQuoted {
			return fmt.Sprintf("%q", s[:i]+"...")
		}
		n++
	}
	return fmt.Sprintf("%q", s)
}
